package record

import (
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/declare"
)

// source is where the records of a tag go.
type source struct {
	to *logType // if no choice takes a record

	// Of a tag whose records' fields decide: the choices, in order, a shape of
	// the tag, and what its slots are in the log types' own shapes.
	choices []choice
	own     *Shape
	slots   map[*logType][]int32
}

// choice is a log type by a field's value.
type choice struct {
	declare.Choice
	path path
	to   map[string]*logType // by value; nil for those that it does not take; bounded
}

// maxValues bounds the memory of a choice's values.
const maxValues = 10_000

// shape returns what the tag's records are read with.
func (f *source) shape() *Shape {
	if f.own != nil {
		return f.own
	}
	return f.to.shape
}

// source returns where a tag leads.
func (s *Set) source(tag string) (*source, error) {
	if from := s.byTag[tag]; from != nil {
		return from, nil
	}
	choices, name, _, err := s.decl.set.Route(tag)
	if err != nil {
		return nil, err
	}
	t := s.named(name)
	from := &t.itself
	if len(choices) > 0 {
		from = &source{to: t, own: NewShape(), slots: map[*logType][]int32{}}
		for _, c := range choices {
			from.choices = append(from.choices, choice{c, newPath(c.Field), map[string]*logType{}})
		}
	}
	if len(s.byTag) < maxTags {
		s.byTag[tag] = from
	}
	return from, nil
}

func (s *Set) named(name ikada.LogType) *logType {
	t := s.types[name]
	if t == nil {
		d := s.declaredAs(name)
		t = &logType{name: name, shape: newShape(d), segments: map[segmentKey]*segment{}, declared: d}
		t.itself.to = t
		s.types[name] = t
	}
	return t
}

// finish takes the record that was read into the current row where it belongs.
func (s *Set) finish(from *source, at, arrival int64) error {
	if t := from.to; from.choices == nil && t.declared == nil { // mostly
		s.row.settle()
		s.commit(t, at, arrival)
		return nil
	}
	return s.finishDeclared(from, at, arrival)
}

func (s *Set) finishDeclared(from *source, at, arrival int64) (err error) {
	t := from.to
	if from.choices != nil {
		if t, err = s.choose(from); err != nil {
			return err
		}
	}
	if t.declared != nil {
		at = s.apply(t, at, arrival)
	}
	s.row.settle()
	s.commit(t, at, arrival)
	return nil
}

// choose finds the log type of the current row by its fields, and makes the
// row's slots those of the log type.
func (s *Set) choose(from *source) (*logType, error) {
	t := from.to
	for i := range from.choices {
		c := &from.choices[i]
		value, ok := s.scalar(c.path)
		if !ok {
			continue
		}
		to, known := c.to[string(value)]
		if !known {
			name, takes := c.Take(value)
			if takes {
				of, err := ikada.TypeOf(name)
				if err != nil {
					return nil, fmt.Errorf("field %s leads nowhere: %w", c.Field, err)
				}
				to = s.named(of)
			}
			if len(c.to) < maxValues {
				c.to[string(value)] = to
			}
		}
		if to != nil {
			t = to
			break
		}
	}
	t.tapped = s.tap != nil && s.tap.Wants(t.name)
	slots := from.slots[t]
	for i := range s.row.fields {
		f := &s.row.fields[i]
		if f.slot == unlisted {
			continue
		}
		for int(f.slot) >= len(slots) {
			slots = append(slots, 0) // the beginning, which no field has
			from.slots[t] = slots
		}
		if slots[f.slot] == 0 {
			slots[f.slot] = t.shape.slotOf(from.own.keys[f.slot])
		}
		if f.slot = slots[f.slot]; f.slot == unlisted {
			s.row.hard = true
		}
	}
	return t, nil
}

// slotOf returns the slot of a key.
func (s *Shape) slotOf(key string) int32 {
	if key == private {
		return s.metaSlot()
	}
	n, _ := s.find(0, []byte(key))
	return n
}

// withholds reports whether the bytes of a bad part are not kept.
func (s *Set) withholds(p *batch.Part) bool {
	if s.decl.set == nil {
		return false
	}
	if p.Format == batch.Bad { // what is no record does not tell its log type for sure
		return s.decl.set.Withholds()
	}
	_, _, withhold, _ := s.decl.set.Route(p.Tag)
	return withhold
}

// Count tells how many rows of which log types a part would make, for counting
// what is dropped as a duplicate.
func (s *Set) Count(p *batch.Part, add func(t ikada.LogType, rows int64)) {
	choices, t, _, err := s.decl.set.Route(p.Tag)
	switch {
	case err != nil:
		add(ikada.Quarantine, Count(p))
	case len(choices) == 0 || p.Format == batch.Bad:
		add(t, Count(p))
	default:
		apart := NewSet(nil)
		apart.Declare(s.decl.set)
		apart.Part(p)
		for _, src := range apart.Sources() {
			add(src.Type, src.Rows)
		}
	}
}
