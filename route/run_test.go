package route

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada/plan"
)

// running lets a router run until it waits, and returns what ends it.
func (w *world) running(r *Router) (end func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run ended with %v", err)
		}
	}
}

func TestRunRoutesEveryIntervalAndWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		opts := w.options()
		opts.Interval = time.Minute
		opts.Now = time.Now
		r := w.router(opts)
		defer w.running(r)()
		w.deliver(laneA, 1, 1)
		r.Wake()
		r.Wake()
		synctest.Wait()
		w.conserved(nil)
		w.deliver(laneA, 2, 2)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.conserved(nil)

		w.buffer.hook(func(string) error { return errors.New("no network") })
		w.deliver(laneA, 3, 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := w.stats.Snapshot(); s.Errors == 0 || !strings.Contains(s.LastError, "no network") {
			t.Errorf("%d errors, the last: %q", s.Errors, s.LastError)
		}
		w.buffer.hook(nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		w.conserved(nil)
	})
}

// What comes while a plan is executed waits for the next run, but for what
// makes a full plan.
func TestRunLeavesWhatCameMeanwhileToTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		opts := w.options()
		opts.Interval = time.Minute
		opts.Now = time.Now
		opts.MaxBytes = 1 // a plan a bundle
		opts.OnDone = func(p *plan.Plan) {
			if p.Number == 3 {
				w.deliver(laneA, 4, 4)
			}
		}
		r := w.router(opts)
		w.deliver(laneA, 1, 3)
		defer w.running(r)()
		if n, _, err := plan.Newest(t.Context(), w.buffer); n != 3 || err != nil {
			t.Errorf("%d plans of the first run, want the 3 full ones (%v)", n, err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		w.conserved(nil)
	})
}
