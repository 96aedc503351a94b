// Package record turns what senders sent into rows: msgpack or JSON records
// become lines of JSON in the segments of an open bundle, each with its
// identity and its event time, while the lexical kinds of every field are
// noted. What is no valid event becomes rows of the quarantine. Nothing is
// dropped, and no value changes but for the rules of docs/formats.md.
package record

import (
	"cmp"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

// Set holds the segments of one open bundle. Memory is kept from bundle to
// bundle. It is not safe for concurrent use.
type Set struct {
	types map[ikada.LogType]*logType
	byTag map[string]*source // where tags as they came lead; bounded
	size  int
	rows  int64

	row    row
	packer *bundle.Packer
	memory memory
	clock  clock
	id     []byte // the part of _id that the message gives
	index  []byte // of the next row in its message, in base 36
	tap    Tap

	decl declarations // of log types; mostly none
}

// Tap sees rows as they are made: live events for `ikada tail`. The line is
// valid during the call.
type Tap interface {
	// Wants reports whether anybody listens to a log type. It is called for
	// each part.
	Wants(t ikada.LogType) bool
	Row(t ikada.LogType, line []byte)
}

// logType is one log type's segments.
type logType struct {
	name     ikada.LogType
	shape    *Shape
	segments map[segmentKey]*segment
	codes    bundle.Codes
	last     *segment // where the last row went
	tapped   bool
	declared *declared
	itself   source // of a tag that leads here and nowhere else
}

type segmentKey struct {
	hour  ikada.Hour
	class ikada.Class
}

// maxHours bounds the hours of a log type in one bundle, so that wild clocks
// cannot make countless segments. Further hours go to their arrival hour.
const maxHours = 64

// maxTags bounds the memory of tags.
const maxTags = 10_000

// NewSet returns an empty set. tap may be nil.
func NewSet(tap Tap) *Set {
	return &Set{types: map[ikada.LogType]*logType{}, byTag: map[string]*source{}, packer: bundle.NewPacker(), tap: tap}
}

// Size returns the bytes of all rows, Rows their number.
func (s *Set) Size() int   { return s.size }
func (s *Set) Rows() int64 { return s.rows }

// Message begins a stream message: its lane and position go into the _id of
// its rows.
func (s *Set) Message(lane ikada.Lane, at ikada.Position) {
	s.id = append(s.id[:0], MessageID(lane, at)...)
	s.index = append(s.index[:0], '0')
}

// MessageID is what the _id of every row of a message begins with: all of it
// but the row's index in the message.
func MessageID(lane ikada.Lane, at ikada.Position) string {
	return lane.RowPrefix() + "-" + shortPosition(at) + "-"
}

// Sources returns the segments with rows, ordered by log type, hour and class.
// They are valid until Reset, and no rows may come before it.
func (s *Set) Sources() []bundle.Source {
	var out []bundle.Source
	for _, t := range s.types {
		for key, g := range t.segments {
			if g.stats.Rows > 0 {
				out = append(out, bundle.Source{
					SegmentKey: bundle.SegmentKey{Type: t.name, Hour: key.hour, Class: key.class},
					Stats:      g.stats,
				})
			}
		}
	}
	slices.SortFunc(out, func(a, b bundle.Source) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Class, b.Class))
	})
	for i := range out {
		t := s.types[out[i].Type]
		g := t.segments[segmentKey{out[i].Hour, out[i].Class}]
		g.pack(s.packer, &t.codes)
		out[i].Packed = g.packed
		out[i].Fields = g.named(t.shape)
	}
	return out
}

// Reset empties the set for the next bundle. Segments that had no row since
// the last Reset are let go.
func (s *Set) Reset() {
	for name, t := range s.types {
		for key, g := range t.segments {
			if g.stats.Rows == 0 {
				delete(t.segments, key)
				s.memory.put(g.raw)
				continue
			}
			g.reset(&s.memory)
		}
		t.last = nil
		if len(t.segments) == 0 {
			delete(s.types, name)
		}
		if t.shape.full() {
			t.shape = newShape(t.declared)
		}
	}
	if s.row.nested.full() {
		s.row.nested = nestedKeys{}
	}
	clear(s.byTag)
	s.packer.Reset()
	s.size, s.rows = 0, 0
}

// place returns the segment for a row, and whether the row needs an _hour
// because its archive hour is not its event time's own.
func (t *logType) place(at, arrival int64, class ikada.Class) (g *segment, moved bool) {
	key := segmentKey{ikada.HourOfUnix(floorSeconds(at)), class}
	if g := t.last; g != nil && g.segmentKey == key {
		return g, false
	}
	g = t.segments[key]
	if g == nil && len(t.segments) >= maxHours || !ikada.PlausibleTime(at, arrival) {
		own := key.hour
		key.hour = ikada.HourOfUnix(floorSeconds(arrival))
		g, moved = t.segments[key], key.hour != own
	}
	if g == nil {
		g = &segment{segmentKey: key}
		t.segments[key] = g
	}
	t.last = g
	if moved {
		t.last = nil // the next row must be looked at again
	}
	return g, moved
}

func floorSeconds(ns int64) int64 {
	sec := ns / 1e9
	if ns%1e9 < 0 {
		sec--
	}
	return sec
}

// commit turns the current row into a line of its segment.
func (s *Set) commit(t *logType, at, arrival int64) {
	class := ikada.Plain
	if s.row.hard {
		class = ikada.Hard
	}
	g, moved := t.place(at, arrival, class)
	if room := len(s.row.body) + systemBytes + len(s.id); cap(g.raw)-len(g.raw) < room {
		g.raw = s.memory.grow(g.raw, room)
	}
	start := len(g.raw)
	g.raw = s.appendLine(g.raw, g.hour, at, moved)
	s.size += len(g.raw) - start
	s.rows++
	g.note(&s.row, at)
	if t.tapped {
		s.tap.Row(t.name, g.raw[start:len(g.raw)-1])
	}
	if len(g.raw) >= pieceBytes {
		g.pack(s.packer, &t.codes)
	}
}

// systemBytes is more than a line's system fields have, but for the message's
// part of _id.
const systemBytes = 160

// appendLine appends the current row with its system fields.
func (s *Set) appendLine(dst []byte, hour ikada.Hour, at int64, moved bool) []byte {
	dst = append(append(dst, `{"`+FieldID+`":"`...), s.id...)
	dst = append(dst, s.index...)
	s.index = increment36(s.index)
	dst = append(dst, `","`+FieldTime+`":"`...)
	dst = s.clock.append(dst, at)
	if moved {
		dst = append(dst, `","`+FieldHour+`":"`...)
		dst = s.clock.append(dst, int64(hour)*3600*1e9)
	}
	dst = append(dst, '"')
	dst = append(dst, s.row.body...)
	return append(dst, '}', '\n')
}
