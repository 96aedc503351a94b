package gen

import (
	"strconv"
)

// logType is a name and its fields, in the order of the records.
type logType struct {
	name   string
	fields []field
}

type kind uint8

const (
	kindWord    kind = iota // one of the words
	kindCounted             // one of the words, then a number from low to high
	kindInteger             // from low to high
	kindChoice              // one of the numbers
	kindDecimal             // thousandths, from low to high
	kindFlag                // true in low of 100 events
	kindHex                 // low hex digits
	kindAddress             // an IPv4 address of a private network
	kindStamp               // the event's time, RFC 3339 with milliseconds
	kindList                // 0 to 3 of the words
	kindObject
)

// field is how a field's values are made.
type field struct {
	key       literal
	kind      kind
	nulls     int64 // of 100 values
	low, high int64
	words     []literal
	raw       []string // the words as they are
	numbers   []int64
	fields    []field // of an object
}

func newField(name string, k kind) field {
	f := field{key: newLiteral(name), kind: k}
	f.key.json += ":"
	return f
}

func word(name string, words ...string) field {
	f := newField(name, kindWord)
	for _, w := range words {
		f.words = append(f.words, newLiteral(w))
	}
	return f
}

func list(name string, words ...string) field {
	f := word(name, words...)
	f.kind = kindList
	return f
}

func counted(name string, low, high int64, words ...string) field {
	f := newField(name, kindCounted)
	f.low, f.high, f.raw = low, high, words
	return f
}

func integer(name string, low, high int64) field { return ranged(name, kindInteger, low, high) }

func decimal(name string, low, high int64) field { return ranged(name, kindDecimal, low, high) }

func flag(name string, percent int64) field { return ranged(name, kindFlag, percent, 0) }

func hex(name string, digits int64) field { return ranged(name, kindHex, digits, 0) }

func address(name string) field { return newField(name, kindAddress) }

func stamp(name string) field { return newField(name, kindStamp) }

func ranged(name string, k kind, low, high int64) field {
	f := newField(name, k)
	f.low, f.high = low, high
	return f
}

func choice(name string, numbers ...int64) field {
	f := newField(name, kindChoice)
	f.numbers = numbers
	return f
}

func object(name string, fields ...field) field {
	f := newField(name, kindObject)
	f.fields = fields
	return f
}

// sometimes makes a field null in some of 100 events.
func sometimes(percent int64, f field) field {
	f.nulls = percent
	return f
}

var (
	seqKey      = newField("seq", kindInteger).key
	checksumKey = newField("checksum", kindInteger).key
)

// checksumBits keeps the sum over ten million events exact in a double.
const checksumBits = 28

// append writes the record of event i and returns its checksum.
func (t *logType) append(o output, r *random, i int) ([]byte, int64) {
	o.open(len(t.fields) + 2)
	for f := range t.fields {
		o.key(&t.fields[f].key)
		t.fields[f].append(&o, r)
	}
	o.key(&seqKey)
	o.integer(int64(i))
	checksum := int64(mix(o.digest) >> (64 - checksumBits))
	o.key(&checksumKey)
	o.integer(checksum)
	o.shut()
	return o.b, checksum
}

// append writes a value.
func (f *field) append(o *output, r *random) {
	if f.nulls > 0 && r.below(100) < f.nulls {
		o.null()
		return
	}
	switch f.kind {
	case kindWord:
		n := r.below(int64(len(f.words)))
		o.note(uint64(n))
		o.literal(&f.words[n])
	case kindCounted:
		f.appendCounted(o, r)
	case kindInteger:
		o.integer(f.low + r.below(f.high-f.low+1))
	case kindChoice:
		o.integer(f.numbers[r.below(int64(len(f.numbers)))])
	case kindDecimal:
		// Odd thousandths have three digits that count, in both forms.
		o.thousandths((f.low + r.below(f.high-f.low+1)) | 1)
	case kindFlag:
		o.boolean(r.below(100) < f.low)
	case kindHex:
		f.appendHex(o, r)
	case kindAddress:
		appendAddress(o, r)
	case kindStamp:
		var buf [32]byte
		o.text(o.at.UTC().AppendFormat(buf[:0], "2006-01-02T15:04:05.000Z07:00"))
	case kindList:
		f.appendList(o, r)
	case kindObject:
		o.open(len(f.fields))
		for i := range f.fields {
			o.key(&f.fields[i].key)
			f.fields[i].append(o, r)
		}
		o.shut()
	}
}

func (f *field) appendCounted(o *output, r *random) {
	w := r.below(int64(len(f.raw)))
	n := f.low + r.below(f.high-f.low+1)
	o.note(uint64(w)<<40 ^ uint64(n))
	var buf [160]byte
	o.text(strconv.AppendInt(append(buf[:0], f.raw[w]...), n, 10))
}

func (f *field) appendHex(o *output, r *random) {
	const digits = "0123456789abcdef"
	var buf [64]byte
	var v uint64
	for i := range int(f.low) {
		if i%16 == 0 {
			v = r.next()
			o.note(v)
		}
		buf[i] = digits[v&15]
		v >>= 4
	}
	o.text(buf[:f.low])
}

func appendAddress(o *output, r *random) {
	v := r.next() >> 40
	o.note(v)
	var buf [16]byte
	b := append(buf[:0], "10."...)
	b = strconv.AppendInt(b, int64(v>>16), 10)
	b = strconv.AppendInt(append(b, '.'), int64(v>>8&255), 10)
	b = strconv.AppendInt(append(b, '.'), int64(v&255), 10)
	o.text(b)
}

func (f *field) appendList(o *output, r *random) {
	n := int(r.below(4))
	o.note(uint64(n))
	if o.json {
		o.b = append(o.b, '[')
	} else {
		o.b = append(o.b, 0x90|byte(n))
	}
	for i := range n {
		if o.json && i > 0 {
			o.b = append(o.b, ',')
		}
		w := r.below(int64(len(f.words)))
		o.note(uint64(w))
		o.literal(&f.words[w])
	}
	if o.json {
		o.b = append(o.b, ']')
	}
}
