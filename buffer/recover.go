package buffer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

// checkpoint is the newest bundle of a lane.
type checkpoint struct {
	ordinal uint64
	last    ikada.Position
}

// catchUp reads the indexes of the lane's bundles that are newer than the last
// one known: all of the chunk window on a cold start, few or none otherwise.
func (l *lane) catchUp(ctx context.Context) error {
	found, err := l.readWindows(ctx)
	if err != nil {
		return err
	}
	if known, ok := found[l.name]; ok && known.ordinal > l.ordinal {
		l.ordinal, l.last = known.ordinal, known.last
	}
	newest, indexes, err := l.indexes(ctx, l.name, l.ordinal)
	if err != nil {
		return err
	}
	l.window.addAll(indexes)
	switch {
	case newest == 0: // nothing new
	case len(indexes) == 0 || indexes[0].Ordinal != newest:
		known := l.ordinal
		if len(indexes) > 0 {
			known, l.last = indexes[0].Ordinal, max(l.last, indexes[0].Last)
		}
		return &unreadable{l.name, newest, known}
	default:
		l.ordinal, l.last = newest, indexes[0].Last
	}
	l.pass(l.last)
	return nil
}

// readWindows reads, once, what all lanes there ever were have in the chunk
// window, before any of them takes a part. It returns the lanes' checkpoints.
func (b *Buffer) readWindows(ctx context.Context) (map[ikada.Lane]checkpoint, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.found != nil {
		return b.found, nil
	}
	var names []ikada.Lane
	for folder, err := range b.bucket.Folders(ctx, bundle.LanesPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list lanes: %w", err)
		}
		name, err := ikada.ParseLane(folder)
		if err != nil {
			continue // not a lane's folder: none of ours
		}
		names = append(names, name)
	}
	read, err := b.readLanes(ctx, names)
	if err != nil {
		return nil, err
	}
	found := map[ikada.Lane]checkpoint{}
	for i, name := range names {
		x := read[i].indexes
		b.windows.of(name).addAll(x)
		if len(x) > 0 && x[0].Ordinal == read[i].newest {
			found[name] = checkpoint{x[0].Ordinal, x[0].Last}
		}
	}
	b.found = found
	return found, nil
}

// forgetWindows makes the next readWindows read them again.
func (b *Buffer) forgetWindows() {
	b.reading.Lock()
	defer b.reading.Unlock()
	b.found = nil
}

// addAll notes the keys of bundles, the newest first.
func (w *window) addAll(indexes []*bundle.Index) {
	for _, x := range slices.Backward(indexes) {
		w.add(x.LastArrival, x.Keys)
	}
}

// renew begins a new incarnation of the lane: the stream was reset or
// restored from an older copy, so that its positions could name other records.
func (l *lane) renew(ctx context.Context, cause error) error {
	name, err := l.stream.Renew(ctx, l.name)
	if errors.Is(err, ikada.ErrNotFound) {
		name, err = l.renewed(ctx) // by somebody else
	}
	if err != nil {
		return fmt.Errorf("renew lane %s: %w", l.name, err)
	}
	l.opts.Log.Error("the stream does not continue where this lane ended: beginning a new incarnation", "lane", l.name, "new", name, "cause", cause)
	l.opts.Stats.Failed(time.Now(), fmt.Errorf("lane %s was cut short and goes on as %s: %w", l.name, name, cause))
	l.name, l.ordinal, l.last = name, 0, ""
	l.window = l.windows.of(name)
	l.forgetWindows() // other processes may have written of the old lane
	return errRenewed
}

// letGo makes the stream forget what the readable bundles hold. Where a lane is
// renewed for a bundle, the stream goes on: what it holds is read again, and the
// keys of older bundles may have left the chunk window.
func (l *lane) letGo(ctx context.Context) error {
	if l.last == "" {
		return nil
	}
	err := l.stream.Trim(ctx, l.name, l.last)
	if errors.Is(err, ikada.ErrTruncated) || errors.Is(err, ikada.ErrNotFound) {
		return nil // it was reset, too, or somebody else has renewed the lane
	}
	if err != nil {
		return fmt.Errorf("trim lane %s before it is renewed: %w", l.name, err)
	}
	return nil
}

// renewed returns the name that the lane's shard has now.
func (l *lane) renewed(ctx context.Context) (ikada.Lane, error) {
	lanes, err := l.stream.Lanes(ctx)
	if err != nil {
		return ikada.Lane{}, err
	}
	for _, name := range lanes {
		if name.Stream == l.name.Stream && name.Shard == l.name.Shard && name != l.name {
			return name, nil
		}
	}
	return ikada.Lane{}, fmt.Errorf("the stream has no such shard: %w", ikada.ErrNotFound)
}

// errRenewed makes runLane begin again, with the lane's new name.
var errRenewed = errors.New("lane was renewed")
