// Package buffer is the stage that turns the stream into bundles: it reads
// each lane strictly in order, turns records into rows, and writes what it took
// as one object of the buffer bucket. A bundle's ordinal is claimed by creating
// its key if absent, so whatever dies, overlaps or repeats, the bundles of a
// lane follow each other without a gap and never hold a record twice. The
// newest bundle is the lane's checkpoint; there is no other state.
package buffer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/declare"
	"github.com/ikada-io/ikada/record"
	"github.com/ikada-io/ikada/stream"
)

// Options tune the stage. The zero value of each gives its default.
type Options struct {
	// BundleSize closes a bundle once it holds that many bytes of rows; 16 MiB.
	BundleSize int
	// Flush closes a bundle that long after its first record; 1 s.
	Flush time.Duration
	// Window and WindowKeys bound the chunk window: a chunk sent again within
	// them is recognised; 1 h and 500,000 keys a lane.
	Window     time.Duration
	WindowKeys int
	// Parallel bounds the indexes that are read at a time on a cold start; 16.
	Parallel int
	// Declared are the declared log types; may be nil.
	Declared *declare.Set
	// Tap sees rows as they are made; may be nil.
	Tap   record.Tap
	Stats *ikada.Stats
	Log   *slog.Logger
	// Backoff is the first pause after an error, doubled up to 30 s; 100 ms.
	Backoff time.Duration
}

// Buffer runs the stage.
type Buffer struct {
	stream stream.Stream
	bucket bucket.Bucket
	opts   Options

	draining chan struct{} // closed by Drain
	drain    sync.Once
	ready    chan struct{} // closed when all lanes are
	allReady sync.Once
	unready  atomic.Int64 // lanes
	windows  *windows
	slots    chan struct{} // a token for each index that is read

	reading sync.Mutex
	found   map[ikada.Lane]checkpoint // nil before the windows were read

	mu     sync.Mutex
	passed map[int]passed // by shard
}

// passed tells how far a lane was read.
type passed struct {
	lane ikada.Lane
	last ikada.Position
}

// New returns the stage. Run starts it.
func New(s stream.Stream, b bucket.Bucket, opts Options) *Buffer {
	opts.BundleSize = cmp.Or(opts.BundleSize, 16<<20)
	opts.Flush = cmp.Or(opts.Flush, time.Second)
	opts.Window = cmp.Or(opts.Window, time.Hour)
	opts.WindowKeys = cmp.Or(opts.WindowKeys, 500_000)
	opts.Parallel = cmp.Or(opts.Parallel, 16)
	opts.Backoff = cmp.Or(opts.Backoff, 100*time.Millisecond)
	opts.Stats = cmp.Or(opts.Stats, &ikada.Stats{})
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	return &Buffer{
		stream: s, bucket: b, opts: opts, windows: newWindows(opts.Window, opts.WindowKeys),
		slots: make(chan struct{}, opts.Parallel), draining: make(chan struct{}), ready: make(chan struct{}), passed: map[int]passed{},
	}
}

// Run reads all lanes until ctx ends, or until Drain was called and nothing is
// left. What a lane has taken and not written when ctx ends is read again by
// the next run.
func (b *Buffer) Run(ctx context.Context) error {
	lanes, err := b.stream.Lanes(ctx)
	if err != nil {
		return fmt.Errorf("list lanes: %w", err)
	}
	b.unready.Store(int64(len(lanes)))
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range lanes {
		g.Go(func() error { return b.runLane(ctx, l) })
	}
	return g.Wait()
}

// Ready is closed once every lane was compared with its newest bundle. What is
// appended before that could take the place of records that a stream which was
// cut short has lost, and be taken for them: so append nothing until then.
func (b *Buffer) Ready() <-chan struct{} { return b.ready }

func (b *Buffer) laneReady() {
	if b.unready.Add(-1) == 0 {
		b.allReady.Do(func() { close(b.ready) })
	}
}

// Drain makes Run write what the stream holds and return. Nothing may be
// appended to the stream any more.
func (b *Buffer) Drain() { b.drain.Do(func() { close(b.draining) }) }

// Backlog tells what all lanes hold that is in no bundle yet.
func (b *Buffer) Backlog(ctx context.Context) (stream.Backlog, error) {
	b.mu.Lock()
	lanes := make([]passed, 0, len(b.passed))
	for _, p := range b.passed {
		lanes = append(lanes, p)
	}
	b.mu.Unlock()
	var sum stream.Backlog
	for _, p := range lanes {
		n, err := b.stream.Backlog(ctx, p.lane, p.last)
		if err != nil {
			return sum, fmt.Errorf("backlog of lane %s: %w", p.lane, err)
		}
		sum.Messages += n.Messages
		sum.Bytes += n.Bytes
		if !n.Oldest.IsZero() && (sum.Oldest.IsZero() || n.Oldest.Before(sum.Oldest)) {
			sum.Oldest = n.Oldest
		}
	}
	return sum, nil
}

// runLane keeps one lane going: after an error it begins again with what the
// bucket says, which is always right.
func (b *Buffer) runLane(ctx context.Context, name ikada.Lane) error {
	l := newLane(b, name)
	pause := b.opts.Backoff
	for {
		before := l.ordinal
		err := l.run(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errRenewed):
			continue
		case errors.Is(err, errLostRace):
			b.opts.Log.Warn("the lane's next bundle is there already; reading it first", "lane", l.name)
		default:
			b.opts.Stats.Failed(time.Now(), err)
			b.opts.Log.Error("buffer lane failed; trying again", "lane", l.name, "error", err, "pause", pause)
		}
		if l.ordinal != before {
			pause = b.opts.Backoff
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
}
