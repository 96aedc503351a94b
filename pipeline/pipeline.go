// Package pipeline wires the stages to their adapters: the whole of Ikada on
// one machine.
//
//	DATA/stream      the durable stream (embedded NATS JetStream)
//	DATA/buffer      the buffer bucket: bundles and plans (or below the setting buckets)
//	DATA/archive     the archive bucket
//	DATA/manifests   the manifest bucket
//	DATA/warehouse.duckdb
//	DATA/endpoints.json   where the running process listens
//	DATA/lock        held by the running process
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/route"
	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/jetstream"
)

// Pipeline is one running Ikada.
type Pipeline struct {
	store
	started time.Time
	state   atomic.Value // api.State
	lock    *os.File
	stream  stream.Stream

	memory  *collect.Memory
	batcher *collect.Batcher
	buffer  *buffer.Buffer
	router  *route.Router
	loader  *load.Loader // nil without a warehouse

	tail   *api.Tail
	audits audits
	stats  stats
	rates  *api.Rates
	inputs *inputs
}

// stats are the stages' counts.
type stats struct {
	collect, buffer, route, load ikada.Stats
}

// Open opens what the pipeline stands on and binds its listeners. Nothing is
// served until Run.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Pipeline, error) {
	p := &Pipeline{store: store{cfg: cfg, log: log}, started: time.Now(), tail: new(api.Tail)}
	p.state.Store(api.Starting)
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *Pipeline) open(ctx context.Context) error {
	data := p.cfg.Data
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	var err error
	if p.lock, err = lockDirectory(data); err != nil {
		return err
	}
	limitMemory(p.cfg)
	if err := p.store.open(ctx); err != nil {
		return err
	}
	p.stream, err = jetstream.Open(ctx, filepath.Join(data, "stream"), p.log, jetstream.Options{
		Shards:   p.cfg.Stream.Shards,
		MaxBytes: p.cfg.Stream.DiskLimit,
	})
	if err != nil {
		return err
	}
	p.wire()
	p.inputs, err = listen(ctx, front{cfg: p.cfg, log: p.log, memory: p.memory, batcher: p.batcher, http: p.handler(), ending: p.tail.Close})
	return err
}

// handler serves the HTTP input and the API. The API asks for the token.
func (p *Pipeline) handler() http.Handler {
	opts := api.Options{
		Logs:    logs(p.cfg, p.log, p.batcher, p.memory),
		Status:  p.Status,
		Tail:    p.tail,
		Tokens:  p.cfg.HTTP.Tokens,
		Ready:   p.ready,
		Version: Version,
		Log:     p.log,
	}
	p.operations(&opts)
	opts.Audit = p.audits.run
	if opts.Quarantine != nil {
		opts.Quarantine.Send = sender(p.batcher)
	}
	return api.New(opts)
}

// wire makes the stages, from the last to the first.
func (p *Pipeline) wire() {
	if p.warehouse != nil {
		p.loader = p.newLoader(p.loaderOptions(&p.stats.load))
	}
	p.router = p.newRouter(&p.stats.route, p.planDone)
	p.buffer = buffer.New(p.stream, p.bufferBucket, buffer.Options{
		BundleSize: int(p.cfg.Buffer.BundleSize),
		Flush:      p.cfg.Buffer.Flush,
		Window:     p.cfg.Buffer.Window,
		WindowKeys: p.cfg.Buffer.WindowKeys,
		Declared:   p.cfg.Declared,
		Tap:        p.tail,
		Stats:      &p.stats.buffer,
		Log:        p.log.With("stage", "buffer"),
	})
	p.memory = newMemory(p.cfg)
	p.batcher = collect.NewBatcher(p.stream, p.log.With("stage", "collect"), collect.BatcherOptions{Stats: &p.stats.collect})
	p.rates = api.NewRates(p.snapshots)
	p.audits.every, p.audits.since, p.audits.run = p.cfg.Audit.Interval, p.cfg.Audit.Since, p.auditWith(p.buffer.Backlog)
}

// planDone wakes the loads of a plan's log types.
func (p *Pipeline) planDone(done *plan.Plan) {
	if p.loader == nil {
		return
	}
	types := make([]ikada.LogType, 0, len(done.Manifests))
	for i := range done.Manifests {
		types = append(types, done.Manifests[i].Type)
	}
	p.loader.Wake(types...)
}

// Endpoints tells where the pipeline listens.
func (p *Pipeline) Endpoints() endpoints.Endpoints { return p.inputs.endpoints(p.started) }

// close releases everything, in the order of the pipeline.
func (p *Pipeline) close() error {
	var errs []error
	if p.inputs != nil {
		p.inputs.close()
		errs = append(errs, endpoints.Remove(p.cfg.Data))
	}
	if p.stream != nil {
		errs = append(errs, p.stream.Close())
	}
	errs = append(errs, p.store.close())
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	return errors.Join(errs...)
}

// limitMemory tells Go's collector how much there is, if nobody else did: what
// the inputs and the stages hold, and room to breathe. What an embedded database
// would have is room, too: near the limit, memory is given back that is wanted
// again at once, and a page that comes anew costs microseconds on a virtual machine.
func limitMemory(cfg *config.Config) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := cfg.Memory.Total + 3*int64(cfg.Stream.Shards)*cfg.Buffer.BundleSize + 192<<20
	if cfg.Warehouse.Kind != "duckdb" {
		limit += cfg.Warehouse.Memory
	}
	debug.SetMemoryLimit(limit)
}
