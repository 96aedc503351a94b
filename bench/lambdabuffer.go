package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/gen"
	"github.com/ikada-io/ikada/internal/producers"
)

// producerEvents is how many events a producer puts into a record, if many.
const producerEvents = 500

// batched are the records of a stream, in batches of 6 MB.
type batched struct {
	producer string
	batches  [][][]byte
	events   int
	data     int64 // bytes of the records
}

// asProducer lays events out as a producer does. limit bounds the data of a batch.
func asProducer(layout producers.Layout, events, limit int) *batched {
	g := gen.New(1, gen.Options{Events: events})
	all := &batched{producer: layout.Name, events: events}
	var texts []string
	var batch [][]byte
	size := 0
	for i := range events {
		text := strings.TrimSuffix(string(g.AppendJSON(nil, i)), "}\n") + `,"tag":"` + g.Type(i) + `"}`
		if texts = append(texts, text); layout.Many && len(texts) < producerEvents && i+1 < events {
			continue
		}
		record := layout.Record(texts)
		texts = texts[:0]
		if len(batch) > 0 && (size+len(record)+300 > limit || len(batch) == 10_000) {
			all.batches, batch, size = append(all.batches, batch), nil, 0
		}
		batch = append(batch, record)
		size += len(record) + 300 // what stands around it in the event
		all.data += int64(len(record))
	}
	all.batches = append(all.batches, batch)
	return all
}

// deliver invokes the function buffer with the batches.
func (a *batched) deliver(ctx context.Context, f *awstest.Lambda, batches [][][]byte, first int) (next int, err error) {
	for _, batch := range batches {
		if _, err := f.Invoke(ctx, awstest.BatchOf("bench", "shardId-000000000000", first, batch...)); err != nil {
			return first, err
		}
		first += len(batch)
	}
	return first, nil
}

// lambdaBuffer measures Lambda 1 over batches of some producers.
func (b *bench) lambdaBuffer(ctx context.Context) error {
	if !b.wants("lambda-buffer") {
		return nil
	}
	names := []string{"fluent-plugin-kinesis", "fluent-plugin-kinesis-agg-zlib", "fluent-bit-gzip"}
	layouts := producers.Layouts()
	for n, name := range names {
		at := slices.IndexFunc(layouts, func(l producers.Layout) bool { return l.Name == name })
		events := max(min(b.events/5, 600_000), 1000)
		if strings.Contains(name, "agg") { // each event compressed for itself: that takes its time
			events = max(events/4, 1000)
		}
		all := asProducer(layouts[at], events, batchData)
		label := []string{"Lambda 1, one event a record", "Lambda 1, KPL, zlib an event", "Lambda 1, gzip over many events"}[n]
		if err := b.onCloud(ctx, func(c *cloud) error { return b.measureBuffer(c, label, all) }); err != nil {
			return fmt.Errorf("%s: %w", label, err)
		}
	}
	return nil
}

func (b *bench) measureBuffer(c *cloud, label string, all *batched) error {
	var took []invoked
	var alone []cost
	for range b.rounds {
		one, rows, err := c.bufferTimed(all)
		if err != nil {
			return err
		}
		deflate, _, err := deflateAlone(rows)
		if err != nil {
			return err
		}
		took, alone = append(took, one), append(alone, deflate)
		b.tell("%s: %v, peak %d MiB; deflate alone: %v", label, one.cost, one.peak>>20, deflate)
	}
	measured := max(len(all.batches)-1, 1)
	perBatch := median(took, func(i invoked) time.Duration { return i.cpu }) / time.Duration(measured)
	aloneBatch := median(alone, func(c cost) time.Duration { return c.cpu }) / time.Duration(measured)
	times := ratio(each(took, func(i invoked) cost { return i.cost }), alone, func(c cost) float64 { return c.cpu.Seconds() })
	peak := int64(0)
	for _, one := range took {
		peak = max(peak, one.peak)
	}
	b.table.add(label, fmt.Sprintf("%s MB/s of payload, %d CPU-ms a 6 MB batch, which take %.1f s of %.2f CPU; peak %d MiB",
		thousands(median(took, func(i invoked) float64 { return i.megabytes() })), perBatch.Milliseconds(),
		perBatch.Seconds()/functionShare, functionShare, peak>>20),
		fmt.Sprintf("deflate of its rows alone: %d CPU-ms", aloneBatch.Milliseconds()),
		fmt.Sprintf("%.1f × its CPU", times),
		target(fmt.Sprintf("≤ %d MB", functionMemory), peak < functionMemory<<20))
	return nil
}

// bufferTimed has a new function take all batches, the first of them before the
// clock starts, and returns the rows that the others became.
func (c *cloud) bufferTimed(all *batched) (one invoked, rows []segment, err error) {
	p := c.place(c.store.Endpoint)
	f := p.function("buffer")
	defer f.Kill()
	next, err := all.deliver(c.ctx, f, all.batches[:1], 1)
	if err != nil {
		return one, nil, err
	}
	first, err := listBundles(c.ctx, p.dir())
	if err != nil {
		return one, nil, err
	}
	batches, want := all.batches[1:], int64(all.events)
	if len(batches) == 0 { // a rehearsal has one alone, which comes again
		batches, want = all.batches, 2*want
	}
	one, err = timed(f, sizeOf(batches), func() error {
		_, err := all.deliver(c.ctx, f, batches, next)
		return err
	})
	if err != nil {
		return one, nil, err
	}
	bundles, err := listBundles(c.ctx, p.dir())
	if err != nil {
		return one, nil, err
	}
	if got, _ := totals(bundles); got != want {
		return one, nil, fmt.Errorf("bundles have %d rows, want %d", got, want)
	}
	for _, b := range bundles[len(first):] {
		more, err := readRows(p.dir(), b)
		if err != nil {
			return one, nil, err
		}
		rows = append(rows, more...)
	}
	return one, rows, nil
}

func sizeOf(batches [][][]byte) (size int64) {
	for _, batch := range batches {
		for _, record := range batch {
			size += int64(len(record))
		}
	}
	return size
}
