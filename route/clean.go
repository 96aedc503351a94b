package route

import (
	"context"
	"fmt"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// Clean deletes the bundles that nobody needs any more and returns how many. A
// bundle goes when its plan is done, its lane has a newer one (so the lane's
// reader has passed it), and it was stored longer than Window ago.
func (r *Router) Clean(ctx context.Context) (deleted int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := plan.NewestDone(ctx, r.buffer)
	if err != nil || n == 0 {
		return 0, err
	}
	p, err := r.read(ctx, n)
	if err != nil {
		return 0, err
	}
	for _, mark := range p.After {
		keys, err := r.stale(ctx, mark)
		if err != nil {
			return deleted, fmt.Errorf("clean lane %s: %w", mark.Lane, err)
		}
		for _, key := range slices.Backward(keys) { // the oldest first, so that no gap is left
			if err := r.buffer.Delete(ctx, key); err != nil {
				return deleted, fmt.Errorf("clean lane %s: delete %s: %w", mark.Lane, key, err)
			}
			deleted++
		}
	}
	return deleted, nil
}

// stale returns the keys of a lane's bundles that may go, the newest first.
func (r *Router) stale(ctx context.Context, mark plan.Mark) ([]string, error) {
	newest, err := r.newest(ctx, mark.Lane)
	if err != nil {
		return nil, err
	}
	end := r.opts.Now().Add(-r.opts.Window)
	var keys []string
	for info, err := range r.buffer.List(ctx, bundle.Folder(mark.Lane), bundle.Key(mark.Lane, mark.Ordinal+1)) {
		if err != nil {
			return nil, err
		}
		// A bundle is stored behind its last arrival, so this errs on the safe side.
		if info.Key != newest && info.ModTime.Before(end) {
			keys = append(keys, info.Key)
		}
	}
	return keys, nil
}

// newest returns the key of a lane's newest bundle.
func (r *Router) newest(ctx context.Context, lane ikada.Lane) (string, error) {
	for info, err := range r.buffer.List(ctx, bundle.Folder(lane), "") {
		return info.Key, err
	}
	return "", nil
}
