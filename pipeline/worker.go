package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/route"
)

// Worker is one stage alone, route or load, between the buckets and the
// warehouse. Any number of them may run at once, on any hosts, beside `ikada up`
// or Lambda functions, where the buckets are in a store; each may be killed
// whenever. On directories it shares the data directory with other workers only.
type Worker struct {
	store   // without a warehouse for route
	name    string
	started time.Time
	state   atomic.Value // api.State
	lock    *os.File     // nil if nothing is on this machine

	router *route.Router // one of the two
	loader *load.Loader

	stats  ikada.Stats
	rates  *api.Rates
	inputs *inputs
}

// workerSweep is how often a loader looks for manifests, of which nobody tells it.
const workerSweep = 5 * time.Second

// OpenRoute opens the stage route as a worker.
func OpenRoute(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Worker, error) {
	return openWorker(ctx, cfg, log, "route", func(w *Worker) error {
		w.router = w.newRouter(&w.stats, nil)
		return nil
	})
}

// OpenLoad opens the stage load as a worker.
func OpenLoad(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Worker, error) {
	return openWorker(ctx, cfg, log, "load", func(w *Worker) (err error) {
		if w.warehouse, err = w.openWarehouse(ctx); err != nil {
			return err
		}
		if w.warehouse == nil {
			return errors.New("warehouse.kind is none: there is nothing to load into")
		}
		o := w.loaderOptions(&w.stats)
		o.SweepInterval = workerSweep
		w.loader = w.newLoader(o)
		return nil
	})
}

func openWorker(ctx context.Context, cfg *config.Config, log *slog.Logger, name string, stage func(*Worker) error) (*Worker, error) {
	own := *cfg
	own.Forward.Listen = "" // a worker takes no logs
	w := &Worker{store: store{cfg: &own, log: log}, name: name, started: time.Now()}
	w.state.Store(api.Starting)
	if err := w.open(ctx, stage); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *Worker) open(ctx context.Context, stage func(*Worker) error) (err error) {
	if w.cfg.Buckets == "" || w.name == "load" && w.cfg.Warehouse.Kind == "duckdb" {
		if err := os.MkdirAll(w.cfg.Data, 0o755); err != nil {
			return fmt.Errorf("make data directory: %w", err)
		}
		if w.lock, err = shareDirectory(w.cfg.Data); err != nil {
			return err
		}
	}
	limitMemory(w.cfg)
	if err := w.openBuckets(ctx); err != nil {
		return err
	}
	if err := stage(w); err != nil {
		return err
	}
	w.rates = api.NewRates(func() []ikada.Snapshot { return []ikada.Snapshot{w.stats.Snapshot()} })
	w.inputs, err = listen(ctx, front{cfg: w.cfg, log: w.log, http: w.handler(), ending: func() {}})
	return err
}

func (w *Worker) handler() http.Handler {
	opts := api.Options{Status: w.Status, Tokens: w.cfg.HTTP.Tokens, Ready: w.ready, Version: Version, Log: w.log}
	w.operations(&opts)
	return api.New(opts)
}

// Endpoints tells where the worker listens.
func (w *Worker) Endpoints() endpoints.Endpoints { return w.inputs.endpoints(w.started) }

// Run works until ctx ends. What is cut off then, another goes on with.
func (w *Worker) Run(ctx context.Context) error {
	group, work := errgroup.WithContext(ctx)
	serve := func(ctx context.Context) error { return w.inputs.run(ctx, w.cfg.Shutdown.Timeout) }
	for _, run := range []func(context.Context) error{w.runStage, w.rates.Run, serve} {
		group.Go(func() error {
			if err := run(work); err != nil && ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	w.state.Store(api.Running)
	err := group.Wait()
	return errors.Join(err, w.close())
}

func (w *Worker) runStage(ctx context.Context) error {
	if w.router != nil {
		return w.router.Run(ctx)
	}
	return w.loader.Run(ctx)
}

// Once works off what waits, and closes the worker.
func (w *Worker) Once(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.close()) }()
	if w.router != nil {
		plans, err := w.router.Once(ctx)
		if err == nil {
			_, err = w.router.Clean(ctx)
		}
		if err != nil {
			return fmt.Errorf("route: %w", err)
		}
		w.log.Info("routed what waited", "plans", plans)
		return nil
	}
	if err := w.loader.Once(ctx); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	n := w.stats.Snapshot()
	w.log.Info("loaded what waited", "rows", n.Events, "loads", n.Runs)
	return nil
}

// Status tells how the worker does.
func (w *Worker) Status(ctx context.Context) api.Status {
	at := w.Endpoints()
	stage := api.StageStatus{Name: w.name, Snapshot: w.stats.Snapshot()}
	if r := w.rates.Rates(); len(r) > 0 {
		stage.EventsPerSecond, stage.BytesPerSecond = r[0].Events, r[0].Bytes
	}
	s := api.Status{
		Version: Version, Started: w.started, State: w.state.Load().(api.State), DataDir: w.cfg.Data,
		Addresses: api.Addresses{HTTP: at.HTTP},
	}
	if w.router != nil {
		stage.Backlog = routeBacklog(ctx, w.router, w.log)
	} else {
		waiting := w.loader.Waiting()
		stage.Backlog = loadBacklog(waiting)
		s.Types = w.types(ctx, waiting)
	}
	s.OldestUnloaded = stage.Backlog.Oldest
	s.Stages = []api.StageStatus{stage}
	return s
}

func (w *Worker) ready() error {
	if state := w.state.Load().(api.State); state != api.Running {
		return errors.New(string(state))
	}
	return nil
}

func (w *Worker) close() error {
	var errs []error
	if w.inputs != nil {
		w.inputs.close()
	}
	errs = append(errs, w.store.close())
	if w.lock != nil {
		errs = append(errs, w.lock.Close())
	}
	return errors.Join(errs...)
}
