package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/replay"
)

// replays gives the API what goes from the archive to tables, and what tidies
// the archive.
func (s *store) replays(o *api.Options) {
	o.Replay = (&replay.Replayer{Archive: s.view, Manifests: s.manifests, Warehouse: s.warehouse, Log: s.log}).Run
	o.LoadAll = s.loadAll
	o.Compact = func(ctx context.Context, t ikada.LogType, tell func(int64)) (*compact.Report, error) {
		return s.compactor(0).Once(ctx, t, tell)
	}
}

// loadAll loads every manifest that the ledger does not have. The stage that
// may run meanwhile does it no harm: a manifest is loaded once.
func (s *store) loadAll(ctx context.Context, tell func(manifests, of int64)) (*api.LoadedAll, error) {
	begin := time.Now()
	var manifests, rows, bytes atomic.Int64
	var loader *load.Loader
	loader = load.New(s.bufferBucket, s.manifests, s.warehouse, load.Options{
		Parallel: s.cfg.Load.Parallel, Archive: s.view, Whole: true, Declared: s.cfg.Declared.Columns, Log: s.log,
		OnLoaded: func(l load.Loaded) {
			rows.Add(l.Result.Rows)
			bytes.Add(l.Bytes)
			done := manifests.Add(int64(l.Manifests - l.Result.Skipped))
			left := int64(0)
			for _, b := range loader.Waiting() {
				left += int64(b.Manifests)
			}
			tell(done, done+left)
		},
	})
	err := loader.Once(ctx)
	tables, failed := s.warehouse.Tables(ctx)
	if err == nil {
		err = failed
	}
	types := 0
	for _, t := range tables {
		if !t.Loaded.IsZero() {
			types++
		}
	}
	return &api.LoadedAll{
		Types: types, Manifests: manifests.Load(), Rows: rows.Load(), Bytes: bytes.Load(), Took: time.Since(begin),
	}, err
}

// compactor returns the stage that binds small files of the last days; 0: of all.
func (s *store) compactor(days int) *compact.Compactor {
	c := s.cfg.Compact
	return compact.New(s.view, s.manifests, s.warehouse, compact.Options{
		MinAge: c.MinAge, Grace: c.Grace, FileSize: c.FileSize, Days: days, Log: s.log.With("stage", "compact"),
	})
}

// recentDays is how far back the schedule looks for what can be bound. Rows that
// come later than that are bound on demand.
const recentDays = 7

// runCompaction runs the schedule.
func (s *store) runCompaction(ctx context.Context) error {
	if s.warehouse == nil || s.cfg.Compact.Interval == 0 {
		return nil
	}
	return s.compactor(recentDays).Run(ctx, s.cfg.Compact.Interval)
}
