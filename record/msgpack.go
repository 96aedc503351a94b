package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
)

var errShort = errors.New("msgpack data ends in the middle of a value")

// msgpack reads Forward entries and appends what it reads as JSON, straight
// into the current row: no maps, and nothing allocated per record.
type msgpack struct {
	b []byte
	i int
}

// head reads the head of a value: its first byte, and for what has a length,
// the length. The head is behind it afterwards.
func (d *msgpack) head() (c byte, n int, err error) {
	if d.i >= len(d.b) {
		return 0, 0, errShort
	}
	c = d.b[d.i]
	d.i++
	switch {
	case c < 0x80 || c >= 0xe0: // fixint
		return c, 0, nil
	case c < 0x90: // fixmap
		return 0xdf, int(c & 15), nil
	case c < 0xa0: // fixarray
		return 0xdd, int(c & 15), nil
	case c < 0xc0: // fixstr
		n, c = int(c&31), 0xdb
	default:
		n, err = d.length(c)
	}
	if err == nil && n > len(d.b)-d.i {
		err = errShort
	}
	return canonical[c], n, err
}

// canonical maps the heads that differ only in how long their length is to
// the longest one.
var canonical = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for long, short := range map[byte][]byte{0xdb: {0xd9, 0xda}, 0xc6: {0xc4, 0xc5}, 0xdd: {0xdc}, 0xdf: {0xde}, 0xc9: {0xc7, 0xc8, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8}} {
		for _, c := range short {
			t[c] = long
		}
	}
	return t
}()

// length reads the length behind a head and, for numbers, returns their size.
// An extension's type byte is left to be read.
func (d *msgpack) length(c byte) (int, error) {
	size := 0
	switch c {
	case 0xc4, 0xc7, 0xd9:
		size = 1
	case 0xc5, 0xc8, 0xda, 0xdc, 0xde:
		size = 2
	case 0xc6, 0xc9, 0xdb, 0xdd, 0xdf:
		size = 4
	case 0xcc, 0xd0:
		return 1, nil
	case 0xcd, 0xd1:
		return 2, nil
	case 0xca, 0xce, 0xd2:
		return 4, nil
	case 0xcb, 0xcf, 0xd3:
		return 8, nil
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // fixext
		return 1 + 1<<(c-0xd4), nil
	case 0xc1:
		return 0, errors.New("msgpack byte 0xc1 is never used")
	default: // nil, false, true
		return 0, nil
	}
	if size > len(d.b)-d.i {
		return 0, errShort
	}
	n := 0
	for _, b := range d.b[d.i : d.i+size] {
		n = n<<8 | int(b)
	}
	d.i += size
	switch c {
	case 0xc7, 0xc8, 0xc9:
		n++ // the extension's type
	}
	return n, nil
}

// skip passes over one value without recursion.
func (d *msgpack) skip() error {
	for need := 1; need > 0; need-- {
		c, n, err := d.head()
		if err != nil {
			return err
		}
		switch c {
		case 0xdd:
			need += n
		case 0xdf:
			need += 2 * n
		default:
			d.i += n
		}
		if need-1 > len(d.b)-d.i {
			return errShort
		}
	}
	return nil
}

// record reads a map into the row, which is to be settled then.
func (d *msgpack) record(r *row, s *Shape) error {
	c, n, err := d.head()
	if err != nil {
		return err
	}
	if c != 0xdf {
		return errors.New("the record is not a map")
	}
	s.row++
	for slot := int32(0); n > 0; n-- {
		var begun bool
		if n, slot, begun = d.quick(r, s, n, slot); n == 0 {
			break
		}
		var kind ikada.Kinds
		if begun {
			kind, err = d.generalValue(r, 1)
		} else if slot, err = d.key(r, s, slot); err != nil {
			return err
		} else {
			kind, err = d.value(r, 1)
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", r.lastKey(), err)
		}
		r.value(kind)
	}
	return nil
}

// key reads a top-level key. Mostly it is the one that followed the previous
// key in the last record.
func (d *msgpack) key(r *row, s *Shape, prev int32) (int32, error) {
	if next := s.slots[prev].next; next != 0 {
		if expected := &s.slots[next].msgpack; expected.begins(d.b[d.i:]) {
			d.i += len(expected.text)
			r.key(s, next, nil)
			return next, nil
		}
	}
	start := d.i
	key, err := d.keyBytes()
	if err != nil {
		return 0, err
	}
	slot, text := s.find(prev, key)
	r.key(s, slot, text)
	if slot == unlisted {
		return prev, nil
	}
	s.slots[slot].msgpack = newKeyForm(d.b[start:d.i])
	return slot, nil
}

// keyBytes reads a map's key as text. Some senders use bin for strings, and
// integers occur.
func (d *msgpack) keyBytes() ([]byte, error) {
	start := d.i
	c, n, err := d.head()
	if err != nil {
		return nil, err
	}
	if c == 0xdb || c == 0xc6 {
		key := d.b[d.i : d.i+n]
		d.i += n
		return cleanKey(key)
	}
	d.i = start
	if v, ok := d.integer(); ok {
		return strconv.AppendInt(nil, v, 10), nil
	}
	return nil, errors.New("a key is neither a string nor an integer")
}

// cleanKey returns a key as UTF-8 without NUL.
func cleanKey(key []byte) ([]byte, error) {
	if !plainASCII(key) && !utf8.Valid(key) {
		fixed, ok := repair(key)
		if !ok {
			return nil, fmt.Errorf("key %q is not UTF-8", key)
		}
		key = fixed
	}
	return replaceNUL(key), nil
}

