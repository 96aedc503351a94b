package pipeline

import (
	"context"
	"log/slog"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/quarantine"
	"github.com/ikada-io/ikada/route"
	"github.com/ikada-io/ikada/warehouse"
)

// store is what stays when no process runs: the buckets and the warehouse.
type store struct {
	cfg *config.Config
	log *slog.Logger

	bufferBucket, archive, manifests bucket.Bucket
	view                             *archive.View       // the archive with its map
	warehouse                        warehouse.Warehouse // nil if there is none
}

func (s *store) open(ctx context.Context) (err error) {
	if err := s.openBuckets(ctx); err != nil {
		return err
	}
	s.warehouse, err = s.openWarehouse(ctx)
	return err
}

func (s *store) openBuckets(ctx context.Context) (err error) {
	for name, b := range map[string]*bucket.Bucket{"buffer": &s.bufferBucket, "archive": &s.archive, "manifests": &s.manifests} {
		if *b, err = openBucket(ctx, s.cfg, name); err != nil {
			return err
		}
	}
	s.view = archive.NewView(s.archive)
	return nil
}

// operations gives the API what an operator may ask for, whether or not a
// pipeline runs.
func (s *store) operations(o *api.Options) {
	o.Explain = route.New(s.bufferBucket, s.archive, s.manifests, route.Options{Log: s.log}).Explain
	o.Audit = s.auditWith(nil)
	switch {
	case s.warehouse != nil:
		o.Query = s.warehouse.Query
		o.History = &history.History{Manifests: s.manifests, Warehouse: s.warehouse, Declared: s.cfg.Declared.Columns}
		o.Quarantine = &quarantine.Store{Warehouse: s.warehouse, Marks: s.bufferBucket, Archive: s.view}
		s.replays(o)
	case s.cfg.Warehouse.Kind == "none":
		o.NoWarehouse = "this Ikada has no warehouse (warehouse.kind: none), so there are no tables: its events are in the archive bucket, as gzip files of newline-delimited JSON"
	default:
		o.NoWarehouse = "this worker of the stage route has no warehouse open: ask where the stage load runs"
	}
}

func (s *store) close() error {
	if s.warehouse == nil {
		return nil
	}
	return s.warehouse.Close()
}
