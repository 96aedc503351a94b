package duckdb

import (
	"context"
	"database/sql"
	"slices"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// DuckDB's own tables have next to no limits. With Redshift's rules the catalog
// says how wide a text column is, and rows are fitted before they are inserted.

// widthOf is how long the values of a column of the catalog may be; 0: no limit.
func (w *Warehouse) widthOf(c warehouse.Column) uint32 {
	switch {
	case !w.rules || c.Type != warehouse.Text:
		return 0
	case c.MaxBytes == 0:
		return rules.MaxVarchar // made when no rules were applied
	}
	return c.MaxBytes
}

// newWidth is how wide a column is made.
func (w *Warehouse) newWidth(c warehouse.Column) uint32 {
	if !w.rules || c.Type != warehouse.Text {
		return 0
	}
	return rules.Width(c.MaxBytes)
}

// widen widens text columns that are too narrow for some of add. It returns
// the columns as they are then, nil if none is wider.
func (w *Warehouse) widen(ctx context.Context, t *table, add []warehouse.Column) ([]warehouse.Column, error) {
	if !w.rules {
		return nil, nil
	}
	if err := rules.Storable(string(t.info.Type)); err != nil {
		return nil, err
	}
	columns, changed := slices.Clone(t.info.Columns), []int(nil)
	for _, c := range add {
		at := slices.IndexFunc(columns, func(has warehouse.Column) bool { return has.Field == c.Field })
		if at < 0 || columns[at].Type != warehouse.Text || c.Type != warehouse.Text || c.MaxBytes <= columns[at].MaxBytes || columns[at].MaxBytes >= rules.MaxVarchar {
			continue
		}
		columns[at].MaxBytes = rules.Width(c.MaxBytes)
		changed = append(changed, at)
	}
	if len(changed) == 0 {
		return nil, nil
	}
	err := w.transaction(ctx, func(conn *sql.Conn) error {
		for _, at := range changed {
			_, err := conn.ExecContext(ctx, `UPDATE _ikada.columns SET width = ? WHERE log_type = ? AND field = ?`,
				int64(columns[at].MaxBytes), string(t.info.Type), columns[at].Field)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return columns, err
}

// fitter applies the rules to rows of a table.
type fitter struct{ *rules.Writer }

// newFitter returns nil if no rules are applied.
func (w *Warehouse) newFitter(t warehouse.Table) *fitter {
	if !w.rules {
		return nil
	}
	return &fitter{rules.NewWriter(t.Columns)}
}

// fit moves to a row's Rest what Redshift has no column for; the error is of a
// row that it would not take.
func (f *fitter) fit(row *rows.Row) error {
	if f == nil {
		return nil
	}
	_, _, err := f.Write(row)
	return err
}
