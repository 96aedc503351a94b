package buffer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

// due reports whether the open bundle is to be written.
func (l *lane) due() bool {
	if l.open.empty() {
		return false
	}
	return l.open.set.Size() >= l.opts.BundleSize || !time.Now().Before(l.open.opened.Add(l.opts.Flush))
}

// seal begins to write the open bundle and opens another, once the one before
// is written: so bundles are written in order, one at a time. If it cannot be
// written, reading stops, and written tells why.
func (l *lane) seal(ctx context.Context) error {
	if l.open.empty() {
		return nil
	}
	if err := l.written(); err != nil {
		return err
	}
	l.open, l.sealed = l.sealed, l.open
	h := &l.sealed.head
	h.Lane, h.Ordinal, h.Previous, h.Created = l.name, l.ordinal+1, l.last, time.Now().UnixNano()
	h.Keys = l.window.seal()
	h.Dropped = l.sealed.droppedCounts()
	done := make(chan error, 1)
	l.writing = done
	go func(d *draft, stopReading func()) {
		err := l.write(ctx, d)
		done <- err
		if err != nil {
			stopReading()
		}
	}(l.sealed, l.stopReading)
	return nil
}

// written waits until the sealed bundle is written, if there is one.
func (l *lane) written() error {
	if l.writing == nil {
		return nil
	}
	err := <-l.writing
	l.writing = nil
	if err == nil {
		l.ordinal, l.last = l.sealed.head.Ordinal, l.sealed.head.Last
	}
	l.sealed.reset()
	return err
}

// flush writes the open bundle and waits for it.
func (l *lane) flush(ctx context.Context) error {
	if err := l.seal(ctx); err != nil {
		return err
	}
	return l.written()
}

// write writes a bundle. Its create is the proof that what was read of the
// lane before is still current: nobody else has written since.
func (l *lane) write(ctx context.Context, d *draft) error {
	start := time.Now()
	key := bundle.Key(l.name, d.head.Ordinal)
	body, index, err := bundle.Write(d.head, d.set.Sources())
	if err != nil {
		return err
	}
	if err := l.bucket.Create(ctx, key, body...); errors.Is(err, ikada.ErrExists) {
		return errLostRace
	} else if err != nil {
		return fmt.Errorf("create bundle %s: %w", key, err)
	}
	l.window.written(d.head.LastArrival)
	l.pass(d.head.Last)
	l.count(d, index, time.Since(start))
	if l.untrimmed++; l.untrimmed >= trimAfter || d.set.Size() < l.opts.BundleSize {
		l.trim(ctx, d.head.Last)
	}
	return nil
}

// trimAfter is how many full bundles a stream is trimmed of at once: it may
// have to read and write anew what is on both sides of the place. When bundles
// are not full, each is trimmed.
const trimAfter = 4

// lull trims what full bundles left. Nothing may come before that: a stream
// that is full of what is in bundles takes no message that would make another.
func (l *lane) lull(ctx context.Context) error {
	if l.writing != nil && len(l.writing) == 0 {
		return nil // it is being written yet
	}
	if err := l.written(); err != nil {
		return err
	}
	if l.untrimmed > 0 {
		l.trim(ctx, l.last)
	}
	return nil
}

// trim lets the stream forget what is in bundles.
func (l *lane) trim(ctx context.Context, upTo ikada.Position) {
	if upTo == "" || l.stream == nil { // Batches have no stream
		return
	}
	l.untrimmed = 0
	err := l.stream.Trim(ctx, l.name, upTo)
	failed := err != nil && ctx.Err() == nil
	if failed {
		l.untrimmed = trimAfter
		if !l.untrimmable {
			l.opts.Log.Warn("cannot trim the stream; trying again and again", "lane", l.name, "error", err)
		}
	}
	l.untrimmable = failed
}

// count counts a bundle that was written.
func (l *lane) count(d *draft, x *bundle.Index, took time.Duration) {
	l.opts.Stats.Done(time.Now(), d.set.Rows(), int64(d.set.Size()), took)
	l.opts.Stats.Update(func(s *ikada.Snapshot) {
		s.Quarantined += d.bad
		for _, n := range x.Dropped {
			s.Dropped += n.Rows
		}
	})
}

// pass tells others how far the lane's bundles reach.
func (l *lane) pass(last ikada.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passed[l.name.Shard] = passed{l.name, last}
}
