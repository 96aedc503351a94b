package gen

import "iter"

// Chunk is what a forwarder sends at once: events of one log type.
type Chunk struct {
	Tag     string
	Entries []byte // valid until the next chunk
	N       int    // events
}

// Chunks yields the events from up to but without to as the payloads of
// PackedForward messages of n events each, one log type a chunk, as Fluentd
// makes them. The last chunk of a type may have fewer.
func (g *Generator) Chunks(from, to, n int) iter.Seq[Chunk] {
	return g.gather(from, to, n, g.AppendEntry)
}

// Lines is Chunks in newline-delimited JSON.
func (g *Generator) Lines(from, to, n int) iter.Seq[Chunk] {
	return g.gather(from, to, n, g.AppendJSON)
}

func (g *Generator) gather(from, to, n int, add func([]byte, int) []byte) iter.Seq[Chunk] {
	return func(yield func(Chunk) bool) {
		open := make([]Chunk, len(g.types))
		for rank := range open {
			open[rank].Tag = g.types[rank].name
		}
		for i := from; i < to; i++ {
			c := &open[g.rank(i)]
			c.Entries = add(c.Entries, i)
			c.N++
			if c.N < n {
				continue
			}
			if !yield(*c) {
				return
			}
			c.Entries, c.N = c.Entries[:0], 0
		}
		for _, c := range open {
			if c.N > 0 && !yield(c) {
				return
			}
		}
	}
}

// Total is what a table of one log type must add up to.
type Total struct {
	Count    int64
	Checksum int64 // sum
	Seq      int64 // sum
}

// Totals returns the totals of the events from up to but without to, by log
// type. It makes the events, so it takes as long as sending them does.
func (g *Generator) Totals(from, to int) map[string]Total {
	totals := make([]Total, len(g.types))
	var scratch []byte
	for i := from; i < to; i++ {
		r := g.random(i)
		rank := g.pick(&r)
		at := g.time(i, &r)
		var checksum int64
		scratch, checksum = g.types[rank].append(output{b: scratch[:0], at: at}, &r, i)
		totals[rank].Count++
		totals[rank].Checksum += checksum
		totals[rank].Seq += int64(i)
	}
	byName := map[string]Total{}
	for rank, t := range totals {
		if t.Count > 0 {
			byName[g.types[rank].name] = t
		}
	}
	return byName
}
