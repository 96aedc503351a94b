package record

import "github.com/ikada-io/ikada"

// System fields of every row. A user's field of the same name gets one more
// underscore before it.
const (
	FieldID   = "_id"   // lane, position and index: the row's identity
	FieldTime = "_time" // the event time that was used
	FieldHour = "_hour" // the archive hour, where it is not _time's own
	FieldDup  = "_dup"  // earlier values of keys that occur twice
	FieldRest = "_rest" // added by a load: values that fit no column
	FieldMeta = "_meta" // metadata that a Fluent Bit entry bears beside its time
)

// Limits of a shape: fields beyond them are not listed in the index, and their
// rows travel in the hard class, whose load reads every value.
const (
	maxFields   = 1500
	maxKeyBytes = 1024
)

// Shape knows the fields of one log type. Records of a type mostly repeat one
// sequence of keys, so it predicts the next key and compares bytes instead of
// hashing.
type Shape struct {
	slots []slot // slot 0 stands for the beginning of a record
	index map[string]int32
	row   uint64 // number of the current row

	// Of declared log types alone: the slots' keys, as senders write them, and guards.
	keys   []string
	guards []*guard
	of     *declared
}

type slot struct {
	name    string
	text    []byte  // `,"name":`
	msgpack keyForm // the key as a msgpack sender encoded it, header and all
	json    keyForm // the key as a JSON sender wrote it, quotes and all
	next    int32   // the slot that last followed this one
	row     uint64  // the last row that bore the field
	rank    uint8   // how good a source of the event time it is, 0 for none
}

const unlisted = -1

// NewShape returns an empty shape.
func NewShape() *Shape { return newShape(nil) }

// newShape returns an empty shape for a declared log type, or nil.
func newShape(of *declared) *Shape {
	return &Shape{slots: make([]slot, 1, 16), index: map[string]int32{}, keys: make([]string, 1, 16), guards: make([]*guard, 1, 16), of: of}
}

// full reports whether the shape has seen so many keys that it should be
// forgotten when the bundle is closed.
func (s *Shape) full() bool { return len(s.slots) > maxFields }

// find returns the slot of a decoded key, making it if need be, and remembers
// that it followed prev. It returns unlisted and the key's text if the key
// cannot have a slot.
func (s *Shape) find(prev int32, key []byte) (int32, []byte) {
	n, ok := s.index[string(key)]
	if !ok {
		name := ikada.FieldName(string(key))
		text := keyText(name)
		if s.full() || len(key) > maxKeyBytes {
			return unlisted, text
		}
		n = s.add(string(key), slot{name: name, text: text, rank: ikada.TimeRank(name)})
	}
	s.slots[prev].next = n
	return n, nil
}

const private = "\x00meta" // no decoded key contains NUL

// metaSlot returns the slot of the system field _meta.
func (s *Shape) metaSlot() int32 {
	if n, ok := s.index[private]; ok {
		return n
	}
	return s.add(private, slot{name: FieldMeta, text: keyText(FieldMeta)})
}

// add makes a slot for a key.
func (s *Shape) add(key string, is slot) int32 {
	n := int32(len(s.slots))
	s.slots = append(s.slots, is)
	s.keys = append(s.keys, key)
	s.guards = append(s.guards, s.of.guard(is.text))
	s.index[key] = n
	return n
}

func keyText(name string) []byte {
	text := append(make([]byte, 0, shortBytes), ',') // as appendBytes likes it
	text = appendText(text, []byte(name))
	return append(text, ':')
}
