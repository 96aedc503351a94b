package record

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
)

// Most fields are alike: the key is the one that came next in the last record,
// and the value is short. quick reads those. It knows at the beginning of a
// field that there is room for whatever it may be, so it copies and looks at
// words, where the length would otherwise decide which way to go: a branch that
// goes another way each time is what costs most here.

// quickBytes is more than a field that quick reads has, as msgpack or as JSON.
const quickBytes = 96

// quick reads up to n fields behind the one of slot prev, as long as they are
// what fields mostly are. It returns how many are left and the last one's slot,
// and whether that one has its key only, and its value is to be read.
func (d *msgpack) quick(r *row, s *Shape, n int, prev int32) (left int, slot int32, begun bool) {
	i, body, fields := d.i, r.body, r.fields
	for ; n > 0 && len(d.b)-i >= quickBytes && cap(body)-len(body) >= quickBytes && len(fields) < cap(fields); n-- {
		next := s.slots[prev].next
		known := &s.slots[next]
		in := d.b[i : i+quickBytes : i+quickBytes]
		size, n := len(known.msgpack.text), len(known.text)
		if !known.msgpack.begins(in) || size > shortBytes || n > shortBytes {
			break
		}
		at := len(body)
		out := body[at : at+quickBytes]
		copyShort(out, known.text)
		read, wrote, kind := quickly(out[n:], in[size:])
		r.bears(known, s.row)
		f := &fields[:len(fields)+1][len(fields)]
		fields = fields[:len(fields)+1]
		f.slot, f.kind, f.maxBytes = next, kind, 0
		if kind >= ikada.KindTimestamp {
			f.maxBytes = uint32(wrote - 2)
		}
		f.key, f.value, f.end = int32(at), int32(at+n), int32(at+n+wrote)
		body = body[:at+n+wrote]
		i += size + read
		prev = next
		if begun = kind == 0; begun {
			r.longest, r.within, r.inner = 0, 0, 0
			break
		}
	}
	d.i, r.body, r.fields = i, body, fields
	return n, prev, begun
}

// quickObject reads up to n entries of an object behind the one of key prev, as
// quick does of a record. It returns how many are left and the last one's key.
// What both do of an entry stands in both: as a call it costs a tenth of reading
// a record.
func (d *msgpack) quickObject(r *row, n int, prev int32) (left int, key int32) {
	i, body, longest := d.i, r.body, int(r.longest)
	for ; n > 0 && len(d.b)-i >= quickBytes && cap(body)-len(body) >= quickBytes; n-- {
		next := r.nested.keys[prev].next
		known := &r.nested.keys[next]
		in := d.b[i : i+quickBytes : i+quickBytes]
		size, n := len(known.form.text), len(known.text)
		if !known.form.begins(in) || size > shortBytes || n > shortBytes {
			break
		}
		at := len(body)
		out := body[at : at+quickBytes]
		copyShort(out, known.text)
		read, wrote, kind := quickly(out[n:], in[size:])
		if kind == 0 {
			break
		}
		if kind >= ikada.KindTimestamp {
			longest = max(longest, wrote-2)
		}
		longest = max(longest, int(known.size))
		body = body[:at+n+wrote]
		i += size + read
		prev = next
	}
	d.i, r.body, r.longest = i, body, uint32(longest)
	return n, prev
}

// quickValue reads a value if there is room and quickly can, and returns its kind.
func (d *msgpack) quickValue(r *row) ikada.Kinds {
	at := len(r.body)
	if len(d.b)-d.i < quickBytes || cap(r.body)-at < quickBytes {
		return 0
	}
	read, wrote, kind := quickly(r.body[at:at+quickBytes], d.b[d.i:d.i+quickBytes])
	if kind >= ikada.KindTimestamp {
		r.noteLength(wrote - 2)
	}
	d.i, r.body = d.i+read, r.body[:at+wrote]
	return kind
}

// quickly writes a value as JSON. It returns how many bytes it read and wrote,
// and the value's kind, 0 if it is another way's to read.
func quickly(out, in []byte) (read, wrote int, kind ikada.Kinds) {
	_, _ = out[quickBytes-shortBytes-1], in[quickBytes-shortBytes-1]
	c := in[0]
	switch {
	case unsigned[c].right > 0:
		is := &unsigned[c]
		return int(is.size), putUint(out, 0, binary.BigEndian.Uint64(in)<<(is.left&63)>>(is.right&63)), ikada.KindInt
	case c >= 0xa0 && c < 0xc0:
		return quicklyText(out, in, 1, int(c&31))
	}
	switch c {
	case 0xc0:
		return 1, copy(out, "null"), ikada.KindNull
	case 0xc2:
		return 1, copy(out, "false"), ikada.KindBool
	case 0xc3:
		return 1, copy(out, "true"), ikada.KindBool
	case 0xcb:
		n, ok := putShort(out, 0, math.Float64frombits(binary.BigEndian.Uint64(in[1:])))
		if ok {
			return 9, n, ikada.KindDecimal
		}
	case 0xd9:
		if n := int(in[1]); n <= shortBytes {
			return quicklyText(out, in, 2, n)
		}
	}
	return 0, 0, 0
}

// unsigned tells of the heads of integers from 0 to 2^32 how many bytes they and
// their values are, and the shifts that make the value of the first eight.
var unsigned = func() (t [256]struct{ size, left, right uint8 }) {
	for c := range 0x80 {
		t[c].size, t[c].right = 1, 56
	}
	for i := range uint8(3) {
		of := &t[0xcc+i]
		of.size, of.left, of.right = 1+1<<i, 8, 64-8<<i
	}
	return t
}()

// quicklyText writes a text of n bytes, which begins behind its head.
func quicklyText(out, in []byte, head, n int) (read, wrote int, kind ikada.Kinds) {
	from, mask := in[head:head+shortBytes], &inText[n&63]
	a, b := binary.LittleEndian.Uint64(from[0:]), binary.LittleEndian.Uint64(from[8:])
	c, d := binary.LittleEndian.Uint64(from[16:]), binary.LittleEndian.Uint64(from[24:])
	if special(a)&mask[0]|special(b)&mask[1]|special(c)&mask[2]|special(d)&mask[3] != 0 &&
		(escaped(a)&mask[0]|escaped(b)&mask[1]|escaped(c)&mask[2]|escaped(d)&mask[3] != 0 || !utf8.Valid(from[:n])) {
		return 0, 0, 0
	}
	out[0] = '"'
	copyShort(out[1:], from)
	out[1+n] = '"'
	if kind = ikada.KindText; n == 0 || n >= 20 { // as long as a timestamp
		kind = ikada.TextKind(from[:n])
	}
	return head + n, n + 2, kind
}

// inText has the bits of those bytes that a text of so many bytes has in four words.
var inText = func() (masks [64][4]uint64) {
	for n := range masks {
		for i := range min(n, shortBytes) {
			masks[n][i/8] |= 0xff << (i % 8 * 8)
		}
	}
	return masks
}()
