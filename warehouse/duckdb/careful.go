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
	"github.com/ikada-io/ikada/warehouse/rescue"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// flushBytes bounds the raw bytes of the rows that wait in the appender.
const flushBytes = 16 << 20

// carefulLoad gives DuckDB rows value by value, and those that are set aside to
// the quarantine.
type carefulLoad struct {
	*loading
	to, bad *appender // bad is nil until rows may be set aside
	parser  *rows.Reader
}

// insertCareful reads every row and gives its values to DuckDB one by one.
func (l *loading) insertCareful(ctx context.Context, conn *sql.Conn) error {
	parts := make([]part, len(l.files.paths))
	for i, path := range l.files.paths {
		parts[i] = part{path: path, File: l.files.files[i]}
	}
	return l.appendParts(ctx, conn, parts)
}

// appendParts inserts rows one by one.
func (l *loading) appendParts(ctx context.Context, conn *sql.Conn, parts []part) error {
	if len(parts) == 0 {
		return nil
	}
	return withDriver(conn, func(raw driver.Conn) (err error) {
		c := &carefulLoad{loading: l}
		if c.to, err = newAppender(raw, l.table.info); err != nil {
			return err
		}
		c.to.fitter = l.w.newFitter(l.table.info)
		if l.quarantine != nil {
			if c.bad, err = newAppender(raw, l.quarantine.info); err != nil {
				return errors.Join(err, c.to.abandon())
			}
			c.bad.fitter = l.w.newFitter(l.quarantine.info)
			c.parser = rows.NewParser(l.quarantine.info.Columns)
		}
		for _, p := range parts {
			if err := c.appendFile(ctx, p); err != nil {
				return errors.Join(err, c.to.abandon(), c.bad.abandon())
			}
		}
		if err := c.to.close(ctx); err != nil {
			return errors.Join(err, c.bad.abandon())
		}
		if c.bad == nil {
			return nil
		}
		if err := c.bad.close(ctx); err != nil {
			return fmt.Errorf("%w: %w", warehouse.ErrQuarantineRefused, err)
		}
		return nil
	})
}

func withDriver(conn *sql.Conn, do func(driver.Conn) error) error {
	return conn.Raw(func(driverConn any) error {
		raw, ok := driverConn.(driver.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T, not DuckDB's", driverConn)
		}
		return do(raw)
	})
}

func (c *carefulLoad) appendFile(ctx context.Context, f part) error {
	lines, err := readFile(f.path, f.File, c.table.info.Columns, func(reader *rows.Reader, row *rows.Row, err error) error {
		if err == nil {
			err = c.row(ctx, reader, row)
		}
		bad := rescue.Refused(err)
		switch {
		case bad != nil && c.leaveOut:
			c.badOf[f.Key]++
			return nil
		case bad != nil && c.quarantine != nil:
			return c.setAside(ctx, bad, reader.Line())
		}
		return err
	})
	if err != nil {
		return err
	}
	c.rows += lines - c.badOf[f.Key]
	return nil
}

// row appends a row. An error of it alone is a *warehouse.LoadError.
func (c *carefulLoad) row(ctx context.Context, reader *rows.Reader, row *rows.Row) error {
	if known := c.aside.Known(reader.Key(), reader.Lines()); known != nil {
		return known
	}
	if column, err := c.to.set(row); err != nil {
		return reader.Refuse(column, err)
	}
	if row.Rest != nil {
		c.restOf[reader.Key()]++
	}
	return c.to.append(ctx, len(row.Line))
}

// setAside gives a row to the quarantine.
func (c *carefulLoad) setAside(ctx context.Context, bad *warehouse.LoadError, raw []byte) error {
	c.badOf[bad.File]++
	c.quarantined++
	at := c.started
	if c.settle != nil {
		var err error
		if bad, at, err = c.settle.Refuse(bad, raw, at); err != nil {
			return err
		}
	}
	for line := range c.aside.Lines(bad, raw, at) {
		row, err := c.parser.Parse(line)
		if err == nil {
			_, err = c.bad.set(row)
		}
		if err == nil {
			err = c.bad.append(ctx, len(line))
		}
		if err != nil {
			return fmt.Errorf("%w: %w", warehouse.ErrQuarantineRefused, err)
		}
	}
	return nil
}

// readFile reads an archive file row by row. err is of a line that is no row.
func readFile(path string, f warehouse.File, columns []warehouse.Column, each func(r *rows.Reader, row *rows.Row, err error) error) (lines int64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("archive file %s: %w", f.Key, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	reader, err := rows.NewReader(f.Key, in, columns)
	if err != nil {
		return 0, err
	}
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && rescue.Refused(err) == nil {
			return 0, err
		}
		if err := each(reader, row, err); err != nil {
			return 0, err
		}
	}
	if reader.Lines() != f.Rows {
		return 0, fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", f.Key, reader.Lines(), f.Rows, ikada.ErrCorrupt)
	}
	return reader.Lines(), nil
}

// appender collects rows for DuckDB.
type appender struct {
	to      *duckdb.Appender
	columns []warehouse.Column
	fitter  *fitter
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

// set prepares a row. If a value can't be converted it returns its column.
func (a *appender) set(row *rows.Row) (column string, err error) {
	if err := a.fitter.fit(row); err != nil {
		return "", err
	}
	system, err := row.System()
	if err != nil {
		return "", err
	}
	for i, v := range system {
		a.values[i] = v
	}
	for i, value := range row.Values {
		v, err := rows.Value(a.columns[i].Type, value)
		if err != nil {
			return a.columns[i].Name, err
		}
		a.values[len(system)+i] = v
	}
	return "", nil
}

// append appends the row that was prepared, of so many bytes.
func (a *appender) append(ctx context.Context, size int) error {
	if err := a.to.AppendRow(a.values...); err != nil {
		return &appendError{err}
	}
	if a.waiting += size; a.waiting < flushBytes {
		return nil
	}
	a.waiting = 0
	if err := a.to.FlushWithCancel(ctx); err != nil {
		return &appendError{err}
	}
	return nil
}

// close inserts what waits.
func (a *appender) close(ctx context.Context) error {
	if err := a.to.CloseWithCancel(ctx); err != nil {
		return &appendError{err}
	}
	return nil
}

// appendError: DuckDB did not take what was appended. An appender does not tell
// of what kind the error is: the rows may be to blame or not.
type appendError struct{ err error }

func (e *appendError) Error() string { return e.err.Error() }
func (e *appendError) Unwrap() error { return e.err }

// abandon closes the appender without its rows.
func (a *appender) abandon() error {
	if a == nil {
		return nil
	}
	return errors.Join(a.to.Clear(), a.to.Close())
}
