package redshift

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada"
)

// A SUPER value can't hold every JSON value: strings end at 65,535 bytes,
// nesting at 1,000, and numbers that no 64-bit integer or double holds may lose
// digits. Such a value is kept as its own text, in pieces, in an object with
// one key: {"_ikada_json": ["…", "…"]}. Query undoes that.

const (
	textKey   = "_ikada_json"
	wholeName = "_ikada_rest" // all of a _rest that is no object that SUPER holds
	maxPiece  = maxVarchar
	maxDepth  = 990 // _rest and the wrapping add some
)

// appendSuper appends a JSON value as SUPER holds it.
func appendSuper(dst, value []byte) ([]byte, error) {
	if superHolds(value) {
		return append(dst, value...), nil
	}
	return appendText(dst, value)
}

// appendText appends a value as an object that holds its text.
func appendText(dst, value []byte) ([]byte, error) {
	dst = append(dst, `{"`+textKey+`":[`...)
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
	case value[0] == '"' && len(value) > maxVarchar:
		text, err := jsontext.AppendUnquote(nil, value)
		return err == nil && len(text) <= maxVarchar
	case value[0] == '-', value[0] >= '0' && value[0] <= '9':
		return ikada.NumberKind(value)&(ikada.KindBigInt|ikada.KindBeyond) == 0
	}
	return true
}

// decodeSuper reads a SUPER value, and what is kept as text in it or, as in
// _rest, in its members. Numbers keep their digits.
func decodeSuper(text string) any {
	v := decode(text)
	if object, ok := v.(map[string]any); ok {
		for name, member := range object {
			object[name] = unwrap(member)
		}
		if whole, ok := object[wholeName].(map[string]any); ok {
			delete(object, wholeName)
			maps.Copy(object, whole)
		}
	}
	return unwrap(v)
}

func unwrap(v any) any {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return v
	}
	pieces, ok := object[textKey].([]any)
	if !ok {
		return v
	}
	var b strings.Builder
	for _, p := range pieces {
		text, ok := p.(string)
		if !ok {
			return v
		}
		b.WriteString(text)
	}
	return decode(b.String())
}

func decode(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	return v
}
