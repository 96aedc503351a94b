package main

import (
	"context"

	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/gen"
)

// traffic sends generated events and knows what the tables must add up to.
type traffic struct {
	client *forwardclient.Client
	first  int // seq of the first event
	sent   int64
	want   map[string]gen.Total // by log type
}

func newTraffic(client *forwardclient.Client, first int) *traffic {
	return &traffic{client: client, first: first, want: map[string]gen.Total{}}
}

// send sends the next n events, whole: after an error nobody can say what the
// tables must hold.
func (t *traffic) send(ctx context.Context, g *gen.Generator, n int) error {
	from := t.first + int(t.sent)
	for c := range g.Chunks(from, from+n, 1000) {
		if err := t.client.Send(ctx, c.Tag, c.Entries, c.N); err != nil {
			return err
		}
	}
	t.sent += int64(n)
	for name, add := range g.Totals(from, from+n) {
		sum := t.want[name]
		sum.Count += add.Count
		sum.Checksum += add.Checksum
		t.want[name] = sum
	}
	return nil
}
