package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ikada-io/ikada/warehouse"
)

// foundTypes are DuckDB's own names of the types that columns are made with.
var foundTypes = map[warehouse.Type]string{
	warehouse.Bool: "BOOLEAN", warehouse.BigInt: "BIGINT", warehouse.Double: "DOUBLE",
	warehouse.Text: "VARCHAR", warehouse.Timestamp: "TIMESTAMP WITH TIME ZONE", warehouse.JSON: "JSON",
}

// changed is a column that is not as Ikada made it.
type changed struct {
	name  string
	bad   string // a condition: DuckDB refuses the row
	words string // why
}

// findChanged compares a table with the catalog. So nearly all that DuckDB
// refuses can be asked for at once: row by row it would take long where all are bad.
func (p *prober) findChanged(ctx context.Context) (all []changed, err error) {
	made := map[string]warehouse.Type{}
	for _, c := range warehouse.SystemColumns {
		made[c.Name] = c.Type
	}
	for _, c := range p.table.Columns {
		made[c.Name] = c.Type
	}
	found, err := p.conn.QueryContext(ctx, `SELECT column_name, data_type, is_nullable FROM duckdb_columns()
		WHERE database_name = current_database() AND schema_name = 'main' AND table_name = ?`, p.table.Name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var name, is string
		var nullable bool
		if err := found.Scan(&name, &is, &nullable); err != nil {
			return nil, err
		}
		of, known := made[name]
		if !known {
			continue
		}
		if is != foundTypes[of] {
			all = append(all, changed{name,
				fmt.Sprintf("%s IS NOT NULL AND TRY_CAST(%s AS %s) IS NULL", identifier(name), identifier(name), is), "a value does not fit the column, which is " + is + " now"})
		}
		if !nullable {
			all = append(all, changed{name, identifier(name) + " IS NULL", "NOT NULL constraint failed: " + p.table.Name + "." + name})
		}
	}
	return all, found.Err()
}

// told takes from the temporary table the rows that are refused for a column
// that was changed, and returns why.
func (p *prober) told(ctx context.Context) (why map[int]error, err error) {
	if p.changed == nil {
		if p.changed, err = p.findChanged(ctx); err != nil {
			return nil, err
		}
	}
	why = map[int]error{}
	for _, c := range p.changed {
		rows, err := p.conn.QueryContext(ctx, "DELETE FROM temp.main._ikada_sieve WHERE _n >= 0 AND "+c.bad+
			" RETURNING _n, left(coalesce("+identifier(c.name)+"::VARCHAR, 'NULL'), 100)")
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var n int
			var value string
			if err := rows.Scan(&n, &value); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			why[n] = &columnError{c.name, c.words + ": " + value}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return why, nil
}

// columnError is why a row is refused, where that is known without a try.
type columnError struct{ column, words string }

func (e *columnError) Error() string { return strings.ToValidUTF8(e.words, "\uFFFD") }
