package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// lookAhead bounds how many bundles of a lane are looked at for one plan.
const lookAhead = 1000

// waiting is a bundle that no plan has.
type waiting struct {
	lane    ikada.Lane
	ordinal uint64
	size    int64
	written time.Time
}

// choose returns the oldest waiting bundles of all lanes, taking turns, that
// fit into one plan; at least one, if any waits.
func (r *Router) choose(ctx context.Context, last *plan.Plan) ([]waiting, error) {
	lanes, err := r.lanes(ctx)
	if err != nil {
		return nil, err
	}
	queues := make([][]waiting, len(lanes))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(r.opts.Parallel)
	for i, lane := range lanes {
		group.Go(func() (err error) {
			queues[i], err = r.queue(groupCtx, lane, last.Ordinal(lane))
			if err == nil && last.Number == 0 && len(queues[i]) > 0 && queues[i][0].written.IsZero() {
				// Missing from the very first: it is not a bundle that was lost.
				return fmt.Errorf("lane %s has bundles but not its first, and there are no plans: restore the plans below %s", lane, plan.Prefix)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	chosen, left := fill(queues, r.opts.MaxBytes)
	r.left = left
	return chosen, nil
}

// fill takes bundles of all queues, taking turns, until room is full; left is how many
// bytes it has not taken.
func fill(queues [][]waiting, room int64) (chosen []waiting, left int64) {
	full := false
	for turn, more := 0, true; more; turn++ {
		more = false
		for _, q := range queues {
			if turn >= len(q) {
				continue
			}
			more = true
			size := q[turn].size
			if full = full || size > room && len(chosen) > 0; full {
				left += size
				continue
			}
			room -= size
			chosen = append(chosen, q[turn])
		}
	}
	return chosen, left
}

func (r *Router) lanes(ctx context.Context) ([]ikada.Lane, error) {
	var lanes []ikada.Lane
	for folder, err := range r.buffer.Folders(ctx, bundle.LanesPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list lanes: %w", err)
		}
		lane, err := ikada.ParseLane(folder)
		if err != nil {
			r.trouble(fmt.Errorf("leave out %s%s: %w", bundle.LanesPrefix, folder, err))
			continue
		}
		lanes = append(lanes, lane)
	}
	return lanes, nil
}

// queue returns a lane's bundles behind an ordinal, the oldest first, those
// that are missing included.
func (r *Router) queue(ctx context.Context, lane ikada.Lane, routed uint64) ([]waiting, error) {
	var queue []waiting // newest first, as they are listed
	for info, err := range r.buffer.List(ctx, bundle.Folder(lane), bundle.Key(lane, routed+lookAhead+1)) {
		if err != nil {
			return nil, fmt.Errorf("list lane %s: %w", lane, err)
		}
		_, ordinal, err := bundle.ParseKey(info.Key)
		if err != nil {
			r.trouble(fmt.Errorf("leave out an object: %w", err))
			continue
		}
		if ordinal <= routed {
			break
		}
		queue = append(queue, waiting{lane, ordinal, info.Size, info.ModTime})
	}
	slices.Reverse(queue)
	return r.complete(ctx, queue, lane, routed)
}

// complete puts the bundles that are missing into a queue. A bundle is made only
// behind its predecessor, so one that is not there, while a later one is, was
// lost. The plan will exclude it, so that it stops nobody.
func (r *Router) complete(ctx context.Context, queue []waiting, lane ikada.Lane, routed uint64) ([]waiting, error) {
	var filled []waiting
	for _, w := range queue {
		for want := routed + 1 + uint64(len(filled)); want < w.ordinal; want++ {
			info, err := r.buffer.Stat(ctx, bundle.Key(lane, want)) // it may have come to be while the lane was listed
			if err != nil && !errors.Is(err, ikada.ErrNotFound) {
				return nil, fmt.Errorf("look for bundle %d of lane %s: %w", want, lane, err)
			}
			filled = append(filled, waiting{lane, want, info.Size, info.ModTime})
		}
		filled = append(filled, w)
	}
	return filled, nil
}

// taken is a bundle that a plan will take.
type taken struct {
	waiting
	index    *bundle.Index // nil if excluded
	excluded string        // why
}

// take reads the chosen bundles' indexes. A lane stops at a bundle that cannot
// be read now; one that is missing, or damaged for good, is taken as excluded.
func (r *Router) take(ctx context.Context, chosen []waiting) ([]taken, error) {
	wants := make([]want, len(chosen))
	for i, w := range chosen {
		wants[i] = want{bundle.Key(w.lane, w.ordinal), w.size}
	}
	data, errs := r.bundles.load(ctx, wants)
	var result []taken
	var troubles []error
	stopped := make(map[ikada.Lane]bool)
	segments := 0
	for i, w := range chosen {
		if stopped[w.lane] {
			continue
		}
		t, err := r.index(ctx, w, data[i], errs[i])
		if err != nil {
			stopped[w.lane] = true
			troubles = append(troubles, fmt.Errorf("lane %s stops: %w", w.lane, err))
			continue
		}
		if t.index != nil {
			if segments += len(t.index.Segments); segments > r.opts.MaxSegments && len(result) > 0 {
				break
			}
		}
		result = append(result, t)
	}
	if len(result) == 0 {
		return nil, errors.Join(troubles...)
	}
	for _, err := range troubles {
		r.trouble(err)
	}
	return result, nil
}

// index reads the index of one bundle, a second time if it is damaged.
func (r *Router) index(ctx context.Context, w waiting, data []byte, err error) (taken, error) {
	key := bundle.Key(w.lane, w.ordinal)
	var x *bundle.Index
	for again := false; ; again = true {
		if err == nil {
			x, err = parse(w, data)
		}
		if err == nil || again || !errors.Is(err, ikada.ErrCorrupt) {
			break
		}
		data, err = r.bundles.reload(ctx, key)
	}
	switch {
	case err == nil:
		w.size = x.Size
		return taken{waiting: w, index: x}, nil
	case errors.Is(err, ikada.ErrNotFound):
		return taken{waiting: w, excluded: isMissing}, nil
	case errors.Is(err, ikada.ErrCorrupt):
		if err := r.setAside(ctx, key, data); err != nil {
			return taken{}, err
		}
		w.size = int64(len(data))
		return taken{waiting: w, excluded: err.Error()}, nil
	default: // an unknown version, or trouble that may pass
		return taken{}, fmt.Errorf("read bundle %s: %w", key, err)
	}
}

// isMissing is why a plan excludes a bundle that is not there. Else it is damaged.
const isMissing = "it is missing"

// tellExcluded tells which bundles a plan leaves out, once it is decided: where
// another router was first, they may be gone since that one has routed them.
func (r *Router) tellExcluded(p *plan.Plan) {
	for i := range p.Inputs {
		key, why := p.Inputs[i].Key(), p.Inputs[i].Excluded
		switch why {
		case "":
		case isMissing:
			r.trouble(fmt.Errorf("bundle %s is missing, though a later one is there: the plan excludes it, and what it held is lost unless its senders send it again", key))
		default:
			r.trouble(fmt.Errorf("bundle %s is excluded, a copy is at %s: %s", key, asideKey(key), why))
		}
	}
}

func parse(w waiting, data []byte) (*bundle.Index, error) {
	x, err := bundle.Parse(data)
	if err == nil && (x.Lane != w.lane || x.Ordinal != w.ordinal) {
		err = fmt.Errorf("it says that it is %s: %w", bundle.Key(x.Lane, x.Ordinal), ikada.ErrCorrupt)
	}
	return x, err
}

// asideKey returns where a damaged bundle is kept for those who may repair it.
func asideKey(key string) string { return "damaged/" + key }

func (r *Router) setAside(ctx context.Context, key string, data []byte) error {
	if err := r.buffer.Put(ctx, asideKey(key), data); err != nil {
		return fmt.Errorf("keep a copy of the damaged bundle %s: %w", key, err)
	}
	return nil
}
