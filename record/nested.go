package record

// nestedKeys knows the keys of objects inside of fields. As with fields, the
// next key is mostly the one that followed the last time, so bytes are
// compared instead of being decoded and written anew. What it says is a guess:
// it counts only where the sender's bytes are the same.
type nestedKeys struct {
	keys   []nestedKey // and the beginnings of objects; the first is neither
	fields []int32     // by slot: the beginning of the object in the field
	index  map[nestedName]int32
}

type nestedKey struct {
	text   []byte  // `,"name":`
	form   keyForm // the key as a msgpack sender encoded it, header and all
	size   uint32  // bytes of the decoded key
	next   int32   // the key that last followed this one
	inside int32   // the beginning of the object that is its value
}

// nestedName is a key as it was encoded, and the beginning of its object.
type nestedName struct {
	object int32
	key    string
}

// Bounds of what is remembered: keys that are data are not worth it.
const (
	maxNested      = 1000
	maxNestedBytes = 64
)

// full reports whether so many keys were seen that they should be forgotten
// when the bundle is closed.
func (k *nestedKeys) full() bool { return len(k.keys) > maxNested }

// object returns the beginning of an object, which is the value of a key or, if
// that is 0, of the field in a slot.
func (k *nestedKeys) object(key, slot int32) int32 {
	if k.index == nil {
		k.keys, k.index = make([]nestedKey, 1, 16), map[nestedName]int32{}
	}
	place := &k.keys[key].inside
	if key == 0 && slot != unlisted {
		for int(slot) >= len(k.fields) {
			k.fields = append(k.fields, 0)
		}
		place = &k.fields[slot]
	}
	if *place == 0 && !k.full() {
		*place = int32(len(k.keys))
		k.keys = append(k.keys, nestedKey{})
	}
	return *place
}

// learn remembers a key of an object, and that it followed another one, which
// it returns if the key is not to be remembered.
func (k *nestedKeys) learn(object, prev int32, encoded []byte, size int, text []byte) int32 {
	n, known := k.index[nestedName{object, string(encoded)}]
	if !known {
		if k.full() || len(encoded) > maxNestedBytes {
			return prev
		}
		n = int32(len(k.keys))
		kept := append(make([]byte, 0, max(shortBytes, len(text))), text...) // as appendBytes likes it
		k.keys = append(k.keys, nestedKey{text: kept, form: newKeyForm(encoded), size: uint32(size)})
		k.index[nestedName{object, string(encoded)}] = n
	}
	k.keys[prev].next = n
	return n
}

// innerKey reads a key of an object inside of a field and appends it.
func (d *msgpack) innerKey(r *row, object, prev int32) (int32, error) {
	known := &r.nested
	if next := known.keys[prev].next; next != 0 {
		if k := &known.keys[next]; k.form.begins(d.b[d.i:]) {
			d.i += len(k.form.text)
			r.longest = max(r.longest, k.size)
			r.body = appendBytes(r.body, k.text)
			return next, nil
		}
	}
	start, at := d.i, len(r.body)
	key, err := d.keyBytes()
	if err != nil {
		return 0, err
	}
	r.noteLength(len(key))
	r.body = append(appendText(append(r.body, ','), key), ':')
	return known.learn(object, prev, d.b[start:d.i], len(key), r.body[at:]), nil
}
