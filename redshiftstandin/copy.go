package redshiftstandin

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// loading is a COPY at work.
type loading struct {
	*copyStatement
	session *session
	table   tableName
	columns []columnInfo // that are loaded, in order
	find    finder
	start   time.Time
	query   int64
	rows    int64
	errors  int
	to      *duckdb.Appender // nil with NOLOAD
	waiting int              // bytes in the appender
}

// copy is COPY. Its errors of data are in the error tables whatever becomes of
// the transaction.
func (s *session) copy(ctx context.Context, c *cursor, out sink) error {
	statement, err := parseCopy(c.tokens, c.fold)
	if err != nil {
		return err // pg_last_copy_count stays as it was
	}
	l := &loading{copyStatement: statement, session: s, table: statement.table, start: time.Now(), query: s.queryID()}
	s.lastCopyID, s.lastCopyRows = l.query, 0
	if err := s.lock(ctx, s.key(l.table), writing); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if err := l.load(ctx); err != nil {
		return err
	}
	if l.errors > 0 {
		out.notice(fmt.Sprintf("Load into table '%s' completed, %d record(s) could not be loaded.  Check 'sys_load_error_detail' system table for details.",
			l.table.name, l.errors))
	}
	s.tx.written[s.key(l.table)] = true
	if !l.noload {
		s.lastCopyRows = l.rows
	}
	out.notice(fmt.Sprintf("Load into table '%s' completed, %d record(s) loaded successfully.", l.table.name, l.rows))
	out.done("COPY")
	return nil
}

// prepare finds the columns and how they are found in an object.
func (l *loading) prepare(ctx context.Context) error {
	all, err := l.session.describe(ctx, l.table)
	if err != nil {
		return err
	}
	if l.copyStatement.columns == nil {
		l.columns = all
	}
	for _, name := range l.copyStatement.columns {
		i := slices.IndexFunc(all, func(c columnInfo) bool { return c.Column == name })
		if i < 0 {
			return errorf(codeNoColumn, "column %q of relation %q does not exist", name, l.table.name)
		}
		l.columns = append(l.columns, all[i])
	}
	for _, c := range all {
		named := slices.ContainsFunc(l.columns, func(n columnInfo) bool { return n.Column == c.Column })
		if !named && c.NotNull && c.Default == "" {
			return errorf(codeNotNull, "Cannot insert a NULL value into column %s: COPY does not name it and it has no default", c.Column)
		}
	}
	l.find, err = l.finder(ctx)
	return err
}

// load reads the files into the table.
func (l *loading) load(ctx context.Context) error {
	files, err := l.files(ctx)
	if err != nil {
		return err
	}
	if l.noload {
		for _, f := range files {
			if err := l.file(ctx, f); err != nil {
				return err
			}
		}
		return nil
	}
	return l.session.db.Raw(func(raw any) error {
		conn, ok := raw.(driver.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T, not DuckDB's", raw)
		}
		if l.to, err = l.appender(conn); err != nil {
			return translate(err)
		}
		for _, f := range files {
			if err := l.file(ctx, f); err != nil {
				return errors.Join(err, l.to.Clear(), l.to.Close())
			}
		}
		return translate(l.to.CloseWithCancel(ctx))
	})
}

// appender takes rows as texts, which have been checked, and casts them.
func (l *loading) appender(conn driver.Conn) (*duckdb.Appender, error) {
	names, casts := make([]string, len(l.columns)), make([]string, len(l.columns))
	types := make([]duckdb.TypeInfo, len(l.columns))
	inputs := make([]string, len(l.columns))
	for i, c := range l.columns {
		names[i], inputs[i] = identifier(c.Column), fmt.Sprintf("c%d", i)
		casts[i] = inputs[i] + "::" + c.Type.duck()
		info, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
		if err != nil {
			return nil, err
		}
		types[i] = info
	}
	query := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM rs_rows", l.session.duck(l.table), strings.Join(names, ", "), strings.Join(casts, ", "))
	return duckdb.NewQueryAppender(conn, query, "rs_rows", types, inputs)
}

// file loads one file.
func (l *loading) file(ctx context.Context, f dataFile) error {
	r := newObjects(f.data)
	for n := 0; ; n++ {
		if n%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		object, err := r.next()
		if object == nil && err == nil {
			return nil
		}
		var bad *fieldError
		if err == nil {
			err = l.row(ctx, object)
		}
		switch {
		case err == nil:
			l.rows++
		case errors.As(err, &bad):
			if err := l.reject(f.url, r.line, object, bad); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// row converts an object's fields and appends them.
func (l *loading) row(ctx context.Context, object []byte) error {
	fields, err := l.find(object)
	if err != nil {
		return err
	}
	values := make([]driver.Value, len(l.columns))
	for i, c := range l.columns {
		v, err := l.value(c, fields[i])
		if err != nil {
			err.column, err.raw = &l.columns[i], string(fields[i])
			return err
		}
		if v != nil {
			values[i] = *v
		}
	}
	if l.to == nil {
		return nil
	}
	if err := l.to.AppendRow(values...); err != nil {
		return translate(err)
	}
	if l.waiting += len(object); l.waiting < flushBytes {
		return nil
	}
	l.waiting = 0
	return translate(l.to.FlushWithCancel(ctx))
}

// flushBytes bounds the rows that wait in the appender.
const flushBytes = 16 << 20

// reject notes a row that can't be loaded, and fails the load when there are
// MAXERROR of them.
func (l *loading) reject(file string, line int64, object []byte, bad *fieldError) error {
	e := loadError{
		file: file, line: line, code: bad.code, message: bad.message, rawLine: string(object), rawField: bad.raw, position: bad.position,
		query: l.query, transaction: l.session.tx.id, session: int64(l.session.id), start: l.start, table: l.tableID(),
	}
	if bad.column != nil {
		e.column, e.typ = bad.column.Column, shortTypes[bad.column.Type.Name]
		if n := bad.column.Type.Length; n > 0 {
			e.length = itoa(n)
		}
	}
	l.session.server.mu.Lock()
	l.session.server.loads = append(l.session.server.loads, e)
	l.session.server.mu.Unlock()
	if l.errors++; l.errors < l.maxError {
		return nil
	}
	return errorf(codeInternal, "Load into table '%s' failed.  Check 'sys_load_error_detail' system table for details.", l.table.name)
}

// shortTypes are how the error tables spell types.
var shortTypes = map[string]string{
	"smallint": "int2", "integer": "int4", "bigint": "int8", "real": "float4", "double precision": "float8", "boolean": "bool",
	"character varying": "varchar", "character": "char", "timestamp without time zone": "timestamp",
	"timestamp with time zone": "timestamptz", "date": "date", "numeric": "numeric", "super": "super",
}

// tableID is a number for the table, the same as in SVV_TABLE_INFO where that
// can be had without disturbing the load.
func (l *loading) tableID() int64 {
	var id int64
	_ = l.session.server.db.QueryRow("SELECT table_oid FROM duckdb_tables() WHERE " + l.session.where(l.table)).Scan(&id)
	return id
}
