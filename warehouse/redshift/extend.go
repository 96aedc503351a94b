package redshift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// maxAdded bounds the columns that one transaction adds, each by a statement of
// its own: the Data API takes 40 statements.
const maxAdded = 30

// maxInserted bounds the rows of a statement: the Data API takes 100 KB.
const maxInserted = 300

// Extend makes a table, adds columns, and widens text columns.
func (w *Warehouse) Extend(ctx context.Context, of ikada.LogType, add []warehouse.Column) error {
	if err := w.extend(ctx, of, add); err != nil {
		return fmt.Errorf("extend the table of %q by %d columns: %w", of, len(add), err)
	}
	return nil
}

func (w *Warehouse) extend(ctx context.Context, of ikada.LogType, add []warehouse.Column) error {
	if err := storable(string(of)); err != nil {
		return err
	}
	_, unlock, err := w.lock(ctx, of)
	if err != nil {
		return err
	}
	defer unlock()
	// A guard fails where another process was faster: then look again.
	for attempt := 0; ; attempt++ {
		done, err := w.extendOnce(ctx, of, add)
		if done || err != nil && (!again(err) || attempt >= w.opts.Retries+len(add)) {
			return err
		}
		if err != nil {
			w.log.Info("table not extended, trying again", "type", of, "error", err)
			if err := pause(ctx, w.opts.Backoff, attempt); err != nil {
				return err
			}
		}
	}
}

// extendOnce does the next step; it returns true if there was nothing left to do.
func (w *Warehouse) extendOnce(ctx context.Context, of ikada.LogType, add []warehouse.Column) (done bool, err error) {
	t, err := w.describe(ctx, of)
	exists := err == nil
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return false, err
	}
	missing, narrow, err := compare(t, add)
	if err != nil {
		return false, err
	}
	now := time.Now()
	switch {
	case !exists:
		statements, err := w.createTable(of, missing, now)
		if err != nil {
			return false, err
		}
		return false, w.db.transact(ctx, w.opts.LockTimeout, statements)
	case len(missing) > 0:
		statements, err := w.addColumns(t, missing[:min(len(missing), maxAdded)], now)
		if err != nil {
			return false, err
		}
		return false, w.db.transact(ctx, w.opts.LockTimeout, statements)
	}
	return true, w.widen(ctx, t, narrow)
}

// compare returns the columns that a table lacks, and those that are too narrow.
func compare(t warehouse.Table, add []warehouse.Column) (missing, narrow []warehouse.Column, err error) {
	taken := map[string]bool{}
	for _, c := range warehouse.SystemColumns {
		taken[c.Name] = true
	}
	for _, c := range t.Columns {
		taken[c.Name] = true
	}
	for _, c := range add {
		at := slices.IndexFunc(t.Columns, func(has warehouse.Column) bool { return has.Field == c.Field })
		switch {
		case at >= 0:
			if has := t.Columns[at]; has.Type == warehouse.Text && c.Type == warehouse.Text && c.MaxBytes > has.MaxBytes && has.MaxBytes < maxVarchar {
				narrow = append(narrow, warehouse.Column{Field: has.Field, Name: has.Name, Type: has.Type, MaxBytes: c.MaxBytes})
			}
		case slices.ContainsFunc(missing, func(m warehouse.Column) bool { return m.Field == c.Field }):
		case storable(c.Field) != nil: // it stays without a column, in _rest
		case taken[c.Name]:
			return nil, nil, fmt.Errorf("the table has a column %q for another field than %q", c.Name, c.Field)
		default:
			taken[c.Name] = true
			missing = append(missing, c)
		}
	}
	return missing, narrow, nil
}

// createTable is the transaction that makes a table.
func (w *Warehouse) createTable(of ikada.LogType, columns []warehouse.Column, now time.Time) ([]statement, error) {
	var definitions []string
	for _, c := range append(systemColumns(), columns...) {
		d, err := definition(c)
		if err != nil {
			return nil, err
		}
		definitions = append(definitions, d)
	}
	design := w.opts.Designs.Of(of)
	itself := warehouse.Column{Name: design.Table}
	statements := []statement{
		plain("LOCK " + w.names.catalog(of)),
		w.placesGuard(of, 0),
		plain("CREATE TABLE " + w.names.of(design.Table) + " (" + strings.Join(definitions, ", ") + ")" + attributes(design, columns)),
	}
	place := tablePlace
	for some := range slices.Chunk(append([]warehouse.Column{itself}, columns...), maxInserted) {
		statements = append(statements, plain(w.insertCatalog(of, place, some, now)))
		place += len(some)
	}
	return statements, nil
}

