package buffer

import (
	"slices"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// windows remembers the dedupe keys of the parts that were taken lately, so
// that a chunk which its sender sends again is recognised: to whatever lane it
// comes, since with another number of shards that may be another one. It is
// what the indexes of the bundles say, and so it survives every process.
//
// A lane drops only what is in a bundle that is written, or in one of its own
// that will be written before what it reads now. What another lane has in such a
// bundle it waits for: that might never be written, by this process or, if that
// is overtaken, by another.
type windows struct {
	age   time.Duration
	limit int // keys a lane

	mu    sync.Mutex            // guards what follows, and the fields of all
	seen  map[batch.Key]*window // whose bundle in the making has it; nil if it is written
	lanes map[ikada.Lane]*window
	// settled is closed, and made anew, when a bundle was written or dropped.
	settled chan struct{}
}

// window is what one lane contributes.
type window struct {
	all   *windows
	held  []held // the bundles whose keys are in seen, oldest first
	count int
	// Keys of the bundles that are not written yet: what takes messages, and
	// what is being written.
	open, sealed []batch.Key
}

type held struct {
	last int64 // arrival of the bundle's last part
	keys []batch.Key
}

func newWindows(age time.Duration, limit int) *windows {
	return &windows{
		age: age, limit: limit, seen: map[batch.Key]*window{}, lanes: map[ikada.Lane]*window{},
		settled: make(chan struct{}),
	}
}

// of returns a lane's window.
func (a *windows) of(l ikada.Lane) *window {
	a.mu.Lock()
	defer a.mu.Unlock()
	w, ok := a.lanes[l]
	if !ok {
		w = &window{all: a}
		a.lanes[l] = w
	}
	return w
}

// take notes the parts of a message in the open bundle, and sets fresh for those
// that were not taken before. If another lane has one of them in its open
// bundle, it takes none and returns a channel that tells when to try again.
func (w *window) take(parts []batch.Part, fresh []bool) (wait <-chan struct{}) {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	for i := range parts {
		if owner := w.all.seen[parts[i].Key]; owner != nil && owner != w {
			return w.all.settled
		}
	}
	for i := range parts {
		k := parts[i].Key
		if k == (batch.Key{}) {
			fresh[i] = true
			continue
		}
		if _, seen := w.all.seen[k]; !seen {
			w.all.seen[k] = w
			w.open = append(w.open, k)
			fresh[i] = true
		}
	}
	return nil
}

// seal makes the open bundle's keys those of the bundle that is being written,
// and returns them. The one before has to be written.
func (w *window) seal() []batch.Key {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.open, w.sealed = w.sealed[:0], w.open
	return w.sealed
}

// written moves the sealed bundle's keys to those held.
func (w *window) written(lastArrival int64) {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	for _, k := range w.sealed {
		w.all.seen[k] = nil
	}
	w.append(held{lastArrival, slices.Clone(w.sealed)})
	w.sealed = w.sealed[:0]
	w.settle()
	end := time.Now().Add(-w.all.age).UnixNano()
	for _, other := range w.all.lanes { // of lanes that write no more
		for other != w && len(other.held) > 0 && other.held[0].last < end {
			other.forgetOldest()
		}
	}
}

// dropped forgets the bundles that were not written.
func (w *window) dropped() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	for _, k := range slices.Concat(w.sealed, w.open) {
		if w.all.seen[k] == w { // else it was found in a bundle meanwhile
			delete(w.all.seen, k)
		}
	}
	w.sealed, w.open = w.sealed[:0], w.open[:0]
	w.settle()
}

// settle wakes those who wait for a bundle.
func (w *window) settle() {
	close(w.all.settled)
	w.all.settled = make(chan struct{})
}

// add notes the keys of a bundle that was found in the bucket.
func (w *window) add(lastArrival int64, keys []batch.Key) {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	fresh := make([]batch.Key, 0, len(keys))
	for _, k := range keys {
		if owner, ok := w.all.seen[k]; !ok || owner != nil {
			w.all.seen[k] = nil
			fresh = append(fresh, k)
		}
	}
	w.append(held{lastArrival, fresh})
}

func (w *window) append(h held) {
	w.held = append(w.held, h)
	w.count += len(h.keys)
	for len(w.held) > 1 && (w.count > w.all.limit || w.held[0].last < h.last-int64(w.all.age)) {
		w.forgetOldest()
	}
}

func (w *window) forgetOldest() {
	for _, k := range w.held[0].keys {
		delete(w.all.seen, k)
	}
	w.count -= len(w.held[0].keys)
	w.held[0] = held{}
	w.held = w.held[1:]
}
