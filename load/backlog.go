package load

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/manifest"
)

// backlog is what waits of one log type, as far as it was looked at.
type backlog struct {
	folder string // in the manifest bucket: the log type's PathName

	// Guarded by Loader.mu.
	running bool      // a visit is on its way
	woken   bool      // there may be new manifests
	next    time.Time // when a visit is due; zero for never
	paused  time.Time // until then no hint makes a visit due
	status  Backlog

	// visiting holds a token through a visit, and guards the rest: so a log
	// type is never loaded twice at once.
	visiting chan struct{}
	logType  ikada.LogType // "" until a manifest or a table told
	found    bool          // listed begins where the ledger ends
	listed   uint64        // plans up to it are in the queue or in the ledger
	queue    []waiting     // in plan order
	read     int           // the first of the queue that are read
	ask      bool          // the ledger must be asked which of the queue it has
	failures int           // to look, in a row
	class    [2]classState // of the loads
	noted    noted
	present  presence
	failed   failures
}

// waiting is a manifest in the queue.
type waiting struct {
	key   string
	plan  uint64
	class ikada.Class
	seen  time.Time
	*manifest.Manifest
}

// refresh queues the manifests of plans that were done since the last look.
func (l *Loader) refresh(ctx context.Context, b *backlog, done uint64) error {
	if !b.found && !l.opts.Whole {
		if err := l.findEnd(ctx, b, done); err != nil {
			return err
		}
		b.found = true
	}
	if done <= b.listed {
		return nil
	}
	found, err := l.list(ctx, b.folder, b.listed+1, done, false)
	if err != nil {
		return err
	}
	b.queue = append(b.queue, found...)
	b.listed = done
	return nil
}

// list returns the manifests of plans first to last in the order in which they
// load: by plan, and plain before hard. With one it returns only the first plain
// one.
func (l *Loader) list(ctx context.Context, folder string, first, last uint64, one bool) ([]waiting, error) {
	var found []waiting
	now := time.Now()
	for info, err := range l.manifests.List(ctx, folder+"/", manifest.From(folder, first)) {
		if err != nil {
			return nil, fmt.Errorf("list manifests of %s: %w", folder, err)
		}
		_, n, class, err := manifest.ParseKey(info.Key)
		if err != nil {
			l.opts.Log.Warn("an object of the manifest bucket is no manifest; leaving it out", "key", info.Key)
			continue
		}
		if n > last || one && len(found) > 0 {
			break
		}
		if one && class != ikada.Plain {
			continue
		}
		found = append(found, waiting{key: info.Key, plan: n, class: class, seen: now})
	}
	slices.SortFunc(found, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(a.plan, b.plan), cmp.Compare(a.class, b.class))
	})
	return found, nil
}

// lookBack is how many plans before the end are searched for hard manifests
// that the ledger lacks.
const lookBack = 10_000

// findEnd finds the newest plan up to which the ledger has all plain manifests.
// As those of a log type load in plan order, the ledger has all up to some plan
// and nothing behind it, so a binary search finds it with few questions. (Should
// that not hold, no harm is done: a manifest before the end that the ledger
// lacks shows as archived and not loaded, and one behind it is skipped by the
// load.) Hard ones may be behind: the last plans are searched for them.
func (l *Loader) findEnd(ctx context.Context, b *backlog, done uint64) error {
	l.mu.Lock()
	name, ok := l.names[b.folder]
	l.mu.Unlock()
	if !ok {
		return nil // no table: nothing is loaded
	}
	b.logType = ikada.LogType(name)
	in, end := uint64(0), done // the ledger has all up to in, and not all of end+1
	for in < end {
		middle := in + (end-in+1)/2
		probe, err := l.list(ctx, b.folder, middle, end, true)
		if err != nil {
			return err
		}
		has, err := l.inLedger(ctx, b, probe)
		if err != nil {
			return err
		}
		if len(probe) > 0 && has[probe[0].key] {
			in = probe[0].plan
		} else {
			end = middle - 1
		}
	}
	b.listed = in
	return l.findHard(ctx, b)
}

// findHard queues the hard manifests before the end that the ledger lacks.
func (l *Loader) findHard(ctx context.Context, b *backlog) error {
	if b.listed == 0 {
		return nil
	}
	first := uint64(1)
	if b.listed > lookBack {
		first = b.listed - lookBack + 1
	}
	found, err := l.list(ctx, b.folder, first, b.listed, false)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(w waiting) bool { return w.class != ikada.Hard })
	for some := range slices.Chunk(found, l.opts.MaxManifests) {
		has, err := l.inLedger(ctx, b, some)
		if err != nil {
			return err
		}
		for _, w := range some {
			if !has[w.key] {
				b.queue = append(b.queue, w)
			}
		}
	}
	return nil
}

// inLedger asks which of the manifests are in the ledger.
func (l *Loader) inLedger(ctx context.Context, b *backlog, some []waiting) (map[string]bool, error) {
	if len(some) == 0 {
		return nil, nil
	}
	keys := make([]string, len(some))
	for i := range some {
		keys[i] = some[i].key
	}
	has, err := l.warehouse.Loaded(ctx, b.logType, keys)
	if err != nil {
		return nil, fmt.Errorf("ask the ledger for manifests of %s: %w", b.logType, err)
	}
	return has, nil
}

// settle drops from the queue what the ledger has: after a start, or a load
// whose outcome is unknown.
func (l *Loader) settle(ctx context.Context, b *backlog) error {
	for at := 0; b.ask && at < len(b.queue); {
		if err := l.readAhead(ctx, b, 1, pick{true, true}); err != nil { // for the log type's name
			return err
		}
		some := b.queue[at:min(at+l.opts.MaxManifests, len(b.queue))]
		has, err := l.inLedger(ctx, b, some)
		if err != nil {
			return err
		}
		var places []int
		for i, w := range some {
			if has[w.key] {
				places = append(places, at+i)
			}
		}
		at += len(some) - len(places)
		b.dropAll(places)
		if len(places) == 0 { // nor has it what is behind
			break
		}
	}
	b.ask = false
	return nil
}

// readAhead reads the queue until n manifests of the classes that may be loaded
// are read, or as far as it gets: it returns an error if it can't read the very
// first.
func (l *Loader) readAhead(ctx context.Context, b *backlog, n int, of pick) error {
	for _, w := range b.queue[:b.read] {
		if of[w.class] {
			n--
		}
	}
	for n > 0 && b.read < len(b.queue) {
		w := &b.queue[b.read]
		m, err := l.readManifest(ctx, b.folder, w)
		if err != nil && b.read == 0 {
			return err
		}
		if m == nil {
			break // those before it are good, and its turn comes
		}
		w.Manifest = m
		b.logType = m.Ikada.Type
		b.read++
		if of[w.class] {
			n--
		}
	}
	return nil
}

func (l *Loader) readManifest(ctx context.Context, folder string, w *waiting) (*manifest.Manifest, error) {
	data, err := l.manifests.Get(ctx, w.key, 0, -1, nil)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", w.key, err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", w.key, err)
	}
	if d := m.Ikada; d.Type.PathName() != folder || d.Plan != w.plan || d.Class != w.class {
		return nil, fmt.Errorf("manifest %s: it says that it is of %q, plan %d, %s: %w", w.key, d.Type, d.Plan, d.Class, ikada.ErrCorrupt)
	}
	return m, nil
}

// bytes returns the raw bytes of what was read.
func (b *backlog) bytes() (sum int64) {
	for i := range b.queue[:b.read] {
		sum += b.queue[i].Ikada.Raw
	}
	return sum
}
