package record

import (
	hexadecimal "encoding/hex"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/declare"
)

// guard says what becomes of a value, or of what is below it.
type guard struct {
	do    declare.Action
	mask  declare.Mask
	below map[string]*guard // by key, quotes included
}

// newGuards makes a tree of guards, by the texts of top-level keys.
func newGuards(all []declare.Guard) map[string]*guard {
	top := map[string]*guard{}
	for _, g := range all {
		declare.Ways(g.Path, func(keys []string) {
			put(top, string(keyText(ikada.FieldName(keys[0]))), keys[1:], g)
			if keys[0] == FieldMeta { // of a sender, or beside an entry's time
				put(top, string(keyText(FieldMeta)), keys[1:], g)
			}
		})
	}
	return top
}

func put(in map[string]*guard, key string, below []string, g declare.Guard) {
	at := in[key]
	if at == nil {
		at = &guard{}
		in[key] = at
	}
	if len(below) == 0 {
		at.do, at.mask = g.Do, g.Mask
		return
	}
	if at.below == nil {
		at.below = map[string]*guard{}
	}
	put(at.below, string(appendText(nil, []byte(below[0]))), below[1:], g)
}

// protect drops, hashes and masks the guarded fields of the current row, keys
// that occur twice included.
func (s *Set) protect(t *logType) {
	r := &s.row
	guardOf := func(f *observed) *guard {
		if f.slot == unlisted {
			return t.declared.guard(r.body[f.key:f.value])
		}
		return t.shape.guards[f.slot]
	}
	first := 0
	for first < len(r.fields) && guardOf(&r.fields[first]) == nil {
		first++
	}
	if first == len(r.fields) {
		return
	}
	old := r.body
	body, kept := append(s.decl.body[:0], old[:r.fields[first].key]...), r.fields[:first]
	for _, f := range r.fields[first:] {
		g := guardOf(&f)
		if g != nil && g.do == declare.Drop {
			continue
		}
		key, value := f.key, old[f.value:f.end]
		f.key = int32(len(body))
		body = append(body, old[key:f.value]...)
		f.value = int32(len(body))
		if g == nil {
			body = append(body, value...)
		} else {
			r.longest = f.maxBytes
			body, f.kind = s.guarded(body, value, f.kind, g)
			f.maxBytes = r.longest
		}
		f.end = int32(len(body))
		kept = append(kept, f)
	}
	r.body, r.fields, s.decl.body = body, kept, old
}

// guarded appends a value as a guard has it, and returns its kind.
func (s *Set) guarded(dst, value []byte, kind ikada.Kinds, g *guard) ([]byte, ikada.Kinds) {
	switch {
	case value[0] == '[':
		return s.guardedArray(dst, value, g), kind
	case value[0] == '{' && g.do == 0:
		return s.guardedObject(dst, value, g), kind
	case value[0] == 'n' || g.do == 0:
		return append(dst, value...), kind
	case g.do == declare.HashValue && s.decl.mac != nil:
		dst = s.hashed(append(dst, '"'), s.plain(value))
		s.row.noteLength(2 * s.decl.mac.Size())
		return append(dst, '"'), ikada.KindText
	}
	return s.masked(dst, value, g.mask)
}

// guardedArray guards every element of an array.
func (s *Set) guardedArray(dst, array []byte, g *guard) []byte {
	dst = append(dst, '[')
	for i := 1; array[i] != ']'; {
		if array[i] == ',' {
			dst = append(dst, ',')
			i++
		}
		end := valueEnd(array, i)
		dst, _ = s.guarded(dst, array[i:end], 0, g)
		i = end
	}
	return append(dst, ']')
}

// guardedObject guards what is below an object's keys.
func (s *Set) guardedObject(dst, object []byte, g *guard) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for i := 1; object[i] != '}'; {
		if object[i] == ',' {
			i++
		}
		colon := stringEnd(object, i)
		end := valueEnd(object, colon+1)
		child := g.below[string(object[i:colon])]
		if child == nil || child.do != declare.Drop {
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = append(dst, object[i:colon+1]...)
			if child == nil {
				dst = append(dst, object[colon+1:end]...)
			} else {
				dst, _ = s.guarded(dst, object[colon+1:end], 0, child)
			}
		}
		i = end
	}
	return append(dst, '}')
}

// hashed appends the keyed hash of a text, HMAC-SHA-256 in hexadecimal.
func (s *Set) hashed(dst, text []byte) []byte {
	s.decl.mac.Reset()
	_, _ = s.decl.mac.Write(text) // a hash never fails
	s.decl.sum = s.decl.mac.Sum(s.decl.sum[:0])
	return hexadecimal.AppendEncode(dst, s.decl.sum)
}

// masked appends what stands for a value.
func (s *Set) masked(dst, value []byte, m declare.Mask) ([]byte, ikada.Kinds) {
	text := append(s.decl.sum[:0], m.Text...)
	if m.KeepLast > 0 && value[0] != '{' {
		text = append(text, last(s.plain(value), m.KeepLast)...)
	}
	s.decl.sum = text
	s.row.noteLength(len(text))
	return appendText(dst, text), ikada.TextKind(text)
}

// last returns the last n characters of a text, nothing if it has no more.
func last(text []byte, n int) []byte {
	at := len(text)
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRune(text[:at])
		at -= size
	}
	if at == 0 {
		return nil
	}
	return text[at:]
}
