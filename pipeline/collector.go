package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/stream/kinesis"
)

// Collector is the inputs alone, in front of a Kinesis stream: what they take
// is acknowledged once Kinesis has it. It keeps nothing on disk but where it
// listens and, for a while, messages that are too large for memory.
type Collector struct {
	cfg     *config.Config
	log     *slog.Logger
	started time.Time
	state   atomic.Value // api.State
	lock    *os.File
	writer  *kinesis.Writer
	batcher *collect.Batcher
	inputs  *inputs
	stats   ikada.Stats
	rates   *api.Rates
}

// OpenCollector looks up the stream and binds the listeners. Nothing is served
// until Run.
func OpenCollector(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Collector, error) {
	c := &Collector{cfg: cfg, log: log, started: time.Now()}
	c.state.Store(api.Starting)
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *Collector) open(ctx context.Context) (err error) {
	// First, as a missing setting is the caller's first mistake to mend, whoever
	// has the directory.
	if c.writer, err = openKinesis(ctx, c.cfg, c.log); err != nil {
		return err
	}
	if err = os.MkdirAll(c.cfg.Data, 0o755); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	if c.lock, err = lockDirectory(c.cfg.Data); err != nil {
		return err
	}
	limitMemory(c.cfg)
	memory := newMemory(c.cfg)
	c.batcher = newKinesisBatcher(c.writer, c.log, &c.stats)
	c.rates = api.NewRates(func() []ikada.Snapshot { return []ikada.Snapshot{c.stats.Snapshot()} })
	handler := api.New(api.Options{
		Logs:    logs(c.cfg, c.log, c.batcher, memory),
		Status:  c.Status,
		Tokens:  c.cfg.HTTP.Tokens,
		Ready:   c.ready,
		Version: Version,
		Log:     c.log,
	})
	c.inputs, err = listen(ctx, front{cfg: c.cfg, log: c.log, memory: memory, batcher: c.batcher, http: handler, ending: func() {}})
	return err
}

// Endpoints tells where the collector listens.
func (c *Collector) Endpoints() endpoints.Endpoints { return c.inputs.endpoints(c.started) }

// Run serves until ctx ends, and then acknowledges what is in hand, within the
// time limit.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.Endpoints().Write(c.cfg.Data); err != nil {
		return errors.Join(err, c.close())
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, work := errgroup.WithContext(work)
	for _, run := range []func(context.Context) error{c.batcher.Run, c.rates.Run} {
		group.Go(func() error {
			if err := run(work); err != nil && work.Err() == nil {
				return err
			}
			return nil
		})
	}
	c.state.Store(api.Running)
	err := c.inputs.run(ctx, c.cfg.Shutdown.Timeout)
	c.state.Store(api.Draining)
	stop()
	return errors.Join(err, group.Wait(), c.close())
}

// Status tells how the collector does.
func (c *Collector) Status(context.Context) api.Status {
	at := c.Endpoints()
	stage := api.StageStatus{Name: "collect", Snapshot: c.stats.Snapshot()}
	if r := c.rates.Rates(); len(r) > 0 {
		stage.EventsPerSecond, stage.BytesPerSecond = r[0].Events, r[0].Bytes
	}
	return api.Status{
		Version: Version, Started: c.started, State: c.state.Load().(api.State), DataDir: c.cfg.Data,
		Addresses: api.Addresses{Forward: at.Forward, HTTP: at.HTTP}, Stages: []api.StageStatus{stage},
	}
}

func (c *Collector) ready() error {
	if state := c.state.Load().(api.State); state != api.Running {
		return errors.New(string(state))
	}
	return nil
}

func (c *Collector) close() error {
	var errs []error
	if c.inputs != nil {
		c.inputs.close()
		errs = append(errs, endpoints.Remove(c.cfg.Data))
	}
	if c.writer != nil {
		errs = append(errs, c.writer.Close())
	}
	if c.lock != nil {
		errs = append(errs, c.lock.Close())
	}
	return errors.Join(errs...)
}

// openKinesis looks up the stream that the settings name.
func openKinesis(ctx context.Context, cfg *config.Config, log *slog.Logger) (*kinesis.Writer, error) {
	if cfg.Kinesis.Stream == "" {
		return nil, errors.New("kinesis.stream is not set: want the name of the Kinesis stream to write to")
	}
	return kinesis.Open(ctx, kinesis.Options{
		Stream: cfg.Kinesis.Stream, Region: cfg.Kinesis.Region, Endpoint: cfg.Kinesis.Endpoint, Log: log.With("stage", "collect"),
	})
}

func newKinesisBatcher(w *kinesis.Writer, log *slog.Logger, stats *ikada.Stats) *collect.Batcher {
	return collect.NewBatcher(w, log.With("stage", "collect"), collect.BatcherOptions{
		Message: kinesis.MaxMessage / 2, MaxMessage: kinesis.MaxMessage, Stats: stats,
	})
}
