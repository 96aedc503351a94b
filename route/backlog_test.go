package route

import "testing"

func TestBacklogIsWhatNoPlanHas(t *testing.T) {
	w := newWorld(t)
	r := w.router(w.options())
	check := func(want int64) {
		t.Helper()
		got, err := r.Backlog(t.Context())
		if err != nil || got.Bundles != want || (got.Bytes > 0) != (want > 0) || got.Oldest.IsZero() != (want == 0) {
			t.Errorf("backlog %+v, %v; want %d bundles", got, err, want)
		}
	}
	check(0)
	w.deliver(laneA, 1, 3)
	w.deliver(laneB, 1, 1)
	check(4)
	w.once(r)
	check(0)
	w.deliver(laneB, 2, 2)
	check(1)
}
