package redshift

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// tablePlace is the place of the catalog row that stands for the table itself;
// columns have places from 0.
const tablePlace = -1

// Table describes a log type's table.
func (w *Warehouse) Table(ctx context.Context, of ikada.LogType) (warehouse.Table, error) {
	t, err := w.describe(ctx, of)
	if err != nil {
		return t, err
	}
	where := " WHERE \"log_type\" = " + literal(string(of))
	err = w.addSums(ctx, w.names.ledger(of)+where, map[ikada.LogType]*warehouse.Table{of: &t})
	return t, err
}

// describe reads the catalog, and how wide the text columns are.
func (w *Warehouse) describe(ctx context.Context, of ikada.LogType) (warehouse.Table, error) {
	found, err := w.readCatalog(ctx, w.names.catalog(of)+" WHERE \"log_type\" = "+literal(string(of)))
	if err != nil {
		return warehouse.Table{}, fmt.Errorf("table of log type %q: %w", of, err)
	}
	t, ok := found[of]
	if !ok {
		return warehouse.Table{}, fmt.Errorf("table of log type %q: %w", of, ikada.ErrNotFound)
	}
	if err := w.addWidths(ctx, t); err != nil {
		return warehouse.Table{}, fmt.Errorf("table of log type %q: %w", of, err)
	}
	return *t, nil
}

