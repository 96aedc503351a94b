package record

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
)

// text appends a string to the row.
func (r *row) text(s []byte) (ikada.Kinds, error) {
	if plainASCII(s) {
		r.noteLength(len(s))
		r.body = append(appendBytes(append(r.body, '"'), s), '"')
		return ikada.TextKind(s), nil
	}
	if !utf8.Valid(s) {
		fixed, ok := repair(s)
		if !ok {
			return 0, errors.New("the text is not UTF-8")
		}
		s = fixed
	}
	s = replaceNUL(s)
	r.noteLength(len(s))
	r.body = appendText(r.body, s)
	return ikada.KindText, nil // a timestamp is plain ASCII
}

// replaceNUL returns s with each U+0000 replaced by its symbol.
func replaceNUL(s []byte) []byte {
	if bytes.IndexByte(s, 0) < 0 {
		return s
	}
	return bytes.ReplaceAll(s, []byte{0}, []byte(nulText))
}

// float appends a number from binary.
func (r *row) float(v float64, bits int) (ikada.Kinds, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%v is no number in JSON", v)
	}
	r.body = appendFloat(r.body, v, bits)
	return ikada.KindDecimal, nil
}

func (r *row) noteLength(n int) { r.longest = max(r.longest, uint32(n)) }

// deeper notes that an array or object begins at a depth.
func (r *row) deeper(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	if depth > hardDepth {
		r.hard = true
	}
	return nil
}

// lastKey returns the current field's key for error messages.
func (r *row) lastKey() []byte {
	f := r.fields[len(r.fields)-1]
	return r.body[f.key+1 : f.value-1]
}
