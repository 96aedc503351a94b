package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// bundles looks at the bundles of every lane: those that no executed plan has,
// which are on their way, and whether any is missing.
func (a *audit) bundles(ctx context.Context) error {
	seen := make(map[ikada.Lane]bool)
	for folder, err := range a.Buffer.Folders(ctx, bundle.LanesPrefix) {
		if err != nil {
			return fmt.Errorf("list lanes: %w", err)
		}
		lane, err := ikada.ParseLane(folder)
		if err != nil {
			continue // the router reports it
		}
		seen[lane] = true
		if err := a.lane(ctx, lane); err != nil {
			return fmt.Errorf("lane %s: %w", lane, err)
		}
	}
	for _, m := range a.newest.After {
		if !seen[m.Lane] {
			a.checkpointLost(m.Lane, 0, m.Ordinal)
		}
	}
	return nil
}

// lane looks at one lane's bundles, the newest first.
func (a *audit) lane(ctx context.Context, lane ikada.Lane) error {
	routed := a.newest.Ordinal(lane)
	var waiting []bucket.Info
	higher := uint64(0) // the ordinal above the one in hand
	for info, err := range a.Buffer.List(ctx, bundle.Folder(lane), "") {
		if err != nil {
			return fmt.Errorf("list bundles: %w", err)
		}
		_, n, err := bundle.ParseKey(info.Key)
		if err != nil {
			continue // the router reports it
		}
		switch {
		case higher == 0 && n < routed:
			a.checkpointLost(lane, n, routed)
		case higher > n+1:
			if err := a.hole(ctx, lane, n+1, higher-1, routed); err != nil {
				return err
			}
		}
		if n > routed {
			waiting = append(waiting, info)
		}
		higher = n
	}
	switch {
	case higher == 0:
		a.checkpointLost(lane, 0, routed)
	case higher > routed+1:
		if err := a.hole(ctx, lane, routed+1, higher-1, routed); err != nil {
			return err
		}
	}
	return a.underWay(ctx, waiting)
}

// hole reports the bundles that are missing in the middle of a lane.
func (a *audit) hole(ctx context.Context, lane ikada.Lane, first, last, routed uint64) error {
	if first <= routed { // routing has them, but their chunks are not recognised any more
		a.note(Gap{
			Kind: BundleGone, Lane: lane.String(), FirstOrdinal: first, LastOrdinal: min(last, routed),
			Detail: fmt.Sprintf("bundles %d to %d of lane %s were routed, and deleted before their time: no row is lost, but what their senders send again within buffer.window is not recognised", first, min(last, routed), lane),
			Remedy: "restore them from a backup, or let buffer.window pass; find out who deletes in the buffer bucket",
		})
		first = routed + 1
	}
	if first > last {
		return nil
	}
	// What was routed since may be deleted as it should be.
	now, err := a.routedNow(ctx, lane)
	if err != nil {
		return err
	}
	for n := max(first, now+1); n <= last; n++ {
		end := n
		for end <= last {
			there, err := a.there(ctx, lane, end, last-first)
			if err != nil {
				return err
			}
			if there {
				break
			}
			end++
		}
		if end > n {
			a.bundlesMissing(lane, n, end-1)
			n = end
		}
	}
	return nil
}

// there looks for a bundle that was not listed: it may be younger than the
// listing. Where very many are missing that is not why.
func (a *audit) there(ctx context.Context, lane ikada.Lane, n, missing uint64) (bool, error) {
	if missing > 1000 {
		return false, nil
	}
	_, err := a.Buffer.Stat(ctx, bundle.Key(lane, n))
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return false, fmt.Errorf("look for bundle %d: %w", n, err)
	}
	return err == nil, nil
}

func (a *audit) bundlesMissing(lane ikada.Lane, first, last uint64) {
	a.gap(Gap{
		Kind: BundleMissing, Lane: lane.String(), FirstOrdinal: first, LastOrdinal: last, RowsUnknown: true,
		Detail: fmt.Sprintf("bundles %d to %d of lane %s are not there, though a later one is: they were deleted before they were routed", first, last, lane),
		Remedy: "restore " + bundle.Key(lane, first) + " and what follows from a backup before the next routing run, which goes on without them",
	})
}

// checkpointLost reports that a lane's newest bundle is older than what is routed.
func (a *audit) checkpointLost(lane ikada.Lane, newest, routed uint64) {
	if routed == 0 {
		return
	}
	a.gap(Gap{
		Kind: CheckpointLost, Lane: lane.String(), FirstOrdinal: newest + 1, LastOrdinal: routed,
		Detail: fmt.Sprintf("bundles up to %d of lane %s are routed, but the newest that is there is %d: it is where buffer goes on after a start, and what it would write under numbers that are routed already would never be routed", routed, lane, newest),
		Remedy: "restore the bundle " + bundle.Key(lane, routed) + " from a backup before Ikada is started again",
	})
}

// underWay counts the bundles that no executed plan has.
func (a *audit) underWay(ctx context.Context, waiting []bucket.Info) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(a.opts.Parallel)
	var mu sync.Mutex // guards the counts
	for _, info := range waiting {
		group.Go(func() error {
			x, err := bundle.ReadIndex(ctx, a.Buffer, info.Key)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, ikada.ErrNotFound):
				return a.vanished(ctx, info.Key, err)
			case errors.Is(err, ikada.ErrCorrupt):
				a.unreadable(info.Key, err)
			case err != nil:
				return err
			default:
				a.waits(x, info)
			}
			return nil
		})
	}
	return group.Wait()
}