// attributes are a new table's distribution and sort keys. A key whose column
// the table is not made with is left out.
func attributes(d warehouse.Design, columns []warehouse.Column) string {
	has := func(name string) bool {
		return slices.ContainsFunc(append(systemColumns(), columns...), func(c warehouse.Column) bool { return c.Name == name && c.Type != warehouse.JSON })
	}
	text := ""
	switch {
	case d.DistKey != "" && has(d.DistKey):
		text = " DISTSTYLE KEY DISTKEY (" + identifier(d.DistKey) + ")"
	case d.DistStyle == "auto", d.DistStyle == "even", d.DistStyle == "all":
		text = " DISTSTYLE " + strings.ToUpper(d.DistStyle)
	}
	var keys []string
	for _, name := range d.SortKeys {
		if has(name) {
			keys = append(keys, identifier(name))
		}
	}
	if len(keys) == 0 {
		return text + ` SORTKEY ("_time")`
	}
	return text + " COMPOUND SORTKEY (" + strings.Join(keys, ", ") + ")"
}

// addColumns is the transaction that adds columns. ADD COLUMN takes one, and
// knows no IF NOT EXISTS.
func (w *Warehouse) addColumns(t warehouse.Table, columns []warehouse.Column, now time.Time) ([]statement, error) {
	statements := []statement{plain("LOCK " + w.names.catalog(t.Type)), w.placesGuard(t.Type, 1+len(t.Columns))}
	for _, c := range columns {
		d, err := definition(c)
		if err != nil {
			return nil, err
		}
		statements = append(statements, plain("ALTER TABLE "+w.names.of(t.Name)+" ADD COLUMN "+d))
	}
	return append(statements, plain(w.insertCatalog(t.Type, len(t.Columns), columns, now))), nil
}

// placesGuard holds that the catalog is as it was read.
func (w *Warehouse) placesGuard(of ikada.LogType, want int) statement {
	g := guard{name: "catalog", expr: "count(*)", from: "FROM " + w.names.catalog(of) + ` WHERE "log_type" = ` + literal(string(of)), want: int64(want)}
	return g.statement()
}

// insertCatalog adds columns to the catalog.
func (w *Warehouse) insertCatalog(of ikada.LogType, place int, columns []warehouse.Column, now time.Time) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		kind := "table"
		if place+i != tablePlace {
			kind = c.Type.String()
		}
		values[i] = fmt.Sprintf("(%s, %d, %s, %s, %s, %s)", literal(string(of)), place+i, literal(c.Field), literal(c.Name), literal(kind), timestamp(now))
	}
	return "INSERT INTO " + w.names.catalog(of) + " VALUES " + strings.Join(values, ", ")
}

// widen widens text columns. Each is a statement of its own, outside of any
// transaction. What could not be widened is no error: values that are too long
// go to _rest.
func (w *Warehouse) widen(ctx context.Context, t warehouse.Table, narrow []warehouse.Column) error {
	if len(narrow) == 0 {
		return nil
	}
	// Another process may have been faster, and a column must never shrink.
	is, err := w.readWidths(ctx, t)
	if err != nil {
		return err
	}
	for _, c := range narrow {
		to := width(c.MaxBytes)
		if is[c.Name] >= to {
			continue
		}
		sql := "ALTER TABLE " + w.names.of(t.Name) + " ALTER COLUMN " + identifier(c.Name) + " TYPE " + varchar(to)
		if err := w.db.alone(ctx, w.opts.LockTimeout, sql); err != nil {
			if ctx.Err() != nil {
				return err
			}
			w.log.Warn("column not widened, long values go to _rest", "table", t.Name, "column", c.Name, "to", to, "error", err)
		}
	}
	_, err = w.readWidths(ctx, t)
	return err
}