// integer reads an integer that fits int64, or reads nothing.
func (d *msgpack) integer() (int64, bool) {
	c, n := d.b[d.i], 0
	if c < 0x80 || c >= 0xe0 {
		d.i++
		return int64(int8(c)), true
	}
	if c < 0xcc || c > 0xd3 {
		return 0, false
	}
	n = 1 << ((c - 0xcc) & 3)
	if n > len(d.b)-d.i-1 {
		return 0, false
	}
	var u uint64
	switch b := d.b[d.i+1 : d.i+1+n]; n {
	case 1:
		u = uint64(b[0])
	case 2:
		u = uint64(binary.BigEndian.Uint16(b))
	case 4:
		u = uint64(binary.BigEndian.Uint32(b))
	case 8:
		u = binary.BigEndian.Uint64(b)
	}
	if c == 0xcf && u > math.MaxInt64 {
		return 0, false
	}
	d.i += 1 + n
	if c >= 0xd0 { // signed: extend the sign
		shift := 64 - 8*n
		return int64(u<<shift) >> shift, true
	}
	return int64(u), true
}

// value appends a value to the row as JSON.
func (d *msgpack) value(r *row, depth int) (ikada.Kinds, error) {
	if d.i >= len(d.b) {
		return 0, errShort
	}
	if kind := d.quickValue(r); kind != 0 {
		return kind, nil
	}
	return d.generalValue(r, depth)
}

// generalValue is value of what quickly does not read.
func (d *msgpack) generalValue(r *row, depth int) (ikada.Kinds, error) {
	if v, ok := d.integer(); ok {
		r.body = appendInt(r.body, v)
		return intKind(v), nil
	}
	c, n, err := d.head()
	if err != nil {
		return 0, err
	}
	switch c {
	case 0xdb, 0xc6:
		s := d.b[d.i : d.i+n]
		d.i += n
		return r.text(s)
	case 0xc0:
		r.body = append(r.body, "null"...)
		return ikada.KindNull, nil
	case 0xc2:
		r.body = append(r.body, "false"...)
		return ikada.KindBool, nil
	case 0xc3:
		r.body = append(r.body, "true"...)
		return ikada.KindBool, nil
	case 0xca:
		v := float64(math.Float32frombits(binary.BigEndian.Uint32(d.b[d.i:])))
		d.i += 4
		return r.float(v, 32)
	case 0xcb:
		v := math.Float64frombits(binary.BigEndian.Uint64(d.b[d.i:]))
		d.i += 8
		return r.float(v, 64)
	case 0xcf: // beyond int64
		r.body = strconv.AppendUint(r.body, binary.BigEndian.Uint64(d.b[d.i:]), 10)
		d.i += 8
		return ikada.KindBigInt, nil
	case 0xdd:
		return ikada.KindArray, d.array(r, n, depth)
	case 0xdf:
		return ikada.KindObject, d.object(r, n, depth)
	case 0xc9:
		return d.extension(r, n)
	}
	return 0, errShort // an integer that is cut short
}

func (d *msgpack) array(r *row, n, depth int) error {
	if err := r.deeper(depth); err != nil {
		return err
	}
	r.body = append(r.body, '[')
	for i := range n {
		if i > 0 {
			r.body = append(r.body, ',')
		}
		if err := d.element(r, depth); err != nil {
			return err
		}
	}
	r.body = append(r.body, ']')
	return nil
}

func (d *msgpack) object(r *row, n, depth int) error {
	if err := r.deeper(depth); err != nil {
		return err
	}
	of := r.inner
	object := r.nested.object(of, r.fields[len(r.fields)-1].slot)
	at, key := len(r.body), object
	for ; n > 0; n-- {
		if n, key = d.quickObject(r, n, key); n == 0 {
			break
		}
		var err error
		if key, err = d.innerKey(r, object, key); err != nil {
			return err
		}
		r.inner = key
		if err = d.element(r, depth); err != nil {
			return err
		}
	}
	r.inner = of
	if len(r.body) == at {
		r.body = append(r.body, '{')
	}
	r.body[at] = '{' // where a comma is before the first key
	r.body = append(r.body, '}')
	return nil
}

// element appends a nested value.
func (d *msgpack) element(r *row, depth int) error {
	kind, err := d.value(r, depth+1)
	r.deep(kind)
	return err
}

// extension reads an EventTime or a msgpack timestamp inside of a record.
func (d *msgpack) extension(r *row, n int) (ikada.Kinds, error) {
	ext := d.b[d.i : d.i+n]
	d.i += n
	if n == 9 && ext[0] == 0 {
		ns := eventTime(ext[1:])
		r.body = append(r.body, '"')
		r.body = new(clock).append(r.body, ns)
		r.body = append(r.body, '"')
		if ns%1000 != 0 {
			return ikada.KindText, nil // a timestamp column would cut it
		}
		return ikada.KindTimestamp, nil
	}
	return 0, fmt.Errorf("msgpack extension of type %d has no meaning in JSON", int8(ext[0]))
}

// eventTime reads the eight bytes of a Forward EventTime.
func eventTime(b []byte) int64 {
	return int64(binary.BigEndian.Uint32(b))*1e9 + int64(binary.BigEndian.Uint32(b[4:]))
}
