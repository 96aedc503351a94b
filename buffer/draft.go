package buffer

import (
	"cmp"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/record"
)

// draft is a bundle that is not written yet. A lane has two of them, so that it
// fills one while the other is compressed and written.
type draft struct {
	set     *record.Set
	head    bundle.Head
	opened  time.Time // when it took its first message; zero if it has none
	dropped map[ikada.LogType]int64
	bad     int64
}

func newDraft(o *Options) *draft {
	d := &draft{set: record.NewSet(o.Tap), dropped: map[ikada.LogType]int64{}}
	d.set.Declare(o.Declared)
	return d
}

func (d *draft) empty() bool { return d.opened.IsZero() }

// message begins the next message of the lane.
func (d *draft) message(name ikada.Lane, at ikada.Position) {
	if d.empty() {
		d.opened = time.Now()
		d.head.First = at
	}
	d.head.Last = at
	d.set.Message(name, at)
}

// part takes a part, or drops it if it was taken before.
func (d *draft) part(p *batch.Part, fresh bool) {
	if d.head.FirstArrival == 0 || p.Arrival < d.head.FirstArrival {
		d.head.FirstArrival = p.Arrival
	}
	d.head.LastArrival = max(d.head.LastArrival, p.Arrival)
	if !fresh {
		d.set.Count(p, func(t ikada.LogType, rows int64) { d.dropped[t] += rows })
		return
	}
	_, bad := d.set.Part(p)
	d.bad += bad
}

func (d *draft) droppedCounts() (counts []bundle.TypeCount) {
	for t, n := range d.dropped {
		counts = append(counts, bundle.TypeCount{Type: t, Rows: n})
	}
	slices.SortFunc(counts, func(a, b bundle.TypeCount) int { return cmp.Compare(a.Type, b.Type) })
	return counts
}

// reset empties the draft.
func (d *draft) reset() {
	d.set.Reset()
	d.head = bundle.Head{}
	d.opened = time.Time{}
	d.bad = 0
	clear(d.dropped)
}
