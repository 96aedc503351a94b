package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/route"
)

// Version of the program; the build sets it.
var Version = "0.1.0"

// stageNames are the stages in the order of the pipeline.
var stageNames = []string{"collect", "stream", "buffer", "route", "load"}

// snapshots returns the counts of the stages, without load where there is no
// warehouse. The stream holds what collect counts as stored.
func (p *Pipeline) snapshots() []ikada.Snapshot {
	stored := p.stats.collect.Snapshot()
	all := []ikada.Snapshot{stored, stored, p.stats.buffer.Snapshot(), p.stats.route.Snapshot()}
	if p.loader != nil {
		all = append(all, p.stats.load.Snapshot())
	}
	return all
}

// Status tells how the pipeline does.
func (p *Pipeline) Status(ctx context.Context) api.Status {
	at := p.Endpoints()
	s := api.Status{
		Version:   Version,
		Started:   p.started,
		State:     p.state.Load().(api.State),
		Addresses: api.Addresses{Forward: at.Forward, HTTP: at.HTTP},
		DataDir:   p.cfg.Data,
		Audit:     p.audits.status(),
	}
	var waiting []load.Backlog
	if p.loader != nil {
		waiting = p.loader.Waiting()
	}
	snapshots, rates := p.snapshots(), p.rates.Rates()
	for i := range snapshots {
		name := stageNames[i]
		stage := api.StageStatus{Name: name, Snapshot: snapshots[i]}
		if i < len(rates) {
			stage.EventsPerSecond, stage.BytesPerSecond = rates[i].Events, rates[i].Bytes
		}
		stage.Backlog = p.backlog(ctx, name, waiting)
		if at := stage.Backlog.Oldest; !at.IsZero() && (s.OldestUnloaded.IsZero() || at.Before(s.OldestUnloaded)) {
			s.OldestUnloaded = at
		}
		s.Stages = append(s.Stages, stage)
	}
	s.Types = p.types(ctx, waiting)
	return s
}

// backlog is what waits for a stage.
func (p *Pipeline) backlog(ctx context.Context, stage string, waiting []load.Backlog) (b api.Backlog) {
	switch stage {
	case "stream":
		n, err := p.buffer.Backlog(ctx)
		if err != nil {
			return unknown(p.log, fmt.Errorf("what waits in the stream: %w", err))
		}
		b.Messages, b.Bytes, b.Oldest = n.Messages, n.Bytes, n.Oldest
	case "route":
		return routeBacklog(ctx, p.router, p.log)
	case "load":
		return loadBacklog(waiting)
	}
	return b
}

func routeBacklog(ctx context.Context, r *route.Router, log *slog.Logger) (b api.Backlog) {
	n, err := r.Backlog(ctx)
	if err != nil {
		return unknown(log, fmt.Errorf("what waits to be routed: %w", err))
	}
	b.Files, b.Bytes, b.Oldest = n.Bundles, n.Bytes, n.Oldest
	return b
}

// unknown is a backlog that cannot be told, which must not pass for none.
func unknown(log *slog.Logger, err error) api.Backlog {
	log.Warn("status: a backlog cannot be told", "error", err)
	return api.Backlog{Unknown: err.Error()}
}

func loadBacklog(waiting []load.Backlog) (b api.Backlog) {
	for _, w := range waiting {
		b.Files += int64(w.Manifests)
		b.Bytes += w.Bytes
		if !w.OldestArrival.IsZero() && (b.Oldest.IsZero() || w.OldestArrival.Before(b.Oldest)) {
			b.Oldest = w.OldestArrival
		}
	}
	return b
}

// types joins the tables and what waits for them. A table that neither has had a
// load nor waits for one is no log type's: a replay has made it.
func (s *store) types(ctx context.Context, waiting []load.Backlog) []api.TypeStatus {
	if s.warehouse == nil {
		return nil
	}
	tables, err := s.warehouse.Tables(ctx)
	if err != nil {
		s.log.Warn("status: cannot list tables", "error", err)
	}
	byType := map[ikada.LogType]api.TypeStatus{}
	for _, t := range tables {
		byType[t.Type] = api.TypeStatus{Type: t.Type, Table: t.Name, Rows: t.Rows, Bytes: t.Bytes, Columns: len(t.Columns), LastLoaded: t.Loaded}
	}
	for _, w := range waiting {
		t := byType[w.Type]
		if t.Type = w.Type; t.Table == "" {
			t.Table = s.cfg.Declared.Design(w.Type).Table
		}
		t.Waiting = api.Waiting{Files: int64(w.Manifests), Bytes: w.Bytes, Oldest: w.OldestArrival}
		t.Error = w.Error
		byType[w.Type] = t
	}
	list := make([]api.TypeStatus, 0, len(byType))
	for _, t := range byType {
		// Loads of other log types put rows into the quarantine's table.
		if t.LastLoaded.IsZero() && t.Waiting.Files == 0 && t.Error == "" && t.Type != ikada.Quarantine {
			continue
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b api.TypeStatus) int { return cmp.Compare(a.Type, b.Type) })
	return list
}
