package drift

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// A field has vanished if at least half of the rows of one window had a value
// of it, and no row of the next window has. A window is at least so many
// manifests in a row, with at least so many rows.
const (
	WindowManifests = 20
	WindowRows      = 100
)

// maxFields bounds the fields that a window counts: keys of a map have no
// regular place to vanish from.
const maxFields = 2 * warehouse.MaxColumns

// Window counts the rows that bear each field over some manifests.
type Window struct {
	Manifests int
	Rows      int64
	fields    map[string]seen
}

type seen struct {
	rows int64 // that have a value
	last warehouse.Manifest
}

// Add counts a manifest.
func (w *Window) Add(m warehouse.Manifest, fields []ikada.Field) {
	if w.fields == nil {
		w.fields = make(map[string]seen, len(fields))
	}
	w.Manifests++
	w.Rows += m.Rows
	for _, f := range fields {
		s, ok := w.fields[f.Name]
		if f.Rows <= f.Nulls || !ok && len(w.fields) >= maxFields {
			continue
		}
		s.rows += int64(f.Rows - f.Nulls)
		if m.Plan >= s.last.Plan {
			s.last = m
		}
		w.fields[f.Name] = s
	}
}

// Full reports whether the window is large enough to compare.
func (w *Window) Full() bool { return w.Manifests >= WindowManifests && w.Rows >= WindowRows }

// Has reports whether any row had a value of the field.
func (w *Window) Has(field string) bool { return w.fields[field].rows > 0 }

// Gone returns the fields that most rows had in one of the windows before, given the
// latest first, and none has in this one. Their manifests are the last that had them.
func (w *Window) Gone(columns []warehouse.Column, before ...*Window) (gone []Drift, last []warehouse.Manifest) {
	names := make(map[string]string, len(columns))
	for _, c := range columns {
		names[c.Field] = c.Name
	}
	lastOf := map[string]warehouse.Manifest{}
	for _, b := range before {
		for field, s := range b.fields {
			if _, later := lastOf[field]; !later {
				lastOf[field] = s.last
			}
			if b.Rows < WindowRows || 2*s.rows < b.Rows || w.Has(field) || slices.ContainsFunc(gone, func(d Drift) bool { return d.Field == field }) {
				continue
			}
			gone = append(gone, Drift{
				Field: field, Sort: Vanished, Column: names[field],
				Before:   fmt.Sprintf("in %d of %d rows", s.rows, b.Rows),
				After:    fmt.Sprintf("in none of %d rows of %d manifests", w.Rows, w.Manifests),
				Manifest: lastOf[field].Key, Plan: lastOf[field].Plan,
			})
		}
	}
	slices.SortFunc(gone, func(a, b Drift) int { return cmp.Compare(a.Field, b.Field) })
	for _, d := range gone {
		last = append(last, lastOf[d.Field])
	}
	return gone, last
}
