// Package mem is a warehouse in memory, for tests of what stands before a
// warehouse. It keeps the contract in full, but that Query knows two forms only:
// SELECT * FROM table, and SELECT count(*) FROM table.
package mem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// Warehouse is a warehouse.Warehouse in memory.
type Warehouse struct {
	archive bucket.Bucket
	designs warehouse.Designs

	mu      sync.Mutex // held through a load, so loads never run side by side
	tables  map[ikada.LogType]*table
	ledger  map[string]warehouse.LedgerEntry
	journal map[journalKey]warehouse.JournalEntry
}

type table struct {
	info warehouse.Table
	rows []map[string]any // values by column name
}

var _ warehouse.Warehouse = (*Warehouse)(nil)

// New returns an empty warehouse for loads from the archive.
func New(archive bucket.Bucket) *Warehouse {
	return &Warehouse{
		archive: archive, tables: map[ikada.LogType]*table{},
		ledger: map[string]warehouse.LedgerEntry{}, journal: map[journalKey]warehouse.JournalEntry{},
	}
}

// Design tells the names of log types' tables. It is called before anything else.
func (w *Warehouse) Design(d warehouse.Designs) *Warehouse {
	w.designs = d
	return w
}

// Table describes a log type's table.
func (w *Warehouse) Table(_ context.Context, of ikada.LogType) (warehouse.Table, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.tables[of]
	if !ok {
		return warehouse.Table{}, fmt.Errorf("table of log type %q: %w", of, ikada.ErrNotFound)
	}
	return t.describe(), nil
}

// Tables describes all tables.
func (w *Warehouse) Tables(context.Context) ([]warehouse.Table, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []warehouse.Table
	for _, t := range w.tables {
		all = append(all, t.describe())
	}
	slices.SortFunc(all, func(a, b warehouse.Table) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return all, nil
}

func (t *table) describe() warehouse.Table {
	info := t.info
	info.Columns = slices.Clone(info.Columns)
	return info
}

// Extend makes a table or adds columns to it.
func (w *Warehouse) Extend(ctx context.Context, of ikada.LogType, add []warehouse.Column) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("extend the table of %q: %w", of, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	info := warehouse.Table{Type: of, Name: w.designs.Of(of).Table, Created: time.Now().UTC()}
	if t, ok := w.tables[of]; ok {
		info = t.describe()
	}
	for other, t := range w.tables {
		if other != of && t.info.Name == info.Name {
			return fmt.Errorf("extend table %s: it is that of log type %q: declare another name for %q", info.Name, other, of)
		}
	}
	taken := map[string]bool{}
	for _, c := range warehouse.SystemColumns {
		taken[c.Name] = true
	}
	for _, c := range info.Columns {
		taken[c.Name] = true
	}
	for _, c := range add {
		if slices.ContainsFunc(info.Columns, func(has warehouse.Column) bool { return has.Field == c.Field }) {
			continue
		}
		if taken[c.Name] {
			return fmt.Errorf("extend table %s: it has a column %q for another field than %q", info.Name, c.Name, c.Field)
		}
		taken[c.Name] = true
		c.MaxBytes, c.Added = 0, time.Now().UTC() // texts have no limit
		info.Columns = append(info.Columns, c)
	}
	if t, ok := w.tables[of]; ok {
		t.info = info
	} else {
		w.tables[of] = &table{info: info}
	}
	return nil
}

// Loaded returns which of the manifests are in the ledger.
func (w *Warehouse) Loaded(_ context.Context, _ ikada.LogType, manifests []string) (map[string]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	loaded := map[string]bool{}
	for _, key := range manifests {
		if _, ok := w.ledger[key]; ok {
			loaded[key] = true
		}
	}
	return loaded, nil
}

// Load loads a job. It looks at every value, whatever the job says.
func (w *Warehouse) Load(ctx context.Context, job warehouse.Job) (warehouse.Result, error) {
	if err := ctx.Err(); err != nil {
		return warehouse.Result{}, fmt.Errorf("load into the table of %q: %w", job.Type, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.tables[job.Type]
	if !ok {
		return warehouse.Result{}, fmt.Errorf("load into the table of %q: %w", job.Type, ikada.ErrNotFound)
	}
	result, added, done := warehouse.Result{}, []map[string]any(nil), map[string]warehouse.LedgerEntry{}
	size, started := int64(0), time.Now()
	for _, m := range job.Manifests {
		if in(w.ledger, m.Key) || in(done, m.Key) {
			result.Skipped++
			continue
		}
		before := len(added)
		for _, f := range m.Files {
			var err error
			if added, err = w.readFile(ctx, added, f, t.info.Columns); err != nil {
				return warehouse.Result{}, fmt.Errorf("load manifest %s into table %s: %w", m.Key, t.info.Name, err)
			}
		}
		if n := int64(len(added) - before); n != m.Rows {
			return warehouse.Result{}, fmt.Errorf("load manifest %s into table %s: it has %d rows but says %d: %w",
				m.Key, t.info.Name, n, m.Rows, ikada.ErrCorrupt)
		}
		e := entry(job, m)
		for _, row := range added[before:] {
			if row["_rest"] != nil {
				e.Rest++
			}
		}
		done[m.Key] = e
		size += m.Bytes
	}
	for key, e := range done {
		e.Loaded = time.Now().UTC()
		e.Took = e.Loaded.Sub(started)
		w.ledger[key] = e
		result.Rest += e.Rest
	}
	result.Rows = int64(len(added))
	t.rows = append(t.rows, added...)
	if len(done) > 0 {
		t.info.Rows += result.Rows
		t.info.Bytes += size
		t.info.Loaded = time.Now().UTC()
	}
	return result, nil
}

// readFile appends an archive file's rows.
func (w *Warehouse) readFile(ctx context.Context, added []map[string]any, f warehouse.File, columns []warehouse.Column) ([]map[string]any, error) {
	data, err := w.archive.Get(ctx, f.Key, 0, -1, nil)
	if err != nil {
		return nil, fmt.Errorf("archive file %s: %w", f.Key, err)
	}
	if err := rows.Check(bytes.NewReader(data), f); err != nil {
		return nil, err
	}
	r, err := rows.NewReader(f.Key, bytes.NewReader(data), columns)
	if err != nil {
		return nil, err
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		values, err := collect(row, columns)
		if err != nil {
			return nil, fmt.Errorf("archive file %s, line %d: %w: %w", f.Key, r.Lines(), ikada.ErrCorrupt, err)
		}
		added = append(added, values)
	}
	if r.Lines() != f.Rows {
		return nil, fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", f.Key, r.Lines(), f.Rows, ikada.ErrCorrupt)
	}
	return added, nil
}

func collect(row *rows.Row, columns []warehouse.Column) (map[string]any, error) {
	values := make(map[string]any)
	system, err := row.System()
	if err != nil {
		return nil, err
	}
	for i, v := range system {
		if v != nil {
			values[warehouse.SystemColumns[i].Name] = v
		}
	}
	for i, raw := range row.Values {
		if raw == nil {
			continue
		}
		v, err := rows.Value(columns[i].Type, raw)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", columns[i].Field, err)
		}
		values[columns[i].Name] = v
	}
	return values, nil
}

// Close does nothing.
func (w *Warehouse) Close() error { return nil }
