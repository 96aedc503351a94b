package load

import (
	"context"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/warehouse"
)

// Bounds of what is recorded of a log type: a map used as an object has new
// keys without end. maxChanged is of all other sorts.
const (
	maxNew     = 100
	maxChanged = 200
)

// noteTime bounds what a load waits for the record of its drifts.
const noteTime = 10 * time.Second

// drifted is a drift and the manifest that it was seen in.
type drifted struct {
	drift.Drift
	in warehouse.Manifest
}

// noted is what the journal has of a log type's drifts.
type noted struct {
	keys         map[string]bool // nil until the journal was read
	new, changed int
	pending      []drifted // that could not be recorded yet
}

// drifts compares a manifest with the table before it.
func drifts(before, grown []warehouse.Column, w waiting) (found []drifted) {
	in := asMade(w)
	for _, d := range drift.Detect(before, grown, w.Ikada.Fields) {
		d.Manifest, d.Plan = w.key, w.plan
		found = append(found, drifted{d, in})
	}
	return found
}

// described returns columns with the widths that the table has: those of
// columns to come are no limits.
func described(had, columns []warehouse.Column) []warehouse.Column {
	all := slices.Clone(columns)
	for i := range all {
		all[i].MaxBytes = 0
		if i < len(had) {
			all[i].MaxBytes = had[i].MaxBytes
		}
	}
	return all
}

// someNull reports whether a field has only nulls, of which folding tells nothing.
func someNull(w waiting) bool {
	return slices.ContainsFunc(w.Ikada.Fields, func(f ikada.Field) bool { return f.Kinds.Within(ikada.KindNull) })
}

// note records drifts that the journal does not have. It goes before the table
// is changed, as the changed table would not tell of them any more. Whatever
// fails here fails no load; what is not recorded waits for the next one.
func (l *Loader) note(ctx context.Context, b *backlog, found []drifted) {
	if found = append(b.noted.pending, found...); len(found) == 0 {
		return
	}
	b.noted.pending = nil
	limited, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	fresh, err := l.fresh(limited, b, found)
	if err == nil {
		err = l.record(limited, b, fresh)
	}
	if err != nil && ctx.Err() == nil {
		b.noted.pending = found[:min(len(found), maxNew+maxChanged)]
		l.opts.Log.Warn("drifts are not recorded yet", "type", b.logType, "error", err)
	}
}

// fresh returns the drifts that the journal does not have, as many as there is
// room for.
func (l *Loader) fresh(ctx context.Context, b *backlog, found []drifted) (fresh []drifted, err error) {
	n := &b.noted
	if n.keys == nil {
		if err := l.readNoted(ctx, b); err != nil {
			return nil, err
		}
	}
	taken := map[string]bool{}
	for _, d := range found {
		full := n.new >= maxNew
		if changes(d.Sort) {
			full = n.changed >= maxChanged
		}
		if full && d.Sort != drift.Limit && !n.keys[d.Key()] {
			d.Drift = drift.Drift{Sort: drift.Many, Field: d.Field, Manifest: d.Manifest, Plan: d.Plan, Rows: d.Rows}
		}
		if key := d.Key(); !n.keys[key] && !taken[key] {
			taken[key] = true
			n.count(d.Sort)
			fresh = append(fresh, d)
		}
	}
	return fresh, nil
}

// changes reports whether a drift is of a field that was there before.
func changes(s drift.Sort) bool {
	switch s {
	case drift.New, drift.NullOnly, drift.Case, drift.Limit, drift.Many:
		return false
	}
	return true
}

func (n *noted) count(s drift.Sort) {
	if changes(s) {
		n.changed++
	} else {
		n.new++
	}
}

// readNoted reads what the journal has.
func (l *Loader) readNoted(ctx context.Context, b *backlog) error {
	n := &b.noted
	keys := map[string]bool{}
	n.new, n.changed = 0, 0
	for e, err := range l.warehouse.Journal(ctx, warehouse.JournalFilter{Type: b.logType, Kind: drift.Kind}) {
		if err != nil {
			return err
		}
		d, err := drift.Parse(e)
		if err != nil {
			return err
		}
		keys[e.Key] = true
		n.count(d.Sort)
	}
	n.keys = keys
	return nil
}

// record looks for examples and writes the journal.
func (l *Loader) record(ctx context.Context, b *backlog, fresh []drifted) error {
	if len(fresh) == 0 {
		return nil
	}
	now := time.Now().UTC()
	entries := make([]warehouse.JournalEntry, len(fresh))
	l.findExamples(ctx, fresh)
	for i := range fresh {
		d := &fresh[i]
		if d.At.IsZero() {
			d.At = now
		}
		var err error
		if entries[i], err = d.Entry(b.logType); err != nil {
			return err
		}
	}
	if err := l.warehouse.Record(ctx, entries...); err != nil {
		b.noted.keys = nil // what is there is found out the next time
		return err
	}
	for i := range fresh {
		d := &fresh[i]
		if b.noted.keys != nil {
			b.noted.keys[d.Key()] = true
		}
		l.opts.Log.Info("log type drifts", "type", b.logType, "field", d.Field, "drift", d.Sort, "before", d.Before, "after", d.After, "plan", d.Plan)
	}
	return nil
}

// findExamples reads the archive, once for each manifest.
func (l *Loader) findExamples(ctx context.Context, fresh []drifted) {
	if l.opts.Archive == nil {
		return
	}
	byManifest := map[string][]*drift.Drift{}
	files := map[string][]warehouse.File{}
	for i := range fresh {
		key := fresh[i].in.Key
		files[key] = fresh[i].in.Files
		byManifest[key] = append(byManifest[key], &fresh[i].Drift)
	}
	for key, some := range byManifest {
		if err := drift.Find(ctx, l.opts.Archive, files[key], some); err != nil {
			l.opts.Log.Warn("a drift has no example", "manifest", key, "error", err)
		}
	}
}
