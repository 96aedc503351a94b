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
func (p *Pipeline) runRetention(ctx context.Context) error {
	if !keepsLess(&p.cfg.Retention) {
		return nil
	}
	return retention.New(p.archive, p.manifests, p.warehouse, retention.Options{
		Keep: keepOf(&p.cfg.Retention),
		Log:  p.log.With("stage", "retention"),
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