// Tables describes all tables. It reads the ledger's tables one after the
// other, so that while it waits for a load of one it does not hold up others.
func (w *Warehouse) Tables(ctx context.Context) ([]warehouse.Table, error) {
	var all []warehouse.Table
	for i := range w.names.k {
		found, err := w.readCatalog(ctx, w.names.catalogAt(i))
		if err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		if len(found) > 0 {
			if err := w.addSums(ctx, w.names.ledgerAt(i), found); err != nil {
				return nil, fmt.Errorf("list tables: %w", err)
			}
		}
		for _, t := range found {
			all = append(all, *t)
		}
	}
	if err := w.addAllWidths(ctx, all); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	slices.SortFunc(all, func(a, b warehouse.Table) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return all, nil
}

// readCatalog reads the tables that a catalog table has.
func (w *Warehouse) readCatalog(ctx context.Context, from string) (map[ikada.LogType]*warehouse.Table, error) {
	rows, err := w.db.read(ctx, `SELECT "log_type", "place", "field", "name", "type", "added" FROM `+from+` ORDER BY "log_type", "place"`)
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	found := map[ikada.LogType]*warehouse.Table{}
	for _, r := range rows {
		of := ikada.LogType(r.text(0))
		if r.text(1) == strconv.Itoa(tablePlace) {
			created, err := parseTime(r.text(5))
			if err != nil {
				return nil, fmt.Errorf("read the catalog, table of %q: %w", of, err)
			}
			found[of] = &warehouse.Table{Type: of, Name: r.text(3), Created: created}
			continue
		}
		t, ok := found[of]
		if !ok {
			return nil, fmt.Errorf("read the catalog: column %q of %q, which has no table: %w", r.text(3), of, ikada.ErrCorrupt)
		}
		kind, err := warehouse.ParseType(r.text(4))
		if err != nil {
			return nil, fmt.Errorf("read the catalog, table of %q, column %q: %w", of, r.text(3), err)
		}
		added, err := parseTime(r.text(5))
		if err != nil {
			return nil, fmt.Errorf("read the catalog, table of %q, column %q: %w", of, r.text(3), err)
		}
		t.Columns = append(t.Columns, warehouse.Column{Field: r.text(2), Name: r.text(3), Type: kind, Added: added})
	}
	return found, nil
}

// addSums adds what the ledger says.
func (w *Warehouse) addSums(ctx context.Context, from string, to map[ikada.LogType]*warehouse.Table) error {
	rows, err := w.db.read(ctx, `SELECT "log_type", sum("row_count"), sum("raw_bytes"), max("loaded") FROM `+from+` GROUP BY "log_type"`)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	for _, r := range rows {
		t, ok := to[ikada.LogType(r.text(0))]
		if !ok {
			continue // made meanwhile
		}
		if t.Rows, err = strconv.ParseInt(r.text(1), 10, 64); err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if t.Bytes, err = strconv.ParseInt(r.text(2), 10, 64); err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if t.Loaded, err = parseTime(r.text(3)); err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse("2006-01-02 15:04:05Z07", text)
	return t.UTC(), err
}

// Loaded returns which of the manifests are in the ledger. It waits for a load
// that is under way, so its answer is what that load will have done.
func (w *Warehouse) Loaded(ctx context.Context, of ikada.LogType, manifests []string) (map[string]bool, error) {
	loaded := map[string]bool{}
	if len(manifests) == 0 {
		return loaded, nil
	}
	rows, err := w.db.read(ctx, `SELECT "manifest" FROM `+w.names.ledger(of)+members(of, manifests))
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	for _, r := range rows {
		loaded[r.text(0)] = true
	}
	return loaded, nil
}

func members(of ikada.LogType, manifests []string) string {
	return ` WHERE "log_type" = ` + literal(string(of)) + ` AND "manifest" IN (` + literals(manifests) + ")"
}

// addWidths tells how wide a table's text columns are. The database's own
// catalog is the truth; it is asked when there is a column that this process
// has not seen, or widened, yet.
func (w *Warehouse) addWidths(ctx context.Context, t *warehouse.Table) error {
	known, all := w.widths(t)
	if !all {
		var err error
		if known, err = w.readWidths(ctx, *t); err != nil {
			return err
		}
	}
	setWidths(t, known)
	return nil
}

func setWidths(t *warehouse.Table, widths map[string]uint32) {
	for i, c := range t.Columns {
		if c.Type == warehouse.Text {
			t.Columns[i].MaxBytes = widths[c.Name]
		}
	}
}

// widths returns what this process knows of a table's text columns, and
// whether it knows all of them.
func (w *Warehouse) widths(t *warehouse.Table) (known map[string]uint32, all bool) {
	s := w.state(t.Type)
	w.mu.Lock()
	defer w.mu.Unlock()
	return s.widths, !slices.ContainsFunc(t.Columns, func(c warehouse.Column) bool { return c.Type == warehouse.Text && s.widths[c.Name] == 0 })
}

// addAllWidths is addWidths of many tables, by one question.
func (w *Warehouse) addAllWidths(ctx context.Context, tables []warehouse.Table) error {
	var read map[string]map[string]uint32
	for i := range tables {
		t := &tables[i]
		known, all := w.widths(t)
		if !all && read == nil {
			var err error
			if read, err = w.queryWidths(ctx, ""); err != nil {
				return err
			}
		}
		if !all {
			known = read[t.Name]
		}
		setWidths(t, known)
	}
	return nil
}

// readWidths reads how wide the text columns of a table are, and remembers it.
func (w *Warehouse) readWidths(ctx context.Context, t warehouse.Table) (map[string]uint32, error) {
	read, err := w.queryWidths(ctx, " AND table_name = "+literal(t.Name))
	if err != nil {
		return nil, err
	}
	widths := read[t.Name]
	s := w.state(t.Type)
	w.mu.Lock()
	s.widths = widths
	w.mu.Unlock()
	return widths, nil
}

// queryWidths reads how wide text columns are, by table and column.
func (w *Warehouse) queryWidths(ctx context.Context, of string) (map[string]map[string]uint32, error) {
	rows, err := w.db.read(ctx, "SELECT table_name, column_name, character_maximum_length FROM svv_columns WHERE table_schema = "+literal(w.names.schema)+
		" AND data_type = 'character varying'"+of)
	if err != nil {
		return nil, fmt.Errorf("read the widths of columns: %w", err)
	}
	widths := map[string]map[string]uint32{}
	for _, r := range rows {
		n, err := strconv.ParseUint(r.text(2), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the width of column %q of table %q: %w", r.text(1), r.text(0), err)
		}
		if widths[r.text(0)] == nil {
			widths[r.text(0)] = map[string]uint32{}
		}
		widths[r.text(0)][r.text(1)] = uint32(n)
	}
	return widths, nil
}
