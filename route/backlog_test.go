package route

import (
	"errors"
	"testing"

	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/bundle"
)

// backlog checks how many bundles wait, and returns what else is told of them.
func (w *world) backlog(r *Router, want int64) Backlog {
	w.t.Helper()
	got, err := r.Backlog(w.t.Context())
	if err != nil || got.Bundles != want || (got.Bytes > 0) != (want > 0) || got.Oldest.IsZero() != (want == 0) {
		w.t.Errorf("backlog %+v, %v; want %d bundles", got, err, want)
	}
	return got
}

func TestBacklogIsWhatNoPlanHas(t *testing.T) {
	w := newWorld(t)
	r := w.router(w.options())
	check := func(want int64) { t.Helper(); w.backlog(r, want) }
	check(0)
	w.deliver(laneA, 1, 3)
	w.deliver(laneB, 1, 1)
	check(4)
	w.once(r)
	check(0)
	w.deliver(laneB, 2, 2)
	check(1)
}

// A plan whose files can't be written holds up what it takes, and all that comes behind.
func TestBacklogHasWhatAPlanTakesUntilItIsDone(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 2)
	r := w.router(w.options())
	w.once(r)
	w.deliver(laneA, 3, 4)
	w.deliver(laneB, 1, 1)
	before := w.backlog(r, 3)
	if _, err := w.dying(w.options(), 2, fault.CrashBefore).Once(t.Context()); !errors.Is(err, fault.ErrCrashed) { // the first write is the plan
		t.Fatalf("got %v", err)
	}
	if stuck := w.backlog(r, 3); stuck != before {
		t.Errorf("got %+v, want %+v as before the plan", stuck, before)
	}
	w.deliver(laneB, 2, 2)
	if more := w.backlog(r, 4); !more.Oldest.Equal(before.Oldest) {
		t.Errorf("the oldest is of %v, want %v", more.Oldest, before.Oldest)
	}
	w.once(r)
	w.backlog(r, 0)
}

func TestMissingBundleDoesNotHideTheOldest(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 1)
	r := w.router(w.options())
	want := w.backlog(r, 1).Oldest
	w.deliver(laneB, 1, 2)
	w.buffer.remove(t, bundle.Key(laneB, 1))
	if got := w.backlog(r, 3).Oldest; !got.Equal(want) {
		t.Errorf("the oldest is of %v, want %v", got, want)
	}
}
