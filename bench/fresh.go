package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/gen"
)

const (
	freshTarget = 5 * time.Second // at the 99th percentile
	freshRate   = 50              // events/s, over all log types
	freshPoll   = 100 * time.Millisecond
)

// lowTraffic sends single events slowly and sees when a query returns them.
type lowTraffic struct {
	server *server
	sent   []atomic.Int64  // nanoseconds since the Unix epoch, by seq
	after  []time.Duration // from sent to seen, 0 until then
	low    int             // all below are seen
}

// freshness measures the time from sending an event to seeing it in a table.
func (b *bench) freshness(ctx context.Context) error {
	if !b.wants("fresh") {
		return nil
	}
	_, latency, err := b.writeSynced()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.data, "fresh-")
	if err != nil {
		return err
	}
	events := int(b.fresh.Seconds() * freshRate)
	l := &lowTraffic{sent: make([]atomic.Int64, events), after: make([]time.Duration, events)}
	if l.server, err = b.startServer(ctx, dir); err != nil {
		return err
	}
	defer l.server.kill()
	if err := l.run(ctx); err != nil {
		return fmt.Errorf("freshness: %w\n%s", err, l.server.log.String())
	}
	if err := l.server.checkRows(ctx, int64(events)); err != nil {
		return fmt.Errorf("freshness: %w", err)
	}
	slices.Sort(l.after)
	at := func(share float64) time.Duration {
		return l.after[int(share*float64(events-1))].Round(10 * time.Millisecond)
	}
	b.tell("freshness: p50 %v, p99 %v, max %v", at(.5), at(.99), at(1))
	b.table.add(fmt.Sprintf("sent → seen by a query, %d events/s", freshRate), fmt.Sprintf("p50 %v, p99 %v, max %v", at(.5), at(.99), at(1)),
		fmt.Sprintf("a synced page: %.1f ms", float64(latency.Microseconds())/1e3), "", target(fmt.Sprintf("p99 ≤ %v", freshTarget), at(.99) <= freshTarget))
	return l.server.stop()
}

// run sends, and polls until all is seen.
func (l *lowTraffic) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(l.sent))*time.Second/freshRate+time.Minute)
	defer cancel()
	sending := make(chan error, 1)
	go func() { sending <- l.send(ctx) }()
	for l.low < len(l.sent) {
		if err := l.poll(ctx); err != nil {
			return fmt.Errorf("%d of %d events were seen: %w", l.low, len(l.sent), err)
		}
		select {
		case err := <-sending:
			if err != nil {
				return err
			}
		case <-time.After(freshPoll):
		}
	}
	return nil
}

// send sends event by event, each a chunk of its own.
func (l *lowTraffic) send(ctx context.Context) error {
	c, err := forwardclient.Dial(ctx, l.server.at.Forward, forwardclient.Options{InFlight: 1000})
	if err != nil {
		return err
	}
	g := gen.New(1, gen.Options{Live: true})
	start := time.Now()
	for i := range l.sent {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / freshRate)))
		l.sent[i].Store(time.Now().UnixNano())
		if err := c.Send(ctx, g.Type(i), g.AppendEntry(nil, i), 1); err != nil {
			return err
		}
	}
	return c.Close(ctx)
}

// poll notes which events are in the tables by now.
func (l *lowTraffic) poll(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	query, err := l.server.union(ctx, fmt.Sprintf("SELECT seq FROM %%s WHERE seq >= %d", l.low))
	if err != nil || query == "" {
		return err
	}
	seqs, err := l.server.query(ctx, query)
	if err != nil {
		return err
	}
	now := time.Now().UnixNano()
	for _, text := range seqs {
		seq, err := strconv.Atoi(string(text))
		if err != nil || seq >= len(l.sent) {
			return fmt.Errorf("a row has seq %s, which was not sent", text)
		}
		if l.after[seq] == 0 {
			l.after[seq] = time.Duration(now - l.sent[seq].Load())
		}
	}
	for l.low < len(l.sent) && l.after[l.low] > 0 {
		l.low++
	}
	return nil
}
