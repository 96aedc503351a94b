package quarantine

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/ikada-io/ikada/batch"
)

// decoder returns what makes UTF-8 of texts in a charset; nil if none is named.
func decoder(charset string) (*encoding.Decoder, error) {
	if charset == "" {
		return nil, nil
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("charset %q is unknown: want a name of the web's, such as shift_jis, euc-jp, iso-8859-1 or windows-1252", charset)
	}
	return e.NewDecoder(), nil
}

// recode makes UTF-8 of a record's texts.
func recode(d *encoding.Decoder, format batch.Format, data []byte) ([]byte, error) {
	if format != batch.Msgpack {
		return texts(d, data)
	}
	out, rest, err := recodeValue(d, nil, data, 0)
	if err != nil {
		return nil, fmt.Errorf("read it as msgpack: %w", err)
	}
	return append(out, rest...), nil
}

// texts makes UTF-8 of a text. What the charset does not have is an error, as
// nothing may be lost.
func texts(d *encoding.Decoder, text []byte) ([]byte, error) {
	decoded, err := d.Bytes(text)
	if err == nil && bytes.ContainsRune(decoded, utf8.RuneError) {
		err = errors.New("some of its bytes are no text in that charset")
	}
	return decoded, err
}

// maxDepth bounds the nesting that is followed, as that of records is.
const maxDepth = 1000

// recodeValue copies one value of msgpack, with its texts in UTF-8.
func recodeValue(d *encoding.Decoder, out, in []byte, depth int) (_, rest []byte, err error) {
	var n uint32
	switch kind := msgp.NextType(in); {
	case depth > maxDepth:
		return nil, nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
	case kind == msgp.MapType:
		if n, rest, err = msgp.ReadMapHeaderBytes(in); err != nil {
			return nil, nil, err
		}
		return recodeValues(d, msgp.AppendMapHeader(out, n), rest, 2*uint64(n), depth)
	case kind == msgp.ArrayType:
		if n, rest, err = msgp.ReadArrayHeaderBytes(in); err != nil {
			return nil, nil, err
		}
		return recodeValues(d, msgp.AppendArrayHeader(out, n), rest, uint64(n), depth)
	case kind == msgp.StrType || kind == msgp.BinType:
		read := msgp.ReadStringZC
		if kind == msgp.BinType {
			read = msgp.ReadBytesZC
		}
		text, rest, err := read(in)
		if err != nil {
			return nil, nil, err
		}
		if text, err = texts(d, text); err != nil {
			return nil, nil, err
		}
		return msgp.AppendStringFromBytes(out, text), rest, nil
	}
	if rest, err = msgp.Skip(in); err != nil {
		return nil, nil, err
	}
	return append(out, in[:len(in)-len(rest)]...), rest, nil
}

func recodeValues(d *encoding.Decoder, out, in []byte, n uint64, depth int) (_, rest []byte, err error) {
	for range n {
		if out, in, err = recodeValue(d, out, in, depth+1); err != nil {
			return nil, nil, err
		}
	}
	return out, in, nil
}
