package load

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse"
)

// presence is which fields the last manifests of a log type had.
type presence struct {
	current drift.Window
	first   uint64        // plan of current's first manifest
	before  *drift.Window // nil until current was full once
}

// observe watches for fields that vanish and come back. It goes behind a load, and
// what fails here is only told.
func (l *Loader) observe(ctx context.Context, b *backlog, columns []warehouse.Column, members []waiting) {
	open, err := l.vanished(ctx, b.logType)
	if err != nil {
		if ctx.Err() == nil {
			l.opts.Log.Warn("cannot watch for fields that vanish", "type", b.logType, "error", err)
		}
		return
	}
	p := &b.present
	for _, w := range members {
		if p.current.Manifests == 0 {
			p.first = w.plan
		}
		p.current.Add(asMade(w), w.Ikada.Fields)
		if len(open) > 0 {
			err = l.noteReturns(ctx, b, open, w)
		}
		if err == nil && p.current.Full() {
			err = l.noteVanished(ctx, b, open, columns)
			full := p.current
			p.before, p.current = &full, drift.Window{}
		}
		if err != nil && ctx.Err() == nil {
			l.opts.Log.Warn("a field that vanished or came back is not recorded", "type", b.logType, "error", err)
		}
	}
}

// vanished returns the fields of a log type that the journal has as vanished,
// which it asks once, for all log types.
func (l *Loader) vanished(ctx context.Context, of ikada.LogType) (map[string]drift.Drift, error) {
	l.asking.Lock()
	defer l.asking.Unlock()
	if l.gone == nil {
		gone := map[ikada.LogType]map[string]drift.Drift{}
		for e, err := range l.warehouse.Journal(ctx, warehouse.JournalFilter{Kind: drift.KindVanished}) {
			if err != nil {
				return nil, err
			}
			d, err := drift.Parse(e)
			if err != nil {
				return nil, err
			}
			if gone[e.Type] == nil {
				gone[e.Type] = map[string]drift.Drift{}
			}
			if d.Returned.IsZero() {
				gone[e.Type][d.Field] = d
			}
		}
		l.gone = gone
	}
	if l.gone[of] == nil {
		l.gone[of] = map[string]drift.Drift{}
	}
	return l.gone[of], nil
}

// noteReturns records that fields are back which had vanished.
func (l *Loader) noteReturns(ctx context.Context, b *backlog, open map[string]drift.Drift, w waiting) error {
	for _, f := range w.Ikada.Fields {
		d, ok := open[f.Name]
		if !ok || f.Rows <= f.Nulls || w.plan <= d.Plan {
			continue
		}
		d.Returned = time.Now().UTC()
		if err := l.write(ctx, b.logType, d); err != nil {
			return err
		}
		delete(open, f.Name)
		l.opts.Log.Info("a field is back", "type", b.logType, "field", d.Field, "plan", w.plan)
	}
	return nil
}

// noteVanished records what the window before had and the current one lacks.
func (l *Loader) noteVanished(ctx context.Context, b *backlog, open map[string]drift.Drift, columns []warehouse.Column) error {
	p := &b.present
	lacks := slices.ContainsFunc(columns, func(c warehouse.Column) bool {
		_, known := open[c.Field]
		return !known && !p.current.Has(c.Field)
	})
	if !lacks {
		return nil
	}
	before := []*drift.Window{p.before}
	if p.before == nil {
		var err error
		if before, err = l.windowsBefore(ctx, b, p.first); err != nil {
			return err
		}
	}
	gone, last := p.current.Gone(columns, before...)
	for i, d := range gone {
		if _, known := open[d.Field]; known {
			continue
		}
		d.At, d.Rows = time.Now().UTC(), last[i].Rows
		one := []drifted{{d, last[i]}}
		l.findExamples(ctx, one)
		if err := l.write(ctx, b.logType, one[0].Drift); err != nil {
			return err
		}
		open[d.Field] = one[0].Drift
		l.opts.Log.Info("a field has vanished", "type", b.logType, "field", d.Field, "last plan", d.Plan)
	}
	return nil
}

func (l *Loader) write(ctx context.Context, of ikada.LogType, d drift.Drift) error {
	e, err := d.Entry(of)
	if err != nil {
		return err
	}
	return l.warehouse.Record(ctx, e)
}

// windowsBefore reads the manifests that were loaded before this process began
// to count: two windows, the later first.
func (l *Loader) windowsBefore(ctx context.Context, b *backlog, first uint64) ([]*drift.Window, error) {
	windows := []*drift.Window{{}, {}}
	if first <= 1 {
		return windows, nil
	}
	filter := warehouse.LedgerFilter{Type: b.logType, Newest: first - 1, Limit: 2 * drift.WindowManifests}
	n := 0
	for e, err := range l.warehouse.Ledger(ctx, filter) {
		if err != nil {
			return nil, err
		}
		data, err := l.manifests.Get(ctx, e.Manifest, 0, -1, nil)
		if err != nil {
			return nil, fmt.Errorf("read manifest %s: %w", e.Manifest, err)
		}
		m, err := manifest.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", e.Manifest, err)
		}
		windows[n/drift.WindowManifests].Add(asMade(waiting{key: e.Manifest, plan: e.Plan, class: e.Class, Manifest: m}), m.Ikada.Fields)
		n++
	}
	return windows, nil
}
