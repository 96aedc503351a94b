package duckdb

import (
	"bytes"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// maxMisfits bounds the fields that a sieve looks for in each line.
const maxMisfits = 16

// sieve tells which lines go the fast way: those that surely hold no value
// that does not fit. It looks for a few names and does not parse, so it may hold back
// more than it must: a name may be that of a nested field.
type sieve struct{ meshes []mesh }

type mesh struct {
	name  []byte // with its quotes
	holds warehouse.Type
	none  bool // no value at all fits
}

// newSieve returns false if the fields are too many, or of names that can be
// written in more ways than one.
func newSieve(readable []warehouse.Column, misfits []string) (*sieve, bool) {
	if len(misfits) == 0 || len(misfits) > maxMisfits {
		return nil, false
	}
	s := &sieve{}
	for _, field := range misfits {
		if field == "" || strings.ContainsFunc(field, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == '/' || r == 0x7f }) {
			return nil, false
		}
		m := mesh{name: []byte(`"` + field + `"`), none: true}
		for _, c := range readable {
			// A fast load writes JSON anew, and numbers within it.
			if c.Field == field && c.Type != warehouse.JSON {
				m.holds, m.none = c.Type, false
			}
		}
		s.meshes = append(s.meshes, m)
	}
	return s, true
}

// passes reports whether a line may go the fast way.
func (s *sieve) passes(line []byte) bool {
	if bytes.Contains(line, []byte(`\u`)) { // which may spell a name
		return false
	}
	for i := range s.meshes {
		if !s.meshes[i].passes(line) {
			return false
		}
	}
	return true
}

func (m *mesh) passes(line []byte) bool {
	for {
		at := bytes.Index(line, m.name)
		if at < 0 {
			return true
		}
		line = skipSpace(line[at+len(m.name):])
		if len(line) == 0 || line[0] != ':' {
			continue // a text, not a name
		}
		line = skipSpace(line[1:])
		if m.none || !m.holds.Fits(kindAt(line)) {
			return false
		}
	}
}

func skipSpace(line []byte) []byte { return bytes.TrimLeft(line, " \t\r") }

// kindAt returns the kind of the value that a line begins with.
func kindAt(line []byte) ikada.Kinds {
	end := 0
	switch {
	case len(line) == 0:
		return ikada.KindBeyond // which fits only JSON
	case line[0] == '"':
		for end = 1; end < len(line) && line[end] != '"'; end++ {
			if line[end] == '\\' {
				end++
			}
		}
		end++
	default:
		if end = bytes.IndexAny(line, ",}] \t\r"); end < 0 {
			end = len(line)
		}
	}
	if end == 0 || end > len(line) {
		return ikada.KindBeyond
	}
	if kind := warehouse.KindOf(line[:end]); kind != 0 {
		return kind
	}
	return ikada.KindBeyond
}
