// Package load is the stage that puts archive files into tables: it takes the
// manifests that wait, log type by log type and in plan order, and gives the
// warehouse one job for many of them.
//
// A manifest waits if its plan is done and the warehouse's ledger does not have
// it. That is all the state there is, so a wake-up is only a hint, and a load
// that was cut off, repeated or done by another process changes nothing.
//
// Columns are decided manifest by manifest, in plan order, however many go into
// one load. So the same archive makes the same tables.
package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// Options tune the stage. The zero value of each gives its default.
type Options struct {
	// LoadBytes and LoadAge: a log type is loaded when that many raw bytes
	// wait, or when its oldest waiting manifest is that old; 32 MiB and 1 s.
	LoadBytes int64
	LoadAge   time.Duration
	// MaxBytes and MaxManifests bound one load; 256 MiB of raw bytes, 256.
	MaxBytes     int64
	MaxManifests int
	// Parallel is the number of log types that load at once; 2.
	Parallel int
	// SweepInterval is the time between two looks at all log types, which find
	// what no wake-up told of; 30 s.
	SweepInterval time.Duration
	// Backoff is a log type's first pause after an error, doubled up to a
	// minute; 500 ms.
	Backoff time.Duration
	// Archive is the archive with its map, which tells where the rows of older
	// manifests are now. Nil: where the manifests say. The warehouse must read
	// by it too. Examples of drifts are read there.
	Archive *archive.View
	// Whole makes the first look at a log type ask the ledger for every
	// manifest there is, not only for where it ends: for a warehouse that lacks
	// older ones than it has.
	Whole bool
	// Declared returns the columns that an operator wants for a log type; nil:
	// all are inferred.
	Declared func(ikada.LogType) []warehouse.Column
	// OnLoaded is told of each load, from several goroutines.
	OnLoaded func(Loaded)
	Stats    *ikada.Stats
	Log      *slog.Logger
}

// Loaded describes a load that is in the table.
type Loaded struct {
	Type      ikada.LogType
	Class     ikada.Class
	Manifests int
	Direct    bool
	Result    warehouse.Result
	Bytes     int64     // raw
	At        time.Time // when it was committed
	Took      time.Duration
	// OldestArrival is when the oldest of the rows reached Ikada: At minus it
	// is the greatest latency from arrival to queryable.
	OldestArrival time.Time
}

// Backlog is what waits of one log type.
type Backlog struct {
	Type      ikada.LogType `json:"type"`
	Manifests int           `json:"manifests"`
	// Bytes is an estimate if more manifests wait than one load may take.
	Bytes         int64     `json:"bytes"`
	OldestArrival time.Time `json:"oldest_arrival,omitzero"`
	Error         string    `json:"error,omitempty"` // why the last try failed
	RetryAt       time.Time `json:"retry_at,omitzero"`
}

// Loader runs the stage.
type Loader struct {
	buffer, manifests bucket.Bucket
	warehouse         warehouse.Warehouse
	opts              Options
	wake              chan struct{} // of one: look at what changed

	mu    sync.Mutex // guards what follows, and the fields that backlog says
	types map[string]*backlog
	done  uint64            // every plan up to it is done
	names map[string]string // folder → log type, of the tables there were at the start

	asking sync.Mutex // guards gone, not what is in it: a log type's is its visit's
	gone   map[ikada.LogType]map[string]drift.Drift
}

// New returns the stage from the manifest bucket to the warehouse. The buffer
// bucket tells which plans are done.
func New(buffer, manifests bucket.Bucket, wh warehouse.Warehouse, opts Options) *Loader {
	opts.LoadBytes = cmp.Or(opts.LoadBytes, 32<<20)
	opts.LoadAge = cmp.Or(opts.LoadAge, time.Second)
	opts.MaxBytes = cmp.Or(opts.MaxBytes, 256<<20)
	opts.MaxManifests = cmp.Or(opts.MaxManifests, 256)
	opts.Parallel = cmp.Or(opts.Parallel, 2)
	opts.SweepInterval = cmp.Or(opts.SweepInterval, 30*time.Second)
	opts.Backoff = cmp.Or(opts.Backoff, 500*time.Millisecond)
	opts.Stats = cmp.Or(opts.Stats, new(ikada.Stats))
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	if opts.Declared == nil {
		opts.Declared = func(ikada.LogType) []warehouse.Column { return nil }
	}
	if opts.OnLoaded == nil {
		opts.OnLoaded = func(Loaded) {}
	}
	return &Loader{
		buffer: buffer, manifests: manifests, warehouse: wh, opts: opts,
		wake: make(chan struct{}, 1), types: map[string]*backlog{},
	}
}

// Wake says that the log types may have new manifests. It never waits.
func (l *Loader) Wake(types ...ikada.LogType) {
	l.mu.Lock()
	for _, t := range types {
		l.backlog(t.PathName()).woken = true
	}
	l.mu.Unlock()
	l.nudge()
}

