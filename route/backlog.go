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

// Backlog tells what no plan has yet, up to 1,000 bundles a lane.
func (r *Router) Backlog(ctx context.Context) (Backlog, error) {
	var sum Backlog
	n, _, err := plan.Newest(ctx, r.buffer)
	if err != nil {
		return sum, err
	}
	last := new(plan.Plan)
	if n > 0 {
		if last, err = plan.Read(ctx, r.buffer, n); err != nil {
			return sum, err
		}
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
			if sum.Oldest.IsZero() || w.written.Before(sum.Oldest) {
				sum.Oldest = w.written
			}
		}
	}
	return sum, nil
}
