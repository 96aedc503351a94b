package buffer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/stream"
)

// errLostRace: somebody else created the next bundle.
var errLostRace = errors.New("the next bundle exists already")

// lane reads one lane into bundles.
type lane struct {
	*Buffer
	name    ikada.Lane
	ordinal uint64         // of the newest bundle, 0 if there is none
	last    ikada.Position // the newest bundle's last; of one that is unreadable, that of the one before
	window  *window
	open    *draft     // what takes messages
	sealed  *draft     // what is being written
	writing chan error // tells what became of sealed; nil if there is none
	// untrimmed counts the bundles since the stream was trimmed.
	untrimmed   int
	untrimmable bool // the last trim failed, and it was told
	// stopReading ends the run at hand: what cannot be written ends the reading too.
	stopReading context.CancelFunc
	parts       []batch.Part // of the message at hand
	checked     sync.Once    // the first Open succeeded

	damaged  map[ikada.Position]int // how often damage up to there was met
	skipping bool                   // the last message was damaged
}

func newLane(b *Buffer, name ikada.Lane) *lane {
	return &lane{
		Buffer:  b,
		name:    name,
		window:  b.windows.of(name),
		open:    newDraft(&b.opts),
		sealed:  newDraft(&b.opts),
		damaged: map[ikada.Position]int{},
	}
}

// run reads the lane until an error, or until it is drained.
func (l *lane) run(ctx context.Context) (err error) {
	ctx, end := l.begin(ctx)
	defer func() { err = end(err) }()
	if err := l.catchUp(ctx); err != nil {
		if _, damaged := errors.AsType[*unreadable](err); !damaged {
			return err
		}
		if err := l.letGo(ctx); err != nil {
			return err
		}
		return l.renew(ctx, err)
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
	l.trim(ctx, l.last)
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
		switch {
		case errors.Is(err, errDrained):
			return l.flush(ctx)
		case l.due():
			err = l.seal(ctx)
		case errors.Is(err, errDue):
			err = l.lull(ctx)
		default:
			err = nil
		}
		if err != nil {
			return err
		}
	}
}

// begin opens an empty bundle. end waits for the bundle that is being written,
// forgets the open one, and returns why the run ended.
func (l *lane) begin(ctx context.Context) (_ context.Context, end func(error) error) {
	ctx, l.stopReading = context.WithCancel(ctx)
	l.open.reset()
	return ctx, func(err error) error {
		if failed := l.written(); failed != nil {
			err = failed // which made the reading stop
		}
		l.stopReading()
		l.window.dropped()
		return err
	}
}

// Reasons for next to come back without a message.
var (
	errDue     = errors.New("the open bundle is due, or the stream is to be trimmed")
	errDrained = errors.New("the lane is drained")
)

// next waits for a message, but no longer than until the open bundle is due or,
// with none, until there is a lull, and not at all once the lane drains and is empty.
func (l *lane) next(ctx, idle context.Context, r stream.Reader) (stream.Message, error) {
	if idle.Err() == nil {
		wait, cancel := idle, context.CancelFunc(func() {})
		switch {
		case !l.open.empty():
			wait, cancel = context.WithDeadline(idle, l.open.opened.Add(l.opts.Flush))
		case l.writing != nil || l.untrimmed > 0:
			wait, cancel = context.WithTimeout(idle, l.opts.Flush)
		}
		m, err := r.Next(wait)
		// A reader tells of damage once: that must not be taken for the end of the wait.
		cancelled := wait.Err() != nil && ctx.Err() == nil && !errors.As(err, new(*stream.Damaged))
		cancel()
		if err == nil || !cancelled {
			return m, err
		}
		if idle.Err() == nil {
			return m, errDue
		}
	}
	left, err := l.stream.Backlog(ctx, l.name, max(l.last, l.sealed.head.Last, l.open.head.Last))
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
	if err != nil && wait.Err() != nil && ctx.Err() == nil && !errors.As(err, new(*stream.Damaged)) {
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
	l.open.message(l.name, m.Position)
	for i := range l.parts {
		l.open.part(&l.parts[i], fresh[i])
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
