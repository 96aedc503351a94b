package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// target figures of the runs from the socket.
const (
	archiveCPU    = 2.0 // CPU-seconds for a million events
	archiveRate   = 400_000
	queryableRate = 200_000
	memoryLimit   = 1 << 30
	// sustained is how many events the rates are for: of fewer, the second or
	// two in which the last bundle and the last plan wait for their time take
	// a good part.
	sustained = 10_000_000
)

// way is how far events go from the socket.
type way struct {
	section, name string
	last          string // the stage that has to have all events
	flags         []string
	target        func(p passage, events int) string
	check         func(context.Context, *server) error // nil: none beyond the usual
}

var noWarehouse = []string{"--warehouse-kind", "none"}

var ways = []way{
	{"ack", "socket → acknowledged", "collect", noWarehouse, func(passage, int) string { return "" }, nil},
	{"archive", "socket → archive", "route", noWarehouse, func(p passage, events int) string {
		return target(fmt.Sprintf("≤ %.1f CPU-s/M", archiveCPU), p.cpu <= archiveCPU) + "; " + targetRate(p.speed, archiveRate, events)
	}, nil},
	{"queryable", "socket → queryable", "load", nil, func(p passage, events int) string {
		return targetRate(p.speed, queryableRate, events) + "; " + target("< 1 GiB", p.peak < memoryLimit)
	}, nil},
}

// targetRate is the target of a rate, which only a long run can meet or miss.
func targetRate(speed, least float64, events int) string {
	aim := fmt.Sprintf("≥ %s/s", thousands(least))
	if events < sustained {
		return aim + ": for longer runs"
	}
	return target(aim, speed >= least)
}

// passage is one run of the pipeline.
type passage struct {
	dir   string  // what it left
	speed float64 // events/s
	cpu   float64 // CPU-seconds for a million events
	peak  int64   // bytes

	deflate float64 // CPU-seconds that compressing a million of its events takes
}

// sockets runs the pipeline, each way in turn, for some rounds.
func (b *bench) sockets(ctx context.Context) error {
	results := make([][]passage, len(ways))
	var t traffic
	for range b.rounds {
		for i, w := range ways {
			if !b.wants(w.section) {
				continue
			}
			if t == nil {
				t = makeTraffic(min(b.events, roundEvents), roundEvents, chunkEvents)
			}
			p, err := b.pass(ctx, w, t)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			b.tell("%-22s %s", w.name, p)
			results[i] = append(results[i], p)
		}
	}
	for i, w := range ways {
		if r := results[i]; len(r) > 0 {
			b.addWay(w, r)
		}
	}
	return nil
}

func (p passage) String() string {
	return fmt.Sprintf("%s events/s, %.2f CPU-s/M, peak %d MiB", thousands(p.speed), p.cpu, p.peak>>20)
}

// medianPassage returns the medians of several runs, and their greatest peak.
func medianPassage(r []passage) passage {
	p := passage{
		speed: median(r, func(p passage) float64 { return p.speed }),
		cpu:   median(r, func(p passage) float64 { return p.cpu }),
	}
	for _, one := range r {
		p.peak = max(p.peak, one.peak)
	}
	return p
}

func (b *bench) addWay(w way, r []passage) {
	p := medianPassage(r)
	b.table.add(w.name, p.String(),
		fmt.Sprintf("deflate alone: %.2f CPU-s/M", median(r, func(p passage) float64 { return p.deflate })),
		fmt.Sprintf("%.1f × its CPU", median(r, func(p passage) float64 { return p.cpu / p.deflate })),
		w.target(p, b.events))
}

// pass sends events to a fresh server until the last stage has all, and then
// measures the yardsticks.
func (b *bench) pass(ctx context.Context, w way, t traffic) (p passage, err error) {
	if p, err = b.passTimed(ctx, w, t); err != nil {
		return p, err
	}
	rows, err := someRows(ctx, p.dir)
	if err != nil {
		return p, err
	}
	y, err := b.measureYardsticks(rows)
	if err != nil {
		return p, err
	}
	p.deflate = y.deflateRow
	b.physical = append(b.physical, y)
	return p, nil
}

func (b *bench) passTimed(ctx context.Context, w way, t traffic) (p passage, err error) {
	if p.dir, err = os.MkdirTemp(b.data, w.section+"-"); err != nil {
		return p, fmt.Errorf("make a data directory: %w", err)
	}
	s, err := b.startServer(ctx, p.dir, w.flags...)
	if err != nil {
		return p, err
	}
	defer s.kill()
	syscall.Sync() // it shall not wait for what others wrote
	before, err := s.cpu()
	if err != nil {
		return p, err
	}
	start := time.Now()
	ctx, end := s.watch(ctx)
	defer end()
	if err := t.send(ctx, s.at.Forward, b.events, b.rate); err != nil {
		return p, fmt.Errorf("send: %w\n%s", cmp.Or(context.Cause(ctx), err), s.log.String())
	}
	if err := s.waitFor(ctx, w.last, int64(b.events)); err != nil {
		return p, err
	}
	p.speed = float64(b.events) / time.Since(start).Seconds()
	after, err := s.cpu()
	if err != nil {
		return p, err
	}
	p.cpu = (after - before).Seconds() / float64(b.events) * 1e6
	if p.peak, err = s.peak(); err != nil {
		return p, err
	}
	if w.section == "queryable" {
		if err := s.checkRows(ctx, int64(b.events)); err != nil {
			return p, err
		}
	}
	if w.check != nil {
		if err := w.check(ctx, s); err != nil {
			return p, err
		}
	}
	if err := s.stop(); err != nil { // which drains
		return p, err
	}
	return p, checkArchive(ctx, p.dir, int64(b.events))
}
