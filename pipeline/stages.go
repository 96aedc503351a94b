package pipeline

import (
	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/route"
)

// newRouter makes the stage route, as it is in the pipeline and as a worker.
func (s *store) newRouter(stats *ikada.Stats, done func(*plan.Plan)) *route.Router {
	return route.New(s.bufferBucket, s.archive, s.manifests, route.Options{
		Interval: s.cfg.Route.Interval,
		FileSize: s.cfg.Route.FileSize,
		Window:   s.cfg.Buffer.Window,
		ByDay:    s.cfg.Declared.ByDay,
		OnDone:   done,
		Stats:    stats,
		Log:      s.log.With("stage", "route"),
	})
}

// loaderOptions are those of the stage load in both.
func (s *store) loaderOptions(stats *ikada.Stats) load.Options {
	return load.Options{
		LoadBytes: s.cfg.Load.Bytes,
		LoadAge:   s.cfg.Load.Age,
		Parallel:  s.cfg.Load.Parallel,
		Declared:  s.cfg.Declared.Columns,
		Archive:   s.archive,
		Stats:     stats,
		Log:       s.log.With("stage", "load"),
	}
}

func (s *store) newLoader(o load.Options) *load.Loader {
	return load.New(s.bufferBucket, s.manifests, s.warehouse, o)
}
