package main

import (
	"context"
	"slices"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/gen"
)

const (
	// chunkEvents is how many events a forwarder sends at once.
	chunkEvents = 1000
	// roundEvents is how many different events there are. Their times go
	// over three hours.
	roundEvents = 1_000_000
)

// traffic is what is sent, encoded before the clock starts. It is sent round
// and round until there are enough events: each time with chunk ids of its own.
type traffic []gen.Chunk

// makeTraffic makes events, in chunks of so many, of which each span go over
// the three hours.
func makeTraffic(events, span, chunk int) traffic {
	var t traffic
	g := gen.New(1, gen.Options{Events: span})
	for c := range g.Chunks(0, events, chunk) {
		c.Entries = slices.Clone(c.Entries)
		t = append(t, c)
	}
	return t
}

// send sends events over a few connections and waits for all acks. rate is in
// events/s, 0 for as fast as they go.
func (t traffic) send(ctx context.Context, addr string, events, rate int) error {
	const connections = 4
	done := make(chan error, connections)
	for i := range connections {
		go func() { done <- t.sendShare(ctx, addr, events, rate, i, connections) }()
	}
	var first error
	for range connections {
		if err := <-done; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// sendShare sends every step-th chunk, beginning with the first.
func (t traffic) sendShare(ctx context.Context, addr string, events, rate, first, step int) error {
	c, err := forwardclient.Dial(ctx, addr, forwardclient.Options{InFlight: 16})
	if err != nil {
		return err
	}
	start, sent := time.Now(), 0
	for i := 0; sent < events; i++ {
		chunk := t[i%len(t)]
		n := min(chunk.N, events-sent)
		sent += n
		if i%step != first {
			continue
		}
		if n < chunk.N { // the last one would be cut in the middle of an entry
			chunk = cutChunk(chunk, n)
		}
		if rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(float64(sent) / float64(rate) * float64(time.Second)))))
		}
		if err := c.Send(ctx, chunk.Tag, chunk.Entries, n); err != nil {
			return err
		}
	}
	return c.Close(ctx)
}

// cutChunk returns a chunk's first n entries.
func cutChunk(c gen.Chunk, n int) gen.Chunk {
	rest := c.Entries
	for range n {
		var err error
		if rest, err = msgp.Skip(rest); err != nil {
			panic(err) // the generator wrote it
		}
	}
	c.Entries, c.N = c.Entries[:len(c.Entries)-len(rest)], n
	return c
}
