package record

import (
	"github.com/ikada-io/ikada"
)

// row is one record on its way to a segment: its fields as JSON text and what
// was observed of them. It is reused from record to record.
type row struct {
	body   []byte     // `,"key":value` for each field
	fields []observed // parallel to the fields of body
	hard   bool       // a fast load may not take it
	twice  bool       // a key occurs twice, or may
	// longest is the greatest decoded length of a string in the current field.
	longest uint32
	// within are kinds in the current field's depths that loads need to know of.
	within ikada.Kinds
	// time is the event time found in a JSON record itself.
	time ikada.FieldTime
	// nested knows the keys inside of fields; inner is the one whose value is
	// being read, 0 for the field itself.
	nested nestedKeys
	inner  int32
}

// observed is one field of the current row.
type observed struct {
	slot     int32 // in the shape, or unlisted
	kind     ikada.Kinds
	maxBytes uint32
	key      int32 // offset of `,"key":` in body
	value    int32
	end      int32
}

// Limits of one record. What is beyond a hard limit travels in the hard class;
// what is beyond a last limit is quarantined.
const (
	hardStringBytes = 65_535  // Redshift's greatest VARCHAR
	hardRowBytes    = 1 << 20 // a warehouse reads with buffers of its longest row
	hardDepth       = 100
	maxDepth        = 1000 // Redshift's SUPER
)

func (r *row) reset() {
	r.body = r.body[:0]
	r.fields = r.fields[:0]
	r.hard, r.twice = false, false
	r.time = ikada.FieldTime{}
}

// key appends a field's key and notes the field, whose value comes next.
func (r *row) key(s *Shape, slot int32, text []byte) {
	at := int32(len(r.body))
	if slot == unlisted {
		r.body = append(r.body, text...)
		r.hard, r.twice = true, true
	} else {
		known := &s.slots[slot]
		r.body = appendBytes(r.body, known.text)
		r.bears(known, s.row)
	}
	// Filled in at its place: a copy of what has just been written in parts makes
	// the core wait for the parts, once a field.
	r.fields = append(r.fields, observed{})
	f := &r.fields[len(r.fields)-1]
	f.slot, f.key, f.value = slot, at, int32(len(r.body))
	r.longest, r.within, r.inner = 0, 0, 0
}

// bears notes that the current row has a field.
func (r *row) bears(field *slot, row uint64) {
	if field.row == row {
		r.twice = true
	}
	field.row = row
}

// value completes the field that key began.
func (r *row) value(kind ikada.Kinds) {
	f := &r.fields[len(r.fields)-1]
	f.kind, f.maxBytes, f.end = kind|r.within, r.longest, int32(len(r.body))
	if r.longest > hardStringBytes || kind == ikada.KindBeyond {
		r.hard = true
	}
}

// deep notes the kind of a value inside of the current field.
func (r *row) deep(kind ikada.Kinds) {
	r.within |= kind & ikada.KindBigInt
	if kind == ikada.KindBeyond {
		r.hard = true
	}
}

// settle finishes a row. Where a key occurs more than once its last value
// stays under the key and the earlier ones move to _dup, a list of objects
// with one key each, in their order. So no value is lost, and every reader
// sees the same one.
func (r *row) settle() {
	if r.twice {
		r.resolveTwice()
	}
	if len(r.body) > hardRowBytes {
		r.hard = true
	}
}

func (r *row) resolveTwice() {
	last := make(map[string]int, len(r.fields))
	for i, f := range r.fields {
		last[string(r.body[f.key:f.value])] = i
	}
	if len(last) == len(r.fields) {
		return
	}
	var body, earlier []byte
	var kept []observed
	for i, f := range r.fields {
		text := r.body[f.key:f.end]
		if last[string(r.body[f.key:f.value])] != i {
			earlier = append(append(append(earlier, ",{"...), text[1:]...), '}')
			continue
		}
		shift := int32(len(body)) - f.key
		f.key, f.value, f.end = f.key+shift, f.value+shift, f.end+shift
		body = append(body, text...)
		kept = append(kept, f)
	}
	body = append(append(append(body, `,"`+FieldDup+`":[`...), earlier[1:]...), ']')
	r.body, r.fields = body, kept
}
