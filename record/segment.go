package record

import (
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

// segment collects rows of one log type, hour and class. It compresses them a
// piece at a time, while they are in the core's cache: what comes from memory
// again costs as much as compressing it.
type segment struct {
	segmentKey
	raw    []byte // rows that are not in a piece yet
	packed bundle.Packed
	stats  bundle.Stats
	fields []ikada.Field // by the shape's slots
}

// pieceBytes is how many bytes of rows make a piece: with fewer the files grow,
// with more the cache is too small.
const pieceBytes = 128 << 10

// pack compresses the rows at hand.
func (g *segment) pack(p *bundle.Packer, codes *bundle.Codes) {
	if len(g.raw) > 0 {
		p.Add(&g.packed, g.raw, codes)
		g.raw = g.raw[:0]
	}
}

// reset empties the segment. It keeps its memory, if it has had use for it: so
// all that is kept is a few times what a bundle holds.
func (g *segment) reset(m *memory) {
	if cap(g.raw) > someBytes && g.packed.Raw < someBytes {
		m.put(g.raw)
		g.raw = nil
	}
	g.raw, g.stats = g.raw[:0], bundle.Stats{}
	g.packed = bundle.Packed{Pieces: g.packed.Pieces[:0]}
	clear(g.fields)
}

// named returns the fields that rows had, with their names.
func (g *segment) named(s *Shape) (fields []ikada.Field) {
	for slot, f := range g.fields {
		if f.Rows > 0 {
			f.Name = s.slots[slot].name
			fields = append(fields, f)
		}
	}
	return fields
}

// note adds what was observed of a row.
func (g *segment) note(r *row, at int64) {
	if g.stats.Rows == 0 || at < g.stats.First {
		g.stats.First = at
	}
	if g.stats.Rows == 0 || at > g.stats.Last {
		g.stats.Last = at
	}
	g.stats.Rows++
	for i := range r.fields {
		o := &r.fields[i]
		if o.slot == unlisted {
			continue
		}
		for int(o.slot) >= len(g.fields) {
			g.fields = append(g.fields, ikada.Field{})
		}
		f := &g.fields[o.slot]
		f.Kinds |= o.kind
		f.Rows++
		f.MaxBytes = max(f.MaxBytes, o.maxBytes)
		if o.kind == ikada.KindNull {
			f.Nulls++
		}
	}
}

// memory is the memory of segments for their rows. What is larger than some
// rows has one size, so what a segment leaves another can use.
type memory struct{ free [][]byte }

const (
	fullBytes = pieceBytes + 64<<10 // room for a piece and a row
	someBytes = fullBytes / 4       // so far a segment's memory doubles; then it is full
	maxFree   = 16
)

// grow returns the rows in a place with room for n bytes more.
func (m *memory) grow(rows []byte, n int) []byte {
	switch need := len(rows) + n; {
	case need <= someBytes:
		return append(make([]byte, 0, max(need, 2*cap(rows), 1<<10)), rows...)
	case need <= fullBytes:
		return append(m.get(), rows...)
	}
	return slices.Grow(rows, n)
}

func (m *memory) get() []byte {
	if n := len(m.free); n > 0 {
		full := m.free[n-1]
		m.free = m.free[:n-1]
		return full
	}
	return make([]byte, 0, fullBytes)
}

// put takes what a segment leaves.
func (m *memory) put(rows []byte) {
	if cap(rows) == fullBytes && len(m.free) < maxFree {
		m.free = append(m.free, rows[:0])
	}
}
