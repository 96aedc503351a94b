package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/retention"
)

// retentionEvery is the time between two looks at what is too old.
const retentionEvery = time.Hour

// runRetention deletes what the settings do not keep, until ctx ends.
func (s *store) runRetention(ctx context.Context) error {
	if !keepsLess(&s.cfg.Retention) || s.warehouse == nil && s.cfg.Warehouse.Kind != "none" {
		return nil // or, who has not opened the warehouse can't tell what is loaded
	}
	return retention.New(s.archive, s.manifests, s.warehouse, retention.Options{
		Keep: keepOf(&s.cfg.Retention),
		Log:  s.log.With("stage", "retention"),
	}).Run(ctx, retentionEvery)
}

// keepsLess reports whether anything is not kept for ever.
func keepsLess(c *config.Retention) bool {
	some := func(d time.Duration) bool { return d > 0 }
	return c.Archive > 0 || c.Table > 0 ||
		slices.ContainsFunc(slices.Collect(maps.Values(c.ArchiveByType)), some) ||
		slices.ContainsFunc(slices.Collect(maps.Values(c.TableByType)), some)
}

// keepOf tells how long a log type is kept.
func keepOf(c *config.Retention) func(ikada.LogType) (archive, table time.Duration) {
	return func(t ikada.LogType) (archive, table time.Duration) {
		archive, table = c.Archive, c.Table
		if d, ok := c.ArchiveByType[string(t)]; ok {
			archive = d
		}
		if d, ok := c.TableByType[string(t)]; ok {
			table = d
		}
		return archive, table
	}
}
