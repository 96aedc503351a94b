package pipeline

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/duckdb"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

// openWarehouse opens what the setting warehouse.kind names; nil for none.
func (s *store) openWarehouse(ctx context.Context) (warehouse.Warehouse, error) {
	switch c := s.cfg.Warehouse; c.Kind {
	case "duckdb":
		w, err := duckdb.Open(ctx, filepath.Join(s.cfg.Data, "warehouse.duckdb"), s.archive, duckdb.Options{
			MemoryMB: int(c.Memory >> 20),
			Threads:  c.Threads,
			Designs:  s.cfg.Declared.Design,
			Log:      s.log,
		})
		if err != nil {
			return nil, err // and no warehouse that holds a nil
		}
		return w, nil
	case "redshift":
		if s.cfg.Buckets == "" {
			return nil, errors.New("warehouse.kind is redshift, whose COPY reads from S3 only: set buckets to a place there")
		}
		w, err := redshift.Open(ctx, s.archive, s.bufferBucket, redshift.Options{
			DSN:       redshift.NewPassword(c.URL.Reveal()),
			IAMRole:   c.IAMRole,
			Schema:    c.Schema,
			Manifests: s.manifests,
			Designs:   s.cfg.Declared.Design,
			Log:       s.log.With("stage", "load"),
		})
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	return nil, nil
}
