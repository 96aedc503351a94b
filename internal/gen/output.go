package gen

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// output writes one record, as msgpack or JSON, and digests its values on the
// way. Both forms digest alike.
type output struct {
	b      []byte
	json   bool
	at     time.Time
	digest uint64
}

// literal is a text whose two encodings are made once.
type literal struct{ msgpack, json string }

func newLiteral(s string) literal {
	m := output{}
	m.text([]byte(s))
	j := output{json: true}
	j.text([]byte(s))
	return literal{msgpack: string(m.b), json: string(j.b)}
}

func (o *output) note(v uint64) { o.digest = (o.digest ^ v) * golden }

func (o *output) literal(l *literal) {
	if o.json {
		o.b = append(o.b, l.json...)
	} else {
		o.b = append(o.b, l.msgpack...)
	}
}

// key begins a member of an object. l.json ends in a colon.
func (o *output) key(l *literal) {
	if o.json && o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.literal(l)
}

func (o *output) open(members int) {
	switch {
	case o.json:
		o.b = append(o.b, '{')
	case members < 16:
		o.b = append(o.b, 0x80|byte(members))
	default:
		o.b = append(o.b, 0xde, byte(members>>8), byte(members))
	}
}

func (o *output) shut() {
	if o.json {
		o.b = append(o.b, '}')
	}
}

// text writes a string. It needs no escapes in JSON: the tables have none.
func (o *output) text(s []byte) {
	if o.json {
		o.b = append(o.b, '"')
		o.b = append(o.b, s...)
		o.b = append(o.b, '"')
		return
	}
	o.textHead(len(s))
	o.b = append(o.b, s...)
}

func (o *output) textHead(n int) {
	switch {
	case n < 32:
		o.b = append(o.b, 0xa0|byte(n))
	case n < 256:
		o.b = append(o.b, 0xd9, byte(n))
	default:
		o.b = append(o.b, 0xda, byte(n>>8), byte(n))
	}
}

func (o *output) integer(n int64) {
	o.note(uint64(n))
	switch {
	case o.json:
		o.b = strconv.AppendInt(o.b, n, 10)
	case n >= 0 && n < 128:
		o.b = append(o.b, byte(n))
	case n >= 0 && n < 1<<16:
		o.b = append(o.b, 0xcd, byte(n>>8), byte(n))
	case n >= 0 && n < 1<<32:
		o.b = binary.BigEndian.AppendUint32(append(o.b, 0xce), uint32(n))
	case n < 0 && n >= -32:
		o.b = append(o.b, byte(n))
	default:
		o.b = binary.BigEndian.AppendUint64(append(o.b, 0xd3), uint64(n))
	}
}

// thousandths writes n/1000. Division by 1000 rounds as reading the decimal
// text does, so both forms are the same number.
func (o *output) thousandths(n int64) {
	o.note(uint64(n))
	if !o.json {
		o.b = binary.BigEndian.AppendUint64(append(o.b, 0xcb), math.Float64bits(float64(n)/1000))
		return
	}
	if n < 0 {
		o.b = append(o.b, '-')
		n = -n
	}
	o.b = strconv.AppendInt(o.b, n/1000, 10)
	o.b = append(o.b, '.', byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
}

func (o *output) boolean(v bool) {
	var bit byte
	if v {
		bit = 1
	}
	o.note(uint64(bit))
	switch {
	case !o.json:
		o.b = append(o.b, 0xc2|bit)
	case v:
		o.b = append(o.b, "true"...)
	default:
		o.b = append(o.b, "false"...)
	}
}

func (o *output) null() {
	o.note(golden)
	if o.json {
		o.b = append(o.b, "null"...)
	} else {
		o.b = append(o.b, 0xc0)
	}
}
