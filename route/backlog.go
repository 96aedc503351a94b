package route

import (
	"context"
	"time"

	"github.com/ikada-io/ikada/plan"
)

// Backlog is what waits to be routed.
type Backlog struct {
	Bundles int64
	Bytes   int64     // as stored
	Oldest  time.Time // when the oldest waiting bundle was written; zero if none waits
}

// Backlog tells what no plan has brought into the archive yet, up to 1,000
// bundles a lane.
func (r *Router) Backlog(ctx context.Context) (Backlog, error) {
	var sum Backlog
	last, err := r.lastDone(ctx)
	if err != nil {
		return sum, err
	}
	lanes, err := r.lanes(ctx)
	if err != nil {
		return sum, err
	}
	for _, lane := range lanes {
		queue, err := r.queue(ctx, lane, last.Ordinal(lane))
		if err != nil {
			return sum, err
		}
		for _, w := range queue {
			sum.Bundles++
			sum.Bytes += w.size
			if !w.written.IsZero() && (sum.Oldest.IsZero() || w.written.Before(sum.Oldest)) { // of a missing one nobody knows
				sum.Oldest = w.written
			}
		}
	}
	return sum, nil
}

// lastDone returns a plan that tells how far the lanes were routed. What the
// newest plan takes still waits until that plan is executed, which may fail for long.
func (r *Router) lastDone(ctx context.Context) (*plan.Plan, error) {
	n, done, err := plan.Newest(ctx, r.buffer)
	if err != nil || n == 0 {
		return new(plan.Plan), err
	}
	p, err := plan.Read(ctx, r.buffer, n)
	if err == nil && !done {
		p = &plan.Plan{After: p.Before}
	}
	return p, err
}
