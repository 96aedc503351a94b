package load

import (
	"errors"
	"time"

	"github.com/ikada-io/ikada"
)

// Rows of a type travel in two classes, each with manifests of its own. Each is
// loaded in plan order, but neither waits for the other: a hard manifest that
// can't be loaded holds up hard ones only. Columns are decided in plan order
// over both (fold), so the tables stay the same whatever the order of loads.

// classState is how the loads of one class go.
type classState struct {
	limit    int // manifests in the next load; 0: as many as allowed
	failures int // in a row
	retry    time.Time
	err      error // why the last load failed
}

// jobError: the jobs of one class failed, which pauses by itself.
type jobError struct{ err error }

func (e *jobError) Error() string { return e.err.Error() }
func (e *jobError) Unwrap() error { return e.err }

// pick is which classes may be loaded now.
type pick [2]bool

// ready returns the classes that are not in a pause after a failure.
func (b *backlog) ready(now time.Time) pick {
	var p pick
	for c := range p {
		p[c] = !b.class[c].retry.After(now)
	}
	return p
}

// firstOf returns the class of the first manifest of those picked; false if none waits.
func (b *backlog) firstOf(p pick) (ikada.Class, bool) {
	for _, w := range b.queue {
		if p[w.class] {
			return w.class, true
		}
	}
	return 0, false
}

// retryAt returns when the first pause of a class that has manifests ends, or
// zero.
func (b *backlog) retryAt() (first time.Time) {
	for c, state := range b.class {
		if _, waits := b.firstOf(pick{c == 0, c == 1}); waits && (first.IsZero() || state.retry.Before(first)) {
			first = state.retry
		}
	}
	return first
}

// classFailed notes that a class could not be loaded.
func (l *Loader) classFailed(b *backlog, c ikada.Class, err error) {
	state := &b.class[c]
	state.failures++
	state.retry, state.err = time.Now().Add(pause(l.opts.Backoff, state.failures)), err
}

// forget forgets the failures of classes of which nothing waits: what failed was
// done after all.
func (b *backlog) forget() {
	for c := range b.class {
		if _, waits := b.firstOf(pick{c == 0, c == 1}); !waits {
			b.class[c] = classState{}
		}
	}
}

// trouble joins why the loads of the classes failed, if they did.
func (b *backlog) trouble() error {
	return errors.Join(b.class[ikada.Plain].err, b.class[ikada.Hard].err)
}

// dropAll takes manifests from the queue, by their places, in order.
func (b *backlog) dropAll(places []int) {
	kept, read := b.queue[:0], 0
	for i, w := range b.queue {
		if len(places) > 0 && places[0] == i {
			places = places[1:]
			continue
		}
		if i < b.read {
			read++
		}
		kept = append(kept, w)
	}
	clear(b.queue[len(kept):]) // lets go of their memory
	b.queue, b.read = kept, read
}
