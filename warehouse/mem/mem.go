// Package mem is a warehouse in memory, for tests of what stands before a
// warehouse. It keeps the contract in full, but that Query knows two forms only:
// SELECT * FROM table, and SELECT count(*) FROM table.
package mem

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Warehouse is a warehouse.Warehouse in memory.
type Warehouse struct {
	archive bucket.Bucket
	designs warehouse.Designs

	mu      sync.Mutex // held through a load, so loads never run side by side
	tables  map[ikada.LogType]*table
	ledger  map[string]warehouse.LedgerEntry
	journal map[journalKey]warehouse.JournalEntry
	narrow  map[ikada.LogType]string // columns that hold small numbers only
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

// Narrow makes a table refuse rows that hold text, or more than 32,767, in a
// column, as a table does that somebody has changed.
func (w *Warehouse) Narrow(of ikada.LogType, column string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.narrow == nil {
		w.narrow = map[ikada.LogType]string{}
	}
	w.narrow[of] = column
}

// Close does nothing.
func (w *Warehouse) Close() error { return nil }
