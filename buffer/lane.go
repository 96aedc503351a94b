package buffer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/record"
	"github.com/ikada-io/ikada/stream"
)

// errLostRace: somebody else created the next bundle.
var errLostRace = errors.New("the next bundle exists already")

// lane reads one lane into bundles.
type lane struct {
	*Buffer
	name    ikada.Lane
	ordinal uint64         // of the newest bundle, 0 if there is none
	last    ikada.Position // the newest bundle's last
	window  *window
	set     *record.Set
	head    bundle.Head // of the open bundle
	opened  time.Time   // when it took its first message; zero if it has none
	dropped map[ikada.LogType]int64
	bad     int64
	parts   []batch.Part // of the message at hand
	checked sync.Once    // the first Open succeeded

	damaged  map[ikada.Position]int // how often damage up to there was met
	skipping bool                   // the last message was damaged
}

func newLane(b *Buffer, name ikada.Lane) *lane {
	return &lane{
		Buffer:  b,
		name:    name,
		window:  b.windows.of(name),
		set:     record.NewSet(b.opts.Tap),
		dropped: map[ikada.LogType]int64{},
		damaged: map[ikada.Position]int{},
	}
}

// run reads the lane until an error, or until it is drained.
func (l *lane) run(ctx context.Context) error {
	defer l.window.dropped()
	l.reset()
	if err := l.catchUp(ctx); errors.Is(err, errUnreadable) {
		return l.renew(ctx, err)
	} else if err != nil {
		return err
	}
	r, err := l.stream.Open(ctx, l.name, l.last)
	if errors.Is(err, ikada.ErrTruncated) || errors.Is(err, ikada.ErrNotFound) {
		return l.renew(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("open lane %s behind %q: %w", l.name, l.last, err)
	}
	defer func() { _ = r.Close() }() // what was read stays read
	l.checked.Do(l.laneReady)
	l.trim(ctx)
	idle, stop := context.WithCancel(ctx) // ends early when the lane shall drain
	defer stop()
	go func() {
		select {
		case <-l.draining:
			stop()
		case <-idle.Done():
		}
	}()
	for {
		m, err := l.next(ctx, idle, r)
		if damaged := (*stream.Damaged)(nil); errors.As(err, &damaged) && l.beyondHope(damaged) {
			if r, err = l.skip(ctx, r, damaged); err != nil {
				return err
			}
		} else if err == nil {
			l.skipping = false
			if err := l.add(ctx, m); err != nil {
				return err
			}
		} else if !errors.Is(err, errDue) && !errors.Is(err, errDrained) {
			return fmt.Errorf("read lane %s: %w", l.name, err)
		}
		if l.due() || errors.Is(err, errDrained) {
			if err := l.flush(ctx); err != nil {
				return err
			}
		}
		if errors.Is(err, errDrained) {
			return nil
		}
	}
}

// Reasons for next to come back without a message.
var (
	errDue     = errors.New("the open bundle is due")
	errDrained = errors.New("the lane is drained")
)

// next waits for a message, but no longer than until the open bundle is due,
// and not at all once the lane drains and is empty.
func (l *lane) next(ctx, idle context.Context, r stream.Reader) (stream.Message, error) {
	if idle.Err() == nil {
		wait, cancel := idle, context.CancelFunc(func() {})
		if !l.opened.IsZero() {
			wait, cancel = context.WithDeadline(idle, l.opened.Add(l.opts.Flush))
		}
		m, err := r.Next(wait)
		cancelled := wait.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !cancelled {
			return m, err
		}
		if idle.Err() == nil {
			return m, errDue
		}
	}
	left, err := l.stream.Backlog(ctx, l.name, max(l.last, l.head.Last))
	if err != nil {
		return stream.Message{}, err
	}
	if left.Messages == 0 {
		return stream.Message{}, errDrained
	}
	// Not for ever: somebody else may have taken and trimmed what was left.
	wait, cancel := context.WithTimeout(ctx, l.opts.Flush)
	defer cancel()
	m, err := r.Next(wait)
	if err != nil && wait.Err() != nil && ctx.Err() == nil {
		return m, errDue
	}
	return m, err
}

// add takes a message into the open bundle.
func (l *lane) add(ctx context.Context, m stream.Message) error {
	l.parts = l.parts[:0]
	for p, err := range batch.Parts(m.Data) {
		if err != nil {
			// The bytes are what the stream stored, so this is a foreign or a
			// newer writer. They are kept, and nothing behind them is held up.
			p = l.badMessage(m, err)
		}
		l.parts = append(l.parts, p)
	}
	return l.take(ctx, m)
}

// take takes the parts of a message, once it is known which were taken before.
func (l *lane) take(ctx context.Context, m stream.Message) error {
	fresh := make([]bool, len(l.parts))
	for {
		wait := l.window.take(l.parts, fresh)
		if wait == nil {
			break
		}
		// With nothing open itself, no lane waits for one that waits for it.
		if err := l.flush(ctx); err != nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if l.opened.IsZero() {
		l.opened = time.Now()
		l.head.First = m.Position
	}
	l.head.Last = m.Position
	l.set.Message(l.name, m.Position)
	for i := range l.parts {
		l.part(&l.parts[i], fresh[i])
	}
	return nil
}

func (l *lane) badMessage(m stream.Message, err error) batch.Part {
	return batch.Part{
		Tag:     string(ikada.Quarantine),
		Format:  batch.Bad,
		Key:     batch.KeyOf(l.name.String(), []byte(m.Position), m.Data, 0),
		Arrival: m.Time.UnixNano(),
		Origin:  "stream " + l.name.String() + " " + string(m.Position),
		Payload: batch.AppendBad(nil, err.Error(), 1, 1, m.Data),
	}
}

// part takes a part, or drops it if it was taken before.
func (l *lane) part(p *batch.Part, fresh bool) {
	if l.head.FirstArrival == 0 || p.Arrival < l.head.FirstArrival {
		l.head.FirstArrival = p.Arrival
	}
	l.head.LastArrival = max(l.head.LastArrival, p.Arrival)
	if !fresh {
		t, err := ikada.TypeOf(p.Tag)
		if err != nil {
			t = ikada.Quarantine
		}
		l.dropped[t] += record.Count(p)
		return
	}
	_, bad := l.set.Part(p)
	l.bad += bad
}

// due reports whether the open bundle is to be written.
func (l *lane) due() bool {
	if l.opened.IsZero() {
		return false
	}
	return l.set.Size() >= l.opts.BundleSize || !time.Now().Before(l.opened.Add(l.opts.Flush))
}

// flush writes the open bundle. Its create is the proof that what was read of
// the lane before is still current: nobody else has written since.
func (l *lane) flush(ctx context.Context) error {
	if l.opened.IsZero() {
		return nil
	}
	start := time.Now()
	h := l.head
	h.Lane, h.Ordinal, h.Previous, h.Created = l.name, l.ordinal+1, l.last, start.UnixNano()
	h.Keys = l.window.open
	h.Dropped = l.droppedCounts()
	body, index, err := bundle.Write(ctx, l.opts.Pool, h, l.set.Sources())
	if err != nil {
		return fmt.Errorf("write bundle %d of lane %s: %w", h.Ordinal, l.name, err)
	}
	defer l.opts.Pool.Release(body)
	key := bundle.Key(l.name, h.Ordinal)
	if err := l.bucket.Create(ctx, key, body...); errors.Is(err, ikada.ErrExists) {
		return errLostRace
	} else if err != nil {
		return fmt.Errorf("create bundle %s: %w", key, err)
	}
	l.window.written(h.LastArrival)
	l.advance(h.Ordinal, h.Last)
	l.record(index, start)
	l.reset()
	l.trim(ctx)
	return nil
}

// trim lets the stream forget what is in bundles.
func (l *lane) trim(ctx context.Context) {
	if l.last == "" {
		return
	}
	if err := l.stream.Trim(ctx, l.name, l.last); err != nil && ctx.Err() == nil {
		l.opts.Log.Warn("cannot trim the stream; the next bundle tries again", "lane", l.name, "error", err)
	}
}

// record counts a bundle that was written.
func (l *lane) record(x *bundle.Index, start time.Time) {
	now := time.Now()
	l.opts.Stats.Done(now, l.set.Rows(), int64(l.set.Size()), now.Sub(start))
	l.opts.Stats.Update(func(s *ikada.Snapshot) {
		s.Quarantined += l.bad
		for _, d := range x.Dropped {
			s.Dropped += d.Rows
		}
	})
}

func (l *lane) droppedCounts() (counts []bundle.TypeCount) {
	for t, n := range l.dropped {
		counts = append(counts, bundle.TypeCount{Type: t, Rows: n})
	}
	slices.SortFunc(counts, func(a, b bundle.TypeCount) int { return cmp.Compare(a.Type, b.Type) })
	return counts
}

// reset begins a new open bundle.
func (l *lane) reset() {
	l.set.Reset()
	l.head = bundle.Head{}
	l.opened = time.Time{}
	l.bad = 0
	clear(l.dropped)
}

// advance notes the newest bundle.
func (l *lane) advance(ordinal uint64, last ikada.Position) {
	l.ordinal, l.last = ordinal, last
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passed[l.name.Shard] = passed{l.name, last}
}
