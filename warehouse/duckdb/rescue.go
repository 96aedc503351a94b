package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// What the careful load takes, DuckDB takes too, as long as the table is as the
// catalog says. It is somebody's own change that makes it refuse a row: a
// narrower type, NOT NULL, an index that is unique. DuckDB tells why and mostly
// the column, but not the row.

// prepareAside makes the quarantine's table ready for rows, which this load has
// for itself from now on.
func (l *loading) prepareAside(ctx context.Context, why error) (err error) {
	if l.aside != nil {
		return nil
	}
	if l.aside, err = rescue.New(l.job.Type, why); err != nil {
		return err
	}
	if !errors.Is(why, errPutBack) {
		l.w.log.Warn("rows are refused and go to the quarantine", "table", l.table.info.Name, "error", why)
	}
	l.quarantine = l.w.lock(ikada.Quarantine)
	return l.w.extend(ctx, l.quarantine, rescue.Columns(l.quarantine.info, l.quarantine.exists))
}

// release lets go of the quarantine's table.
func (l *loading) release() {
	if l.quarantine != nil {
		l.quarantine.busy.Unlock()
		l.quarantine = nil
	}
}

// sieve finds the rows that DuckDB refuses, and fails if it refuses none.
func (l *loading) sieve(ctx context.Context, why error) error {
	if err := l.prepareAside(ctx, why); err != nil {
		return err
	}
	conn, err := l.w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	p := &prober{conn: conn, table: l.table.info, fitter: l.w.newFitter(l.table.info)}
	defer p.drop(context.WithoutCancel(ctx))
	s := rescue.Sieve{
		Most: flushBytes,
		Hold: func(some []rescue.Row) (map[int]error, error) {
			if err := p.hold(ctx, some); err != nil {
				return nil, err
			}
			return p.told(ctx)
		},
		Probe: func(some []rescue.Row) (error, error) { return p.probe(ctx, some) },
		Found: func(row rescue.Row, why error) {
			l.aside.Add(&warehouse.LoadError{File: row.File, Line: row.Line, Column: blamedColumn(why), Reason: firstLine(why)})
		},
	}
	for i, path := range l.files.paths {
		_, err := readFile(path, l.files.files[i], l.table.info.Columns, func(r *rows.Reader, row *rows.Row, _ error) error {
			if row == nil { // the careful load finds it by itself
				return nil
			}
			return s.Add(r.Key(), r.Lines(), row.Line)
		})
		if err != nil {
			return err
		}
	}
	if err := s.Finish(); err != nil {
		return err
	}
	if s.Bad() == 0 {
		return why
	}
	return nil
}

// prober tries rows: they are put into a temporary table, which takes them all,
// and from there some are inserted and rolled back. An error ends a
// transaction, so each try has one of its own.
type prober struct {
	conn    *sql.Conn
	table   warehouse.Table
	fitter  *fitter
	changed []changed // columns; nil: not looked yet
	names   string    // of the columns, quoted
}

// rowNumber is the temporary table's column of a row's N, which is no name of a field's column.
const rowNumber = `"#"`

// hold puts rows into the temporary table.
func (p *prober) hold(ctx context.Context, some []rescue.Row) error {
	p.drop(ctx)
	definitions, names := []string{rowNumber + " BIGINT"}, []string(nil)
	add := func(name string, of warehouse.Type) {
		names = append(names, identifier(name))
		definitions = append(definitions, identifier(name)+" "+heldTypes[of])
	}
	for _, c := range warehouse.SystemColumns {
		add(c.Name, c.Type)
	}
	for _, c := range p.table.Columns {
		add(c.Name, c.Type)
	}
	p.names = strings.Join(names, ", ")
	if _, err := p.conn.ExecContext(ctx, "CREATE TEMP TABLE _ikada_sieve ("+strings.Join(definitions, ", ")+")"); err != nil {
		return err
	}
	return withDriver(p.conn, func(raw driver.Conn) error {
		to, err := duckdb.NewAppender(raw, "temp", "main", "_ikada_sieve")
		if err != nil {
			return err
		}
		a := &appender{to: to, columns: p.table.Columns, fitter: p.fitter, values: make([]driver.Value, len(names))}
		parser := rows.NewParser(p.table.Columns)
		for _, r := range some {
			row, err := parser.Parse(r.Raw)
			if err == nil {
				_, err = a.set(row)
			}
			if err != nil {
				continue // the careful load finds it by itself
			}
			if err := a.to.AppendRow(append([]driver.Value{int64(r.N)}, a.values...)...); err != nil {
				return errors.Join(err, a.abandon())
			}
		}
		return a.to.CloseWithCancel(ctx)
	})
}

// heldTypes are those of appended values: JSON is text until it is inserted.
var heldTypes = map[warehouse.Type]string{
	warehouse.Bool: "BOOLEAN", warehouse.BigInt: "BIGINT", warehouse.Double: "DOUBLE",
	warehouse.Text: "VARCHAR", warehouse.Timestamp: "TIMESTAMPTZ", warehouse.JSON: "VARCHAR",
}

func (p *prober) drop(ctx context.Context) {
	_, _ = p.conn.ExecContext(ctx, "DROP TABLE IF EXISTS temp.main._ikada_sieve")
}

// probe tries to insert rows that are held, which follow each other.
func (p *prober) probe(ctx context.Context, some []rescue.Row) (refused, err error) {
	if _, err := p.conn.ExecContext(ctx, "BEGIN TRANSACTION"); err != nil {
		return nil, err
	}
	_, err = p.conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO main.%s (%s) SELECT %s FROM temp.main._ikada_sieve WHERE %s BETWEEN %d AND %d",
		identifier(p.table.Name), p.names, p.names, rowNumber, some[0].N, some[len(some)-1].N))
	if _, failed := p.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); failed != nil {
		return nil, errors.Join(err, failed)
	}
	if blamed(err) {
		return err, nil
	}
	return nil, err
}

// blamed reports whether it is rows that an error blames.
func blamed(err error) bool {
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Type {
	case duckdb.ErrorTypeConversion, duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeConstraint, duckdb.ErrorTypeMismatchType, duckdb.ErrorTypeInvalidInput:
		return true
	}
	return false
}

var columnNamed = regexp.MustCompile(`(?:from source column |NOT NULL constraint failed: [^.]*\.)(\w+)`)

// blamedColumn is the column that an error names, if it names one.
func blamedColumn(err error) string {
	var e *columnError
	if errors.As(err, &e) {
		return e.column
	}
	if m := columnNamed.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return ""
}

func firstLine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}
