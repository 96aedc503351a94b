package collect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/stream"
)

// shard gathers parts into groups and appends groups to a shard of the stream.
type shard struct {
	b      *Batcher
	number int
	// room bounds the bytes of all groups, first come first served.
	room *semaphore.Weighted
	wake chan struct{} // something changed that run should look at

	mu       sync.Mutex
	ready    []*group // full ones, oldest first
	open     *group   // the one that parts go to, or nil
	inFlight int
	stopped  bool
}

// group is a message in the making: parts that become durable together.
type group struct {
	data   []byte
	events int64
	bad    int64
	room   int64
	opened time.Time
	done   chan struct{} // closed when err holds
	err    error
}

// RoomPerShard bounds what is gathered and in flight of one shard.
const RoomPerShard = 2 * stream.MaxMessage

// buffers recycles the memory of messages.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func newShard(b *Batcher, number int) *shard {
	return &shard{
		b:      b,
		number: number,
		room:   semaphore.NewWeighted(RoomPerShard),
		wake:   make(chan struct{}, 1),
	}
}

// put copies a part into the open group, once there is room.
func (s *shard) put(ctx context.Context, p *batch.Part, events int) (*group, error) {
	size := len(p.Payload) + len(p.Tag) + len(p.Origin) + batch.MaxOverhead
	if err := s.room.Acquire(ctx, int64(size)); err != nil {
		return nil, fmt.Errorf("wait for room: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		s.room.Release(int64(size))
		return nil, ErrStopped
	}
	if s.open != nil && len(s.open.data)+size > s.b.sizes.group() {
		s.closeOpen()
	}
	if s.open == nil {
		s.open = &group{data: (*buffers.Get().(*[]byte))[:0], opened: time.Now(), done: make(chan struct{})}
	}
	g := s.open
	g.data = batch.Append(g.data, p)
	g.room += int64(size)
	g.events += int64(events)
	if p.Format == batch.Bad {
		g.bad++
	}
	if len(g.data) >= s.b.opts.Message {
		s.closeOpen()
	}
	s.signal()
	return g, nil
}

func (s *shard) closeOpen() {
	s.ready = append(s.ready, s.open)
	s.open = nil
}

func (s *shard) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sends groups off as they become due, until ctx ends.
func (s *shard) run(ctx context.Context) {
	var appends sync.WaitGroup
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		g, wait := s.due(time.Now())
		if g != nil {
			appends.Go(func() { s.store(ctx, g) })
			continue
		}
		var lingered <-chan time.Time
		if wait > 0 {
			timer.Reset(wait)
			lingered = timer.C
		}
		select {
		case <-s.wake:
		case <-lingered:
		case <-ctx.Done():
		}
	}
	appends.Wait()
	s.stop()
}

// due takes the group that should go now, or tells how long to wait for the
// open one (0: until something changes).
func (s *shard) due(now time.Time) (*group, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight >= s.b.opts.InFlight {
		return nil, 0
	}
	if len(s.ready) > 0 {
		g := s.ready[0]
		s.ready = s.ready[1:]
		s.inFlight++
		return g, 0
	}
	if s.open == nil {
		return nil, 0
	}
	if wait := s.b.opts.Linger - now.Sub(s.open.opened); s.inFlight > 0 && wait > 0 {
		return nil, wait
	}
	g := s.open
	s.open = nil
	s.inFlight++
	return g, 0
}

// store appends a group, again and again until it is durable or ctx ends. The
// bytes stay the same, and with them the keys: where an attempt of unknown
// outcome did store the message, the next stage drops the second.
func (s *shard) store(ctx context.Context, g *group) {
	start := time.Now()
	err := s.retry(ctx, g.data)
	if err == nil {
		now := time.Now()
		s.b.stats.Done(now, g.events, int64(len(g.data)), now.Sub(start))
		if g.bad > 0 {
			s.b.stats.Update(func(n *ikada.Snapshot) { n.Quarantined += g.bad })
		}
	}
	s.finish(g, err)
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	s.signal()
}

func (s *shard) retry(ctx context.Context, data []byte) error {
	full, failed := false, false
	defer func() {
		if full {
			s.b.full.Add(-1)
		}
	}()
	for delay := s.b.opts.RetryFrom; ; delay = min(2*delay, s.b.opts.RetryTo) {
		err := s.b.stream.Append(ctx, s.number, data)
		if err == nil {
			if full || failed {
				s.b.log.InfoContext(ctx, "the stream takes messages again", "shard", s.number)
			}
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w before shard %d had the message: %w", ErrStopped, s.number, err)
		}
		s.b.stats.Failed(time.Now(), err)
		switch isFull := errors.Is(err, ikada.ErrFull); {
		case isFull && !full:
			full = true
			s.b.full.Add(1)
			s.b.log.WarnContext(ctx, "the stream is full: senders wait until stored events are loaded; see what holds up the later stages, or raise its disk limit",
				"shard", s.number, "error", err)
		case !isFull && !failed:
			failed = true
			s.b.log.WarnContext(ctx, "append to the stream failed: trying again", "shard", s.number, "bytes", len(data), "error", err)
		}
		sleep(ctx, delay)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// finish tells those who wait for a group, and gives its memory back.
func (s *shard) finish(g *group, err error) {
	g.err = err
	data := g.data
	g.data = nil // receipts outlive the group's memory
	if cap(data) <= 2*s.b.sizes.group() {
		buffers.Put(&data)
	}
	s.room.Release(g.room)
	close(g.done)
}

// stop fails what was gathered and not sent, and whatever is put from now on.
func (s *shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.open != nil {
		s.closeOpen()
	}
	for _, g := range s.ready {
		s.finish(g, ErrStopped)
	}
	s.ready = nil
}
