package rules

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada"
)

// A SUPER value can't hold every JSON value: strings end at 65,535 bytes,
// nesting at 1,000, and numbers that no 64-bit integer or double holds may lose
// digits. Such a value is kept as its own text, in pieces, in an object with
// one key: {"_ikada_json": ["…", "…"]}. The adapter's queries undo that.

const (
	TextKey   = "_ikada_json" // of what is kept as text
	WholeName = "_ikada_rest" // all of a _rest that is no object that SUPER holds
	maxPiece  = MaxVarchar
	maxDepth  = 990 // _rest and the wrapping add some
)

// AppendSuper appends a JSON value as SUPER holds it.
func AppendSuper(dst, value []byte) ([]byte, error) {
	if superHolds(value) {
		return append(dst, value...), nil
	}
	return appendText(dst, value)
}

// appendText appends a value as an object that holds its text.
func appendText(dst, value []byte) ([]byte, error) {
	dst = append(dst, `{"`+TextKey+`":[`...)
	for first := true; len(value) > 0; first = false {
		n := min(len(value), maxPiece)
		for n < len(value) && n > 0 && !utf8.RuneStart(value[n]) {
			n--
		}
		if !first {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = jsontext.AppendQuote(dst, value[:n]); err != nil {
			return nil, err
		}
		value = value[n:]
	}
	return append(dst, `]}`...), nil
}

// superHolds reports whether SUPER holds a value exactly, and whether it can't
// be taken for one that is kept as text.
func superHolds(value []byte) bool {
	if len(value) > 0 && value[0] != '{' && value[0] != '[' {
		return scalarHolds(value)
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(value)) // refuses duplicate names
	for {
		kind := d.PeekKind()
		switch kind {
		case '"', '0':
			v, err := d.ReadValue()
			if err != nil || !scalarHolds(v) {
				return false
			}
			if d.StackDepth() == 1 && bytes.HasPrefix(v, []byte(`"_ikada_`)) {
				return false
			}
		default:
			if _, err := d.ReadToken(); err != nil {
				return errors.Is(err, io.EOF)
			}
			if d.StackDepth() > maxDepth {
				return false
			}
		}
	}
}

func scalarHolds(value []byte) bool {
	switch {
	case value[0] == '"' && len(value) > MaxVarchar:
		text, err := jsontext.AppendUnquote(nil, value)
		return err == nil && len(text) <= MaxVarchar
	case value[0] == '-', value[0] >= '0' && value[0] <= '9':
		return ikada.NumberKind(value)&(ikada.KindBigInt|ikada.KindBeyond) == 0
	}
	return true
}
