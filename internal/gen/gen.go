// Package gen makes realistic log traffic for the demo, tests and benchmarks:
// events of 30 log types with a Zipf skew, about 270 bytes each as JSON, with
// nested objects, Japanese text, numbers, nulls and timestamps.
//
// It is deterministic: event i of a seed is always the same, in any order and
// from any goroutine. Every event has a seq, unique over the run, and a
// checksum that follows from its content, so that whoever receives the events
// can compare counts and sums with Totals.
//
// It is cheap enough to drive a benchmark: events are encoded straight to
// msgpack or JSON, without a map and without an allocation.
package gen

import (
	"encoding/binary"
	"math"
	"time"
)

// Options vary the traffic. The zero value is ready to use.
type Options struct {
	// Events is the number of events that Span is spread over (default a
	// million). Event numbers may go beyond it: the times begin anew.
	Events int
	// Start is the first event's time (default 2026-11-23 03:00 UTC).
	Start time.Time
	// Span is the time from the first event to the last (default 3 hours).
	Span time.Duration
	// Skew is the exponent of the Zipf distribution over log types (default 1.1).
	Skew float64
	// Live gives events the time of their making instead. Everything else,
	// checksums included, stays as it is.
	Live bool
	// Now is the clock of Live (default time.Now).
	Now func() time.Time
}

// Generator makes events. It is immutable, so safe for concurrent use.
type Generator struct {
	seed  uint64
	opts  Options
	step  int64 // nanoseconds from one event to the next
	slots [slotCount]uint8
	types []logType
}

// slotCount is the resolution of the distribution over log types: the rarest
// of 30 types has about 30 slots.
const slotCount = 4096

// New makes a generator.
func New(seed uint64, opts Options) *Generator {
	if opts.Events <= 0 {
		opts.Events = 1_000_000
	}
	if opts.Start.IsZero() {
		opts.Start = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	}
	if opts.Span <= 0 {
		opts.Span = 3 * time.Hour
	}
	if opts.Skew == 0 {
		opts.Skew = 1.1
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	g := &Generator{seed: seed, opts: opts, types: logTypes()}
	g.step = max(int64(opts.Span)/int64(opts.Events), 1)
	g.fillSlots()
	return g
}

// fillSlots gives the type of rank r a share of 1/r^skew.
func (g *Generator) fillSlots() {
	var whole float64
	for r := range g.types {
		whole += math.Pow(float64(r+1), -g.opts.Skew)
	}
	var sum float64
	slot := 0
	for r := range g.types {
		sum += math.Pow(float64(r+1), -g.opts.Skew)
		for end := int(math.Round(sum / whole * slotCount)); slot < min(end, slotCount); slot++ {
			g.slots[slot] = uint8(r)
		}
	}
}

// Types returns the log types, the most frequent first.
func (g *Generator) Types() []string {
	names := make([]string, len(g.types))
	for i := range g.types {
		names[i] = g.types[i].name
	}
	return names
}

// Type returns the log type of event i.
func (g *Generator) Type(i int) string { return g.types[g.rank(i)].name }

func (g *Generator) rank(i int) int {
	r := g.random(i)
	return g.pick(&r)
}

func (g *Generator) random(i int) random { return newRandom(g.seed, uint64(i)) }

func (g *Generator) pick(r *random) int { return int(g.slots[r.next()>>(64-12)]) }

// time returns when event i happened: in even steps, up to two seconds late.
func (g *Generator) time(i int, r *random) time.Time {
	late := r.below(2_000_000_000)
	if g.opts.Live {
		return g.opts.Now()
	}
	return g.opts.Start.Add(time.Duration((int64(i)*g.step + late) % int64(g.opts.Span)))
}

// AppendEntry appends event i as a Forward entry in msgpack: [EventTime, record].
func (g *Generator) AppendEntry(dst []byte, i int) []byte {
	r := g.random(i)
	t := &g.types[g.pick(&r)]
	at := g.time(i, &r)
	dst = append(dst, 0x92, 0xd7, 0x00) // array of 2; fixext8 of type 0
	dst = binary.BigEndian.AppendUint32(dst, uint32(at.Unix()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(at.Nanosecond()))
	dst, _ = t.append(output{b: dst, at: at}, &r, i)
	return dst
}

// AppendJSON appends event i's record as a line of JSON. It is the record of
// AppendEntry; some log types also bear the time in a field.
func (g *Generator) AppendJSON(dst []byte, i int) []byte {
	r := g.random(i)
	t := &g.types[g.pick(&r)]
	at := g.time(i, &r)
	dst, _ = t.append(output{b: dst, at: at, json: true}, &r, i)
	return append(dst, '\n')
}
