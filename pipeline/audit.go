package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/stream"
)

// auditWith audits. backlog tells what the stream holds; nil: nobody knows.
func (s *store) auditWith(backlog func(context.Context) (stream.Backlog, error)) func(context.Context, audit.Options) (*audit.Report, error) {
	return func(ctx context.Context, o audit.Options) (*audit.Report, error) {
		o.Due = s.cfg.Load.Age + s.cfg.Audit.Due
		return audit.Run(ctx, audit.Sources{
			Buffer: s.bufferBucket, Archive: s.archive, Manifests: s.manifests, Warehouse: s.warehouse, Stream: backlog,
		}, o)
	}
}

// audits are those that a running Ikada makes by itself.
type audits struct {
	every, since time.Duration
	run          func(context.Context, audit.Options) (*audit.Report, error)

	mu   sync.Mutex
	last api.AuditStatus
}

// status returns what the last one found; nil if none is ever made.
func (a *audits) status() *api.AuditStatus {
	if a.every == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.last
	return &last
}

// runAudits audits now and then until ctx ends.
func (p *Pipeline) runAudits(ctx context.Context) error {
	a := &p.audits
	if a.every == 0 {
		return nil
	}
	// The first one soon, but not while the start still catches up.
	timer := time.NewTimer(min(a.every, time.Minute))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		p.auditOnce(ctx)
		timer.Reset(a.every)
	}
}

func (p *Pipeline) auditOnce(ctx context.Context) {
	a := &p.audits
	r, err := a.run(ctx, audit.Options{Since: time.Now().Add(-a.since)})
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		p.log.Error("audit", "error", err)
		a.last.Error = err.Error()
		return
	}
	a.last = api.AuditStatus{At: r.At, Since: r.Since, Holds: r.Holds, Gaps: r.GapCount, GapRows: r.GapRows}
	const told = 10 // the report has all of them
	for i, g := range r.Gaps {
		if i == told {
			p.log.Error("conservation does not hold in more places: see `ikada audit`", "gaps", r.GapCount)
			break
		}
		p.log.Error("conservation does not hold: "+g.Detail, "kind", g.Kind, "type", g.Type, "rows", g.Rows, "remedy", g.Remedy)
	}
}