// nudge makes Run look around.
func (l *Loader) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Once loads everything that waits, whatever the thresholds say, or until ctx
// has too little time left for another load. A log type that fails stops, the
// others go on; the error joins those of all.
func (l *Loader) Once(ctx context.Context) error {
	all, err := l.sweep(ctx)
	if err != nil {
		return err
	}
	return l.loadAll(ctx, all)
}

// OnceOf is Once for the log types of some folders of the manifest bucket.
func (l *Loader) OnceOf(ctx context.Context, folders ...string) error {
	if err := l.findNewest(ctx); err != nil {
		return err
	}
	if err := l.readNames(ctx); err != nil {
		return err
	}
	all := make([]*backlog, len(folders))
	l.mu.Lock()
	for i, folder := range folders {
		all[i] = l.backlog(folder)
	}
	l.mu.Unlock()
	return l.loadAll(ctx, all)
}

func (l *Loader) loadAll(ctx context.Context, all []*backlog) error {
	done := l.newest()
	var mu sync.Mutex
	var errs []error
	var g errgroup.Group
	g.SetLimit(l.opts.Parallel)
	for _, b := range all {
		g.Go(func() error {
			_, err := l.visit(ctx, b, done, true)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			return nil
		})
	}
	_ = g.Wait()
	return errors.Join(errs...)
}

// Waiting returns what waits, by log type, as of the last look at each. Log
// types of which nothing waits are left out.
func (l *Loader) Waiting() []Backlog {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Backlog
	for _, b := range l.types {
		if b.status.Manifests > 0 || b.status.Error != "" {
			all = append(all, b.status)
		}
	}
	slices.SortFunc(all, func(a, b Backlog) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return all
}

// sweep finds all log types, and the newest plan that is done.
func (l *Loader) sweep(ctx context.Context) ([]*backlog, error) {
	// The plan first: its manifests are all there.
	if err := l.findNewest(ctx); err != nil {
		return nil, err
	}
	if err := l.readNames(ctx); err != nil {
		return nil, err
	}
	var all []*backlog
	for folder, err := range l.manifests.Folders(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("list log types of the manifest bucket: %w", err)
		}
		l.mu.Lock()
		all = append(all, l.backlog(folder))
		l.mu.Unlock()
	}
	return all, nil
}

// findNewest finds the newest plan that is done.
func (l *Loader) findNewest(ctx context.Context) error {
	done, err := plan.NewestDone(ctx, l.buffer)
	if err != nil {
		return fmt.Errorf("find the newest plan that is done: %w", err)
	}
	if done == 0 {
		if done, err = l.planless(ctx); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = max(l.done, done)
	return nil
}

// planless returns the newest plan that has a manifest if there is no plan at
// all: the buffer bucket is a new one, and all that was archived is to be loaded.
func (l *Loader) planless(ctx context.Context) (uint64, error) {
	if n, _, err := plan.Newest(ctx, l.buffer); err != nil || n > 0 {
		return 0, err
	}
	found, err := manifest.Newest(ctx, l.manifests)
	if err != nil {
		return 0, fmt.Errorf("find the newest manifest: %w", err)
	}
	// Again, as the first plan may have begun meanwhile: what was found may be
	// one of its manifests, and others of it are yet to come.
	if n, _, err := plan.Newest(ctx, l.buffer); err != nil || n > 0 {
		return 0, err
	}
	return found, nil
}

func (l *Loader) newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// readNames asks the warehouse once for the log types that have tables: only
// those can have manifests in the ledger.
func (l *Loader) readNames(ctx context.Context) error {
	l.mu.Lock()
	known := l.names != nil
	l.mu.Unlock()
	if known {
		return nil
	}
	tables, err := l.warehouse.Tables(ctx)
	if err != nil {
		return fmt.Errorf("list tables of the warehouse: %w", err)
	}
	l.makeQuarantine(ctx, tables)
	names := make(map[string]string, len(tables))
	for _, t := range tables {
		names[t.Type.PathName()] = string(t.Type)
	}
	l.mu.Lock()
	l.names = names
	l.mu.Unlock()
	return nil
}

// makeQuarantine makes the quarantine's table with all columns that it may need,
// so that what an operator asks of it has an answer before the first row. No load
// depends on it: what sets a row aside makes what lacks.
func (l *Loader) makeQuarantine(ctx context.Context, tables []warehouse.Table) {
	var table warehouse.Table
	at := slices.IndexFunc(tables, func(t warehouse.Table) bool { return t.Type == ikada.Quarantine })
	if at >= 0 {
		table = tables[at]
	}
	add := rescue.Columns(table, at >= 0)
	if at >= 0 && len(add) == 0 {
		return
	}
	if err := l.warehouse.Extend(ctx, ikada.Quarantine, add); err != nil && ctx.Err() == nil {
		l.opts.Log.Warn("cannot make the quarantine's table beforehand", "error", err)
	}
}

// backlog returns a folder's backlog. The caller holds mu.
func (l *Loader) backlog(folder string) *backlog {
	b, ok := l.types[folder]
	if !ok {
		b = &backlog{folder: folder, visiting: make(chan struct{}, 1), ask: true, status: Backlog{Type: ikada.LogType(folder)}}
		l.types[folder] = b
	}
	return b
}
