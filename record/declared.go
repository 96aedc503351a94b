package record

import (
	"bytes"
	"hash"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/declare"
)

// declarations are what a Set knows of declared log types, and its memory for
// doing what they say.
type declarations struct {
	set   *declare.Set
	known map[ikada.LogType]*declared
	mac   hash.Hash
	sum   []byte
	text  jsonText // decodes strings
	body  []byte   // the row as it was before its guards
}

// declared is a declared log type, as far as each of its records is concerned.
type declared struct {
	guards map[string]*guard // by the text of the field's key: `,"user":`
	time   *declare.Time
	timeAt path
}

// Declare tells the set of declared log types. It is called before the first part.
func (s *Set) Declare(set *declare.Set) {
	s.decl = declarations{set: set, mac: set.NewHash()}
	if set != nil {
		s.decl.known = map[ikada.LogType]*declared{}
	}
}

// declaredAs returns what is to be done with a log type's records; nil: nothing.
func (s *Set) declaredAs(name ikada.LogType) *declared {
	t := s.decl.set.Type(name)
	if t == nil || t.Time == nil && len(t.Guards) == 0 {
		return nil
	}
	d, ok := s.decl.known[name]
	if !ok {
		d = &declared{time: t.Time, guards: newGuards(t.Guards)}
		if t.Time != nil {
			d.timeAt = newPath(t.Time.Path)
		}
		s.decl.known[name] = d
	}
	return d
}

// guard returns the guard of a field by its key's text.
func (d *declared) guard(key []byte) *guard {
	if d == nil {
		return nil
	}
	return d.guards[string(key)]
}

// apply does to the current row what its log type's declaration says, and
// returns the event time.
func (s *Set) apply(t *logType, at, arrival int64) int64 {
	if d := t.declared; d.time != nil {
		if text, ok := s.scalar(d.timeAt); ok {
			if ns, ok := d.time.Read(text); ok && ikada.PlausibleTime(ns, arrival) {
				at = ns
			}
		}
	}
	if len(t.declared.guards) > 0 {
		s.protect(t)
	}
	return at
}

// path finds a value in a row: the ways to it, as a dot may be in a key or
// between two.
type path [][][]byte // each way: the text of the first key, `,"user":`, then of keys below, `"email"`

func newPath(text string) path {
	var ways path
	declare.Ways(text, func(keys []string) {
		way := [][]byte{keyText(ikada.FieldName(keys[0]))}
		for _, key := range keys[1:] {
			way = append(way, appendText(nil, []byte(key)))
		}
		ways = append(ways, way)
	})
	return ways
}

// scalar returns the value at a path if it is a text, which is decoded, a number
// or a literal, but no null. It is valid until the next call.
func (s *Set) scalar(p path) ([]byte, bool) {
	for _, way := range p {
		value := s.row.find(way[0])
		for _, key := range way[1:] {
			value = below(value, key)
		}
		if len(value) > 0 && value[0] != '{' && value[0] != '[' && value[0] != 'n' {
			return s.plain(value), true
		}
	}
	return nil, false
}

// find returns the value of a field, the last one if the key occurs twice.
func (r *row) find(key []byte) []byte {
	for i := len(r.fields) - 1; i >= 0; i-- {
		if f := &r.fields[i]; bytes.Equal(r.body[f.key:f.value], key) {
			return r.body[f.value:f.end]
		}
	}
	return nil
}

// below returns the value of a key of an object, nil if there is none.
func below(object, key []byte) (found []byte) {
	if len(object) < 2 || object[0] != '{' {
		return nil
	}
	for i := 1; object[i] != '}'; {
		if object[i] == ',' {
			i++
		}
		colon := stringEnd(object, i)
		end := valueEnd(object, colon+1)
		if bytes.Equal(object[i:colon], key) {
			found = object[colon+1 : end]
		}
		i = end
	}
	return found
}

// stringEnd returns where the JSON string at b[i] ends.
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd returns where the JSON value at b[i] ends. The JSON is valid and has
// no white space.
func valueEnd(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ':':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			for i++; i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']'; i++ {
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// plain returns what a JSON string says, and other values as they stand.
func (s *Set) plain(value []byte) []byte {
	if value[0] != '"' {
		return value
	}
	s.decl.text.b, s.decl.text.i = value, 0
	text, err := s.decl.text.str()
	if err != nil { // it was written by this package
		panic("a row's string: " + err.Error())
	}
	return text
}
