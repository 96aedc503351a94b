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
	limit    int           // manifests in the next load; 0: as many as allowed
	failures int           // in a row
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
	if !b.found {
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
// load: by plan, and plain before hard. With one it stops behind the first plan
// that has any.
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
		if n > last || one && len(found) > 0 && n != found[0].plan {
			break
		}
		found = append(found, waiting{key: info.Key, plan: n, class: class, seen: now})
	}
	slices.SortFunc(found, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(a.plan, b.plan), cmp.Compare(a.class, b.class))
	})
	return found, nil
}

// findEnd finds the newest plan up to which the ledger has everything. As a log
// type loads in plan order, the ledger has all up to some plan and nothing
// behind it, so a binary search finds it with few questions. (Should that not
// hold, no harm is done: a manifest before the end that the ledger lacks shows
// as archived and not loaded, and one behind it is skipped by the load.)
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
		loaded, err := l.loaded(ctx, b, probe)
		if err != nil {
			return err
		}
		if len(probe) > 0 && loaded == len(probe) {
			in = probe[0].plan
		} else {
			end = middle - 1
		}
	}
	b.listed = in
	return nil
}

// loaded counts the first of the manifests that are in the ledger.
func (l *Loader) loaded(ctx context.Context, b *backlog, some []waiting) (int, error) {
	if len(some) == 0 {
		return 0, nil
	}
	keys := make([]string, len(some))
	for i := range some {
		keys[i] = some[i].key
	}
	has, err := l.warehouse.Loaded(ctx, b.logType, keys)
	if err != nil {
		return 0, fmt.Errorf("ask the ledger for manifests of %s: %w", b.logType, err)
	}
	n := slices.IndexFunc(keys, func(key string) bool { return !has[key] })
	if n < 0 {
		n = len(keys)
	}
	return n, nil
}

// settle drops from the queue what the ledger has: after a start, or a load
// whose outcome is unknown.
func (l *Loader) settle(ctx context.Context, b *backlog) error {
	for b.ask && len(b.queue) > 0 {
		if err := l.readAhead(ctx, b, 1); err != nil { // for the log type's name
			return err
		}
		some := b.queue[:min(len(b.queue), l.opts.MaxManifests)]
		n, err := l.loaded(ctx, b, some)
		if err != nil {
			return err
		}
		b.ask = n == len(some)
		b.drop(n)
	}
	b.ask = false
	return nil
}

// readAhead reads the first n manifests of the queue, or as far as it gets: it
// returns an error if it can't read the very first.
func (l *Loader) readAhead(ctx context.Context, b *backlog, n int) error {
	for b.read < min(n, len(b.queue)) {
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

// drop takes the first n manifests from the queue.
func (b *backlog) drop(n int) {
	clear(b.queue[:n]) // lets go of their memory
	b.queue = b.queue[n:]
	b.read = max(b.read-n, 0)
}

// bytes returns the raw bytes of what was read.
func (b *backlog) bytes() (sum int64) {
	for i := range b.queue[:b.read] {
		sum += b.queue[i].Ikada.Raw
	}
	return sum
}
