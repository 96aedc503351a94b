package buffer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
)

// laneIndexes is what was read of a lane.
type laneIndexes struct {
	newest  uint64
	indexes []*bundle.Index
}

// readLanes reads the chunk windows of lanes, several at a time.
func (b *Buffer) readLanes(ctx context.Context, names []ikada.Lane) ([]laneIndexes, error) {
	all := make([]laneIndexes, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.opts.Parallel)
	for i, name := range names {
		g.Go(func() (err error) {
			all[i].newest, all[i].indexes, err = b.indexes(ctx, name, 0)
			if errors.Is(err, ikada.ErrVersion) { // its own reader stops at it
				b.opts.Log.Error("cannot read a lane's chunk window", "lane", name, "error", err)
				all[i], err = laneIndexes{}, nil
			}
			return err
		})
	}
	return all, g.Wait()
}

// indexes returns the ordinal of a lane's newest bundle, and the indexes of its
// bundles behind an ordinal that are in the chunk window, newest first. A
// bundle that is damaged or gone is left out: only its dedupe keys are lost
// here, and the router reports it.
func (b *Buffer) indexes(ctx context.Context, name ikada.Lane, behind uint64) (newest uint64, found []*bundle.Index, err error) {
	ctx, cancel := context.WithCancel(ctx) // what was read ahead in vain
	defer cancel()
	keys := 0
	oldest := time.Now().Add(-b.opts.Window).UnixNano()
	for r, err := range b.readAhead(ctx, name, behind) {
		if err != nil {
			return 0, nil, err
		}
		<-r.done
		newest = max(newest, r.ordinal)
		if errors.Is(r.err, ikada.ErrCorrupt) || errors.Is(r.err, ikada.ErrNotFound) {
			b.opts.Log.Error("cannot read a bundle's index; resends of its chunks are not recognised", "bundle", r.key, "error", r.err)
			continue
		}
		if r.err != nil {
			return 0, nil, fmt.Errorf("read index of bundle %s: %w", r.key, r.err)
		}
		found = append(found, r.index)
		keys += len(r.index.Keys)
		// A bundle of messages without parts has no arrival.
		if keys >= b.opts.WindowKeys || cmp.Or(r.index.LastArrival, r.index.Created) < oldest {
			break
		}
	}
	return newest, found, nil
}

// indexRead is an index on its way.
type indexRead struct {
	key     string
	ordinal uint64
	done    chan struct{} // closed when index and err hold
	index   *bundle.Index
	err     error
}

// readAhead yields a lane's bundles behind an ordinal, newest first, each when
// the indexes of some more are on their way. On a cold start nothing else is
// done, and each takes a round trip to the store.
func (b *Buffer) readAhead(ctx context.Context, name ikada.Lane, behind uint64) iter.Seq2[*indexRead, error] {
	return func(yield func(*indexRead, error) bool) {
		next, stop := iter.Pull2(b.bucket.List(ctx, bundle.Folder(name), ""))
		defer stop()
		var queue []*indexRead
		for more := true; ; queue = queue[1:] {
			for more && len(queue) < b.opts.Parallel {
				info, err, ok := next()
				var r *indexRead
				if ok {
					r, err = b.read(ctx, info, err, behind)
				}
				if err != nil {
					yield(nil, fmt.Errorf("list bundles of lane %s: %w", name, err))
					return
				}
				if more = r != nil; more {
					queue = append(queue, r)
				}
			}
			if len(queue) == 0 || !yield(queue[0], nil) {
				return
			}
		}
	}
}

// read begins to read a bundle's index; nil if it is not behind the ordinal.
func (b *Buffer) read(ctx context.Context, info bucket.Info, err error, behind uint64) (*indexRead, error) {
	if err != nil {
		return nil, err
	}
	_, ordinal, err := bundle.ParseKey(info.Key)
	if err != nil || ordinal <= behind {
		return nil, err
	}
	r := &indexRead{key: info.Key, ordinal: ordinal, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		select {
		case b.slots <- struct{}{}: // of all lanes
			r.index, r.err = bundle.ReadIndex(ctx, b.bucket, r.key)
			<-b.slots
		case <-ctx.Done():
			r.err = ctx.Err()
		}
	}()
	return r, nil
}
