package kinesisrecord

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// These functions find where JSON values end and what stands at the top of an
// object. They do not check what is inside of values, but for strings and for
// brackets that match in number: package record checks every line it takes.

var (
	errEnd     = errors.New("the JSON object ends in the middle")
	errKey     = errors.New("the JSON object is broken: want a key in quotes")
	errColon   = errors.New("the JSON object is broken: want a colon behind a key")
	errValue   = errors.New("the JSON object is broken: want a value")
	errComma   = errors.New("the JSON object is broken: want a comma or a brace behind a value")
	errControl = errors.New("the JSON object is broken: a control character inside of a string")
)

// visitor sees a member of an object: the key without its quotes, and the value.
type visitor func(key, value []byte)

// object reads the object that begins at b[i] and returns where it ends, or how
// far it got.
func object(b []byte, i int, visit visitor) (end int, err error) {
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		key := i
		if i, err = str(b, i); err != nil {
			return i, err
		}
		keyEnd := i
		if i = space(b, i); i >= len(b) {
			return i, errEnd
		} else if b[i] != ':' {
			return i, errColon
		}
		value := space(b, i+1)
		if i, err = skip(b, value); err != nil {
			return i, err
		}
		visit(b[key+1:keyEnd-1], b[value:i])
		if i = space(b, i); i >= len(b) {
			return i, errEnd
		}
		switch b[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = space(b, i+1)
		default:
			return i, errComma
		}
	}
}

// array calls visit with each element of the array that begins at b[i].
func array(b []byte, i int, visit func(element []byte)) error {
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return nil
	}
	for {
		end, err := skip(b, i)
		if err != nil {
			return err
		}
		visit(b[i:end:end])
		if i = space(b, end); i >= len(b) {
			return errEnd
		}
		switch b[i] {
		case ']':
			return nil
		case ',':
			i = space(b, i+1)
		default:
			return errComma
		}
	}
}

// skip returns where the value that begins at b[i] ends.
func skip(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, errEnd
	}
	switch b[i] {
	case '"':
		return str(b, i)
	case '{', '[':
		return nested(b, i)
	}
	end := i
	for end < len(b) && classes[b[end]] == scalar {
		end++
	}
	if end == i {
		return i, errValue
	}
	return end, nil
}

// nested returns where an array or object ends.
func nested(b []byte, i int) (int, error) {
	depth := 0
	for i < len(b) {
		switch classes[b[i]] {
		case quote:
			end, err := str(b, i)
			if err != nil {
				return end, err
			}
			i = end
			continue
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
		i++
	}
	return i, errEnd
}

// Classes of bytes.
const (
	scalar = iota + 1 // of numbers and literals
	quote
	opening
	closing
)

var classes = func() (c [256]uint8) {
	for _, b := range []byte("+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		c[b] = scalar
	}
	c['"'], c['{'], c['['], c['}'], c[']'] = quote, opening, opening, closing, closing
	return c
}()

// str returns where the string that begins at b[i] ends, behind its quote.
func str(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, errEnd
	}
	if b[i] != '"' {
		return i, errKey
	}
	for i++; ; {
		i = ordinary(b, i)
		switch {
		case i >= len(b):
			return i, errEnd
		case b[i] == '"':
			return i + 1, nil
		case b[i] != '\\':
			return i, errControl
		case i+1 >= len(b):
			return len(b), errEnd
		case b[i+1] < 0x20:
			return i + 1, errControl
		}
		i += 2
	}
}

// ordinary returns the index of the first byte of b[i:] that is a quote, a
// backslash or a control character; eight bytes at a time.
func ordinary(b []byte, i int) int {
	const low, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		q, s := w^('"'*low), w^('\\'*low)
		// A borrow may mark bytes that follow a marked one, never one before.
		if m := ((q-low)&^q | (s-low)&^s | (w-0x20*low)&^w) & high; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// space returns the index of the first byte of b[i:] that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
