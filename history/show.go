package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse"
)

// Detail is one log type in full.
type Detail struct {
	Type
	// Observed is what kinds, null shares and lengths are of.
	Observed Observed `json:"observed"`
	Fields   []Column `json:"fields"` // that have a column
	// Without are fields of Observed that have no column.
	Without []Field       `json:"without"`
	Drift   []drift.Drift `json:"drift"` // the latest first
}

// Observed are the manifests that were loaded last, of whose fields buffer noted
// what they look like.
type Observed struct {
	Manifests int    `json:"manifests"`
	Rows      int64  `json:"rows"`
	FirstPlan uint64 `json:"first_plan"`
	LastPlan  uint64 `json:"last_plan"`
}

// Field is what was observed of a field.
type Field struct {
	Field     string   `json:"field"`
	Kinds     []string `json:"kinds"`      // of its values, as docs/formats.md names them
	MaxBytes  uint32   `json:"max_bytes"`  // of its longest text
	Rows      int64    `json:"rows"`       // that have the field
	NullShare float64  `json:"null_share"` // of Observed.Rows: it is null, or not there
	Why       string   `json:"why,omitempty"`
}

// Column is a field that has a column.
type Column struct {
	Field
	Column  string    `json:"column"`
	Type    string    `json:"type"`
	Width   uint32    `json:"width,omitempty"` // how long a text may be, in bytes; 0: any length
	Since   time.Time `json:"since"`
	Origin  string    `json:"origin"`  // inferred, declared
	Samples []string  `json:"samples"` // different values of some rows
}

// Bounds of what is read for one log type.
const (
	observedManifests = 100
	sampledRows       = 200
	samples           = 3
	maxSample         = 60
	maxWithout        = 200
)

// Show describes a log type. The error wraps ikada.ErrNotFound if it has no table.
func (h *History) Show(ctx context.Context, of ikada.LogType) (d Detail, err error) {
	t, err := h.Warehouse.Table(ctx, of)
	if err != nil {
		return d, fmt.Errorf("show log type %q: %w", of, err)
	}
	if d, err = h.show(ctx, &t); err != nil {
		return d, fmt.Errorf("show log type %q: %w", of, err)
	}
	return d, nil
}

func (h *History) show(ctx context.Context, t *warehouse.Table) (d Detail, err error) {
	tables := []warehouse.Table{*t}
	if q, err := h.Warehouse.Table(ctx, ikada.Quarantine); err == nil {
		tables = append(tables, q)
	} else if !errors.Is(err, ikada.ErrNotFound) {
		return d, err
	}
	extra, err := h.extras(ctx, t.Type, time.Time{}, tables)
	if err != nil {
		return d, err
	}
	d.Type, d.Drift = extra.of(t), append([]drift.Drift{}, extra.drifts[t.Type]...)
	fields, err := h.observe(ctx, t.Type, &d.Observed)
	if err != nil {
		return d, err
	}
	values, err := h.samples(ctx, t)
	if err != nil {
		return d, err
	}
	d.Fields = []Column{}
	for _, c := range t.Columns {
		f := fields[c.Field]
		f.Name = c.Field
		delete(fields, c.Field)
		d.Fields = append(d.Fields, Column{
			Field: describe(f, d.Observed.Rows), Column: c.Name, Type: c.Type.String(), Width: c.MaxBytes, Since: c.Added,
			Origin: h.origin(t.Type, c), Samples: append([]string{}, values[c.Name]...),
		})
	}
	d.Without = without(fields, t, d.Observed.Rows)
	return d, nil
}

// origin tells a column whose type was declared from one whose was inferred.
func (h *History) origin(of ikada.LogType, c warehouse.Column) string {
	if h.Declared != nil && slices.ContainsFunc(h.Declared(of), func(d warehouse.Column) bool { return d.Field == c.Field && d.Type == c.Type }) {
		return "declared"
	}
	return "inferred"
}

func describe(f ikada.Field, rows int64) Field {
	one := Field{Field: f.Name, MaxBytes: f.MaxBytes, Rows: int64(f.Rows), Kinds: []string{}}
	if f.Kinds != 0 {
		one.Kinds = strings.Split(f.Kinds.String(), "|")
	}
	if rows > 0 {
		one.NullShare = 1 - float64(f.Rows-f.Nulls)/float64(rows)
	}
	return one
}

// without describes the fields that have no column, the most frequent first.
func without(fields map[string]ikada.Field, t *warehouse.Table, rows int64) []Field {
	all := []Field{}
	for _, f := range fields {
		one := describe(f, rows)
		switch {
		case f.Kinds.Within(ikada.KindNull):
			one.Why = "only nulls so far"
		case len(t.Columns) >= warehouse.MaxColumns:
			one.Why = fmt.Sprintf("the table has %d columns, no more are made: its values are in _rest", len(t.Columns))
		default:
			one.Why = "no column can have its name: its values are in _rest"
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Field) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Field, b.Field)) })
	return all[:min(len(all), maxWithout)]
}

// observe reads what the manifests that were loaded last say of their fields.
func (h *History) observe(ctx context.Context, of ikada.LogType, o *Observed) (map[string]ikada.Field, error) {
	fields := map[string]ikada.Field{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for e, err := range h.Warehouse.Ledger(ctx, warehouse.LedgerFilter{Type: of, Limit: observedManifests}) {
		if err != nil {
			_ = g.Wait()
			return nil, err
		}
		o.FirstPlan, o.LastPlan = e.Plan, max(o.LastPlan, e.Plan)
		g.Go(func() error {
			m, err := h.manifest(ctx, e.Manifest)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			o.Manifests++
			o.Rows += m.Ikada.Rows
			for _, f := range m.Ikada.Fields {
				has := fields[f.Name]
				has.Name = f.Name
				has.Merge(f)
				fields[f.Name] = has
			}
			return nil
		})
	}
	return fields, g.Wait()
}

// manifest reads a manifest. One that is gone tells nothing, and is no error:
// the rows are in the table.
func (h *History) manifest(ctx context.Context, key string) (*manifest.Manifest, error) {
	data, err := h.Manifests.Get(ctx, key, 0, -1, nil)
	if errors.Is(err, ikada.ErrNotFound) {
		return &manifest.Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", key, err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", key, err)
	}
	return m, nil
}

// samples returns a few different values of each column, by its name.
func (h *History) samples(ctx context.Context, t *warehouse.Table) (_ map[string][]string, err error) {
	rows, err := h.Warehouse.Query(ctx, `SELECT * FROM "`+t.Name+`"`, sampledRows)
	if err != nil {
		return nil, fmt.Errorf("sample values: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, values := rows.Columns(), map[string][]string{}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, fmt.Errorf("sample values: %w", err)
		}
		for i, v := range row {
			if has := values[names[i]]; v != nil && len(has) < samples {
				if text := sample(v); !slices.Contains(has, text) {
					values[names[i]] = append(has, text)
				}
			}
		}
	}
}

// sample writes a value, cut to a readable length.
func sample(v any) string {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case time.Time:
		text = v.UTC().Format(time.RFC3339Nano)
	default:
		data, err := json.Marshal(v)
		if err != nil {
			data = []byte(fmt.Sprint(v))
		}
		text = string(data)
	}
	if len(text) <= maxSample {
		return text
	}
	end := maxSample
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
