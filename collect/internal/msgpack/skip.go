// Package msgpack finds where msgpack values end, and no more: collect passes
// entries on as they came and decodes none of them. It works on a buffer that
// is still growing, takes up where it stopped, needs no stack however deep the
// values nest, and never believes a length before the bytes are there.
package msgpack

import "fmt"

// Skip moves from pos over the next left values of b. It returns the position
// behind the last value that is whole (of arrays and maps, the header counts
// alone), the number of values that are left, and the length that b must have
// to go on. The walk is over when left is 0; otherwise call it again, with what
// it returned, once b has need bytes.
//
// A caller with a limit compares it with need: each value that is left counts
// one byte there, so a header that promises too much is found out at once.
func Skip(b []byte, pos int, left uint64) (newPos int, newLeft uint64, need uint64, err error) {
	for left > 0 {
		if pos >= len(b) {
			return pos, left, uint64(len(b)) + left, nil
		}
		c := b[pos]
		if l := layouts[c]; l.size > 0 && pos+int(l.size) <= len(b) { // nearly all values
			pos += int(l.size)
			left += uint64(l.children) - 1
			continue
		}
		size, children, head := header(b[pos:])
		if head == 0 {
			if c == neverUsed {
				return pos, left, 0, fmt.Errorf("byte %#x is no msgpack", c)
			}
			return pos, left, uint64(len(b)) + left, nil
		}
		if size > uint64(len(b)-pos) {
			return pos, left, uint64(pos) + size + left - 1, nil
		}
		pos += int(size)
		left += children - 1
	}
	return pos, 0, uint64(pos), nil
}

const neverUsed = 0xc1

// layout is what a first byte alone tells of a value: its length without its
// children (0 if more bytes tell it) and the number of children.
type layout struct{ size, children uint8 }

// layouts by first byte. A table, because the walk is most of what collect does
// with a message of Forward mode.
var layouts = func() (t [256]layout) {
	for c := range t {
		switch {
		case c < 0x80 || c >= 0xe0:
			t[c] = layout{size: 1}
		case c < 0xc0 || kinds[c-0xc0].fixed > 0:
			size, children, _ := header([]byte{byte(c)})
			t[c] = layout{uint8(size), uint8(children)}
		}
	}
	return t
}()

// header reads the head of a value that is not a fixint: the length of the
// value without its children, the number of children, and the length of the
// head, which is 0 if it is not all there.
func header(b []byte) (size, children uint64, head int) {
	c := b[0]
	switch {
	case c < 0x90:
		return 1, 2 * uint64(c&0x0f), 1
	case c < 0xa0:
		return 1, uint64(c & 0x0f), 1
	case c < 0xc0:
		return 1 + uint64(c&0x1f), 0, 1
	}
	k := kinds[c-0xc0]
	if k.fixed > 0 {
		return uint64(k.fixed), 0, 1
	}
	head = 1 + int(k.width)
	if k.width == 0 || len(b) < head {
		return 0, 0, 0
	}
	var n uint64
	for _, d := range b[1:head] {
		n = n<<8 | uint64(d)
	}
	if k.children > 0 {
		return uint64(head), n * uint64(k.children), head
	}
	return uint64(head) + uint64(k.extra) + n, 0, head
}

// kind tells how a value that begins with 0xc0 to 0xdf is laid out: either
// fixed bytes in all, or a big-endian length of width bytes with what it counts:
// children a piece, or bytes (and extra ones: the type of an extension).
type kind struct{ fixed, width, extra, children uint8 }

var kinds = [32]kind{
	0x00:        {fixed: 1}, // nil, 0xc0
	0xc2 - 0xc0: {fixed: 1}, // false
	0xc3 - 0xc0: {fixed: 1}, // true
	0xc4 - 0xc0: {width: 1}, // bin
	0xc5 - 0xc0: {width: 2},
	0xc6 - 0xc0: {width: 4},
	0xc7 - 0xc0: {width: 1, extra: 1}, // ext
	0xc8 - 0xc0: {width: 2, extra: 1},
	0xc9 - 0xc0: {width: 4, extra: 1},
	0xca - 0xc0: {fixed: 5}, // float
	0xcb - 0xc0: {fixed: 9},
	0xcc - 0xc0: {fixed: 2}, // uint
	0xcd - 0xc0: {fixed: 3},
	0xce - 0xc0: {fixed: 5},
	0xcf - 0xc0: {fixed: 9},
	0xd0 - 0xc0: {fixed: 2}, // int
	0xd1 - 0xc0: {fixed: 3},
	0xd2 - 0xc0: {fixed: 5},
	0xd3 - 0xc0: {fixed: 9},
	0xd4 - 0xc0: {fixed: 3}, // fixext
	0xd5 - 0xc0: {fixed: 4},
	0xd6 - 0xc0: {fixed: 6},
	0xd7 - 0xc0: {fixed: 10},
	0xd8 - 0xc0: {fixed: 18},
	0xd9 - 0xc0: {width: 1}, // str
	0xda - 0xc0: {width: 2},
	0xdb - 0xc0: {width: 4},
	0xdc - 0xc0: {width: 2, children: 1}, // array
	0xdd - 0xc0: {width: 4, children: 1},
	0xde - 0xc0: {width: 2, children: 2}, // map
	0xdf - 0xc0: {width: 4, children: 2},
}

// Entry returns the length of the first value of b, which must be whole.
func Entry(b []byte) (int, error) {
	n, left, _, err := Skip(b, 0, 1)
	if err != nil {
		return 0, fmt.Errorf("byte %d: %w", n, err)
	}
	if left > 0 {
		return 0, fmt.Errorf("byte %d: the value is cut short", n)
	}
	return n, nil
}

// Count returns the number of whole values at the start of b.
func Count(b []byte) (n int) {
	for len(b) > 0 {
		size, err := Entry(b)
		if err != nil {
			return n
		}
		b = b[size:]
		n++
	}
	return n
}

// IsArray tells whether a value that begins with c is an array.
func IsArray(c byte) bool { return c&0xf0 == 0x90 || c == 0xdc || c == 0xdd }

// IsMap tells whether a value that begins with c is a map.
func IsMap(c byte) bool { return c&0xf0 == 0x80 || c == 0xde || c == 0xdf }

// IsText tells whether a value that begins with c is str or bin: senders use
// them alike.
func IsText(c byte) bool {
	return c&0xe0 == 0xa0 || c >= 0xd9 && c <= 0xdb || c >= 0xc4 && c <= 0xc6
}

// Text returns the bytes of a whole value that IsText.
func Text(v []byte) []byte {
	switch c := v[0]; {
	case c&0xe0 == 0xa0:
		return v[1:]
	case c == 0xc4 || c == 0xd9:
		return v[2:]
	case c == 0xc5 || c == 0xda:
		return v[3:]
	}
	return v[5:]
}

// Children splits a whole array or map into the number of its values (of a
// map, keys and values) and their bytes.
func Children(v []byte) (n uint64, body []byte) {
	_, n, head := header(v)
	return n, v[head:]
}

// Head returns the number of values of an array or map and the length of its
// head, which is 0 if b ends before it does.
func Head(b []byte) (n uint64, head int) {
	_, n, head = header(b)
	return n, head
}