// vanished reports a bundle that was there a moment ago, unless it was routed
// in the meantime and then deleted as it should be.
func (a *audit) vanished(ctx context.Context, key string, why error) error {
	lane, n, err := bundle.ParseKey(key)
	if err != nil {
		return err
	}
	routed, err := a.routedNow(ctx, lane)
	if err == nil && n > routed {
		a.unreadable(key, why)
	}
	return err
}

// routedNow returns a lane's last routed ordinal as of now, which may be
// further on than the plans that are audited.
func (a *audit) routedNow(ctx context.Context, lane ikada.Lane) (uint64, error) {
	n, err := plan.NewestDone(ctx, a.Buffer)
	if err != nil || n == a.report.LastPlan {
		return a.newest.Ordinal(lane), err
	}
	p, err := plan.Read(ctx, a.Buffer, n)
	if err != nil {
		return 0, err
	}
	return p.Ordinal(lane), nil
}

func (a *audit) unreadable(key string, err error) {
	lane, n, _ := bundle.ParseKey(key) // it was listed as one
	a.gap(Gap{
		Kind: BundleLost, Lane: lane.String(), FirstOrdinal: n, LastOrdinal: n, RowsUnknown: true,
		Detail: fmt.Sprintf("bundle %s can't be read: %v", key, err), Remedy: "restore it from a backup before the next routing run, which goes on without it",
	})
}

func (a *audit) waits(x *bundle.Index, info bucket.Info) {
	w, rows := &a.report.Waiting, int64(0)
	for i := range x.Segments {
		s := &x.Segments[i]
		t := a.of(s.Type)
		t.Received += s.Rows
		t.WaitingBundles += s.Rows
		rows += s.Rows
	}
	for _, d := range x.Dropped {
		t := a.of(d.Type)
		t.Received += d.Rows
		t.Dropped += d.Rows
	}
	w.Bundles++
	w.BundleRows += rows
	if age := a.now.Sub(info.ModTime); age > a.opts.Due {
		a.gap(Gap{
			Kind: BundleLate, Lane: x.Lane.String(), FirstOrdinal: x.Ordinal, LastOrdinal: x.Ordinal, Rows: rows,
			Detail: fmt.Sprintf("bundle %s was written %s ago and is not routed yet", info.Key, words(age)),
			Remedy: "routing fails or is behind: `ikada status` shows its last error",
		})
	}
}

// inputs counts a plan's bundles by lane, and checks that their ordinals
// continue those of the plan before.
func (a *audit) inputs(p *plan.Plan) {
	rows := make([]int64, len(p.Inputs))
	for i := range p.Outputs {
		for j := range p.Outputs[i].Segments {
			s := &p.Outputs[i].Segments[j]
			rows[s.Input] += s.Rows
		}
	}
	next := make(map[ikada.Lane]uint64) // the ordinal that must come
	for _, m := range p.Before {
		next[m.Lane] = m.Ordinal
	}
	for i := range p.Inputs {
		in := &p.Inputs[i]
		a.input(in, rows[i])
		a.jump(in.Lane, next[in.Lane], in.Ordinal, p.Number, "in")
		next[in.Lane] = in.Ordinal
	}
	for _, m := range p.After {
		a.jump(m.Lane, next[m.Lane], m.Ordinal+1, p.Number, "at the end of")
	}
	for i := len(p.Inputs) - 1; i >= 0; i-- {
		a.between(p, &p.Inputs[i])
	}
}

// jump reports the ordinals that are left out between two.
func (a *audit) jump(lane ikada.Lane, last, then, n uint64, where string) {
	if then == last+1 {
		return
	}
	first, end := last+1, then-1
	if then <= last {
		first, end = then, last
	}
	a.gap(Gap{
		Kind: OrdinalMissing, Lane: lane.String(), FirstOrdinal: first, LastOrdinal: end, Plan: n, RowsUnknown: true,
		Detail: fmt.Sprintf("%s plan %d, bundle %d of lane %s is followed by bundle %d", where, n, last, lane, then),
		Remedy: "plans are never changed by Ikada: restore the plans from a backup, and report it if they are as they were made",
	})
}

// input counts one bundle of a plan. Plans are looked at from the newest.
func (a *audit) input(in *plan.Input, rows int64) {
	l, ok := a.lanes[in.Lane]
	if !ok {
		l = &LaneCounts{Lane: in.Lane.String(), FirstOrdinal: in.Ordinal}
		a.lanes[in.Lane] = l
	}
	if in.Ordinal > l.LastOrdinal {
		l.LastOrdinal, l.LastPosition = in.Ordinal, in.Last
	}
	if in.Ordinal <= l.FirstOrdinal {
		l.FirstOrdinal, l.FirstPosition = in.Ordinal, in.First
	}
	l.Rows += rows
	for _, d := range in.Dropped {
		l.Dropped += d.Rows
		t := a.of(d.Type)
		t.Received += d.Rows
		t.Dropped += d.Rows
	}
	if in.Excluded == "" && in.First == "" {
		a.uncounted++
	}
}
