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

// errUnreadable: the lane's checkpoint is damaged for good.
var errUnreadable = errors.New("the newest bundle cannot be read")

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
	switch {
	case newest == 0: // nothing new
	case len(indexes) == 0 || indexes[0].Ordinal != newest:
		return fmt.Errorf("%s: %w", bundle.Key(l.name, newest), errUnreadable)
	default:
		l.ordinal, l.last = newest, indexes[0].Last
	}
	l.pass(l.last)
	l.window.addAll(indexes)
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
	found := map[ikada.Lane]checkpoint{}
	for folder, err := range b.bucket.Folders(ctx, bundle.LanesPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list lanes: %w", err)
		}
		name, err := ikada.ParseLane(folder)
		if err != nil {
			continue // not a lane's folder: none of ours
		}
		newest, indexes, err := b.indexes(ctx, name, 0)
		if errors.Is(err, ikada.ErrVersion) { // its own reader stops at it
			b.opts.Log.Error("cannot read a lane's chunk window", "lane", name, "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(indexes) > 0 && indexes[0].Ordinal == newest {
			found[name] = checkpoint{newest, indexes[0].Last}
			b.windows.of(name).addAll(indexes)
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

// indexes returns the ordinal of a lane's newest bundle, and the indexes of its
// bundles behind an ordinal that are in the chunk window, newest first. A
// bundle that is damaged or gone is left out: only its dedupe keys are lost
// here, and the router reports it.
func (b *Buffer) indexes(ctx context.Context, name ikada.Lane, behind uint64) (newest uint64, found []*bundle.Index, err error) {
	keys := 0
	oldest := time.Now().Add(-b.opts.Window).UnixNano()
	for info, err := range b.bucket.List(ctx, bundle.Folder(name), "") {
		if err != nil {
			return 0, nil, fmt.Errorf("list bundles of lane %s: %w", name, err)
		}
		_, ordinal, err := bundle.ParseKey(info.Key)
		if err != nil {
			return 0, nil, fmt.Errorf("list bundles of lane %s: %w", name, err)
		}
		if ordinal <= behind {
			break
		}
		newest = max(newest, ordinal)
		x, err := bundle.ReadIndex(ctx, b.bucket, info.Key)
		if errors.Is(err, ikada.ErrCorrupt) || errors.Is(err, ikada.ErrNotFound) {
			b.opts.Log.Error("cannot read a bundle's index; resends of its chunks are not recognised", "bundle", info.Key, "error", err)
			continue
		}
		if err != nil {
			return 0, nil, fmt.Errorf("read index of bundle %s: %w", info.Key, err)
		}
		found = append(found, x)
		if keys += len(x.Keys); keys >= b.opts.WindowKeys || x.LastArrival < oldest {
			break
		}
	}
	return newest, found, nil
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
