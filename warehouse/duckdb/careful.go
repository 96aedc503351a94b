package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// flushBytes bounds the raw bytes of the rows that wait in the appender.
const flushBytes = 16 << 20

// insertCareful reads every row and gives its values to DuckDB one by one.
func (l *loading) insertCareful(ctx context.Context, conn *sql.Conn) error {
	parts := make([]part, len(l.files.paths))
	for i, path := range l.files.paths {
		parts[i] = part{path: path, File: l.files.files[i]}
	}
	return l.appendParts(ctx, conn, parts)
}

func (l *loading) appendFile(ctx context.Context, a *appender, f part) (err error) {
	in, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("archive file %s: %w", f.Key, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	reader, err := rows.NewReader(f.Key, in, l.table.info.Columns)
	if err != nil {
		return err
	}
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := a.add(ctx, row); err != nil {
			return fmt.Errorf("archive file %s, line %d: %w", f.Key, f.number(reader.Lines()), err)
		}
		if row.Rest != nil {
			l.restOf[f.Key]++
		}
	}
	if reader.Lines() != f.Rows {
		return fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", f.Key, reader.Lines(), f.Rows, ikada.ErrCorrupt)
	}
	l.rows += reader.Lines()
	return nil
}

// appender collects rows for DuckDB.
type appender struct {
	to      *duckdb.Appender
	columns []warehouse.Column
	values  []driver.Value
	waiting int
}

// newAppender makes an appender that inserts by a query, since DuckDB's plain
// one would encode the text of a JSON column once more.
func newAppender(conn driver.Conn, t warehouse.Table) (*appender, error) {
	n := len(warehouse.SystemColumns) + len(t.Columns)
	names, types := make([]string, 0, n), make([]duckdb.TypeInfo, 0, n)
	add := func(name string, of warehouse.Type) error {
		info, err := duckdb.NewTypeInfo(appendTypes[of])
		names, types = append(names, identifier(name)), append(types, info)
		return err
	}
	for _, c := range warehouse.SystemColumns {
		if err := add(c.Name, c.Type); err != nil {
			return nil, err
		}
	}
	for _, c := range t.Columns {
		if err := add(c.Name, c.Type); err != nil {
			return nil, err
		}
	}
	query := "INSERT INTO main." + identifier(t.Name) + " (" + strings.Join(names, ", ") + ") SELECT * FROM _rows"
	to, err := duckdb.NewQueryAppender(conn, query, "_rows", types, nil)
	if err != nil {
		return nil, err
	}
	return &appender{to: to, columns: t.Columns, values: make([]driver.Value, n)}, nil
}

var appendTypes = map[warehouse.Type]duckdb.Type{
	warehouse.Bool: duckdb.TYPE_BOOLEAN, warehouse.BigInt: duckdb.TYPE_BIGINT, warehouse.Double: duckdb.TYPE_DOUBLE,
	warehouse.Text: duckdb.TYPE_VARCHAR, warehouse.Timestamp: duckdb.TYPE_TIMESTAMP_TZ, warehouse.JSON: duckdb.TYPE_VARCHAR,
}

// add appends a row.
func (a *appender) add(ctx context.Context, row *rows.Row) error {
	system, err := row.System()
	if err != nil {
		return fmt.Errorf("%w: %w", ikada.ErrCorrupt, err)
	}
	for i, v := range system {
		a.values[i] = v
	}
	for i, value := range row.Values {
		v, err := rows.Value(a.columns[i].Type, value)
		if err != nil {
			return fmt.Errorf("field %q: %w", a.columns[i].Field, err)
		}
		a.values[len(system)+i] = v
	}
	if err := a.to.AppendRow(a.values...); err != nil {
		return err
	}
	if a.waiting += len(row.Line); a.waiting < flushBytes {
		return nil
	}
	a.waiting = 0
	return a.to.FlushWithCancel(ctx)
}

// abandon closes the appender without its rows.
func (a *appender) abandon() error {
	return errors.Join(a.to.Clear(), a.to.Close())
}
