package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/ikada-io/ikada/warehouse"
)

// Query runs one statement that only reads, in a read-only transaction on a
// connection of its own. The context cancels it and the reading of its rows. The
// limit is part of the statement, as the driver holds a whole result in memory.
func (w *Warehouse) Query(ctx context.Context, query string, limit int64) (warehouse.Rows, error) {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	r := &result{ctx: ctx, conn: conn, limit: limit}
	if err := r.start(ctx, query); err != nil {
		return nil, fmt.Errorf("query: %w", errors.Join(refusal(err), endQuery(ctx, conn)))
	}
	return r, nil
}

func (r *result) start(ctx context.Context, query string) error {
	if _, err := r.conn.ExecContext(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return err
	}
	if err := onlyReads(r.conn, query); err != nil {
		return err
	}
	query, isJSON, err := shape(ctx, r.conn, query, r.limit)
	if err != nil {
		return err
	}
	if r.rows, err = r.conn.QueryContext(ctx, query); err != nil {
		return err
	}
	if r.names, err = r.rows.Columns(); err != nil {
		return errors.Join(err, r.rows.Close())
	}
	if r.isJSON = isJSON; isJSON == nil {
		r.isJSON = make([]bool, len(r.names))
	}
	return nil
}

// endQuery ends the transaction, whatever became of the context, and gives the
// connection back.
func endQuery(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, conn.Close())
}

// explain is what may stand before the statement to explain.
var explain = regexp.MustCompile(`(?is)^\s*explain(\s+analyze)?(\s*\([a-z_,\s]*\))?\s+`)

// onlyReads refuses all but one statement that reads. DuckDB counts SHOW,
// DESCRIBE, SUMMARIZE, VALUES and FROM as SELECT. EXPLAIN ANALYZE runs what it
// explains, and a COPY TO writes a file in a read-only transaction too, so what
// is explained is looked at in its turn.
func onlyReads(conn *sql.Conn, query string) error {
	kind, err := statementType(conn, query)
	if err != nil {
		return err
	}
	if kind == duckdb.STATEMENT_TYPE_EXPLAIN {
		prefix := explain.FindString(query)
		if prefix == "" {
			return warehouse.ErrNotReadOnly
		}
		if kind, err = statementType(conn, query[len(prefix):]); err != nil {
			return err
		}
	}
	if kind != duckdb.STATEMENT_TYPE_SELECT {
		return warehouse.ErrNotReadOnly
	}
	return nil
}

// statementType prepares a statement, without running anything.
func statementType(conn *sql.Conn, query string) (kind duckdb.StmtType, err error) {
	err = conn.Raw(func(driverConn any) error {
		raw, ok := driverConn.(*duckdb.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T, not DuckDB's", driverConn)
		}
		prepared, err := raw.Prepare(query)
		if err != nil {
			return err
		}
		statement, ok := prepared.(*duckdb.Stmt)
		if !ok {
			return errors.Join(fmt.Errorf("the statement is a %T, not DuckDB's", prepared), prepared.Close())
		}
		kind, err = statement.StatementType()
		return errors.Join(err, statement.Close())
	})
	return kind, err
}

// errOutside: a query would leave the database.
var errOutside = errors.New("a query may read tables, and the files of the archive, but no others of this machine or the network")

// refusal says in Ikada's words what DuckDB refuses for Ikada's settings. What
// reads files may be a SELECT as well as a COPY.
func refusal(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "multi-statement"):
		return warehouse.ErrSeveral // the driver's advice is for programs
	case strings.Contains(text, "disabled by configuration"):
		return fmt.Errorf("%w: %w", errOutside, err)
	case strings.Contains(text, "read-only mode"), strings.Contains(text, "configuration has been locked"), strings.Contains(text, "disabled through configuration"):
		return fmt.Errorf("%w: %w", warehouse.ErrNotReadOnly, err)
	}
	return err
}

// readAsIs are the column types that need no help on their way to Go. Others
// become text, but for nested ones, which become JSON text. Dates and times
// without zone are among the others: in Go they would be instants.
var readAsIs = regexp.MustCompile(`^(BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|VARCHAR|BLOB|TIMESTAMP WITH TIME ZONE|DECIMAL\(\d+,\s*\d+\))$`)

var nested = regexp.MustCompile(`(?s)(\[\d*\]$|^(STRUCT|MAP|UNION)\()`)

// shape wraps a query so that JSON and nested values arrive as JSON text, in
// which numbers keep all their digits, and so that no more rows than the limit
// come; it tells which columns are JSON.
func shape(ctx context.Context, conn *sql.Conn, query string, limit int64) (_ string, isJSON []bool, _ error) {
	query = strings.TrimRight(query, "; \t\r\n")
	columns, err := describe(ctx, conn, query)
	if err != nil || len(columns) == 0 {
		return query, nil, err
	}
	isJSON = make([]bool, len(columns))
	wanted, aliases, items := limit > 0, make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		aliases[i] = fmt.Sprintf("c%d", i)
		value := aliases[i]
		switch {
		case c.kind == "JSON":
			value, isJSON[i], wanted = value+"::VARCHAR", true, true
		case nested.MatchString(c.kind):
			value, isJSON[i], wanted = "to_json("+value+")::VARCHAR", true, true
		case !readAsIs.MatchString(c.kind):
			value, wanted = value+"::VARCHAR", true
		}
		items[i] = value + " AS " + identifier(c.name)
	}
	if !wanted {
		return query, isJSON, nil
	}
	shaped := "SELECT " + strings.Join(items, ", ") + " FROM (" + query + "\n) AS q(" + strings.Join(aliases, ", ") + ")"
	if limit > 0 {
		shaped += fmt.Sprintf(" LIMIT %d", limit)
	}
	return shaped, isJSON, nil
}

type described struct{ name, kind string }

// describe returns a query's columns, or none if it is a statement that DuckDB
// does not describe (SHOW, EXPLAIN and the like), whose columns are simple.
func describe(ctx context.Context, conn *sql.Conn, query string) ([]described, error) {
	if kind, err := statementType(conn, "DESCRIBE "+query); err != nil || kind != duckdb.STATEMENT_TYPE_SELECT {
		return nil, nil
	}
	rows, err := conn.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+"\n)")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var columns []described
	for rows.Next() {
		var c described
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// result is a query's rows.
type result struct {
	ctx    context.Context
	conn   *sql.Conn
	rows   *sql.Rows
	names  []string
	isJSON []bool
	limit  int64 // 0: none
	given  int64
	ended  bool
}

func (r *result) Columns() []string { return r.names }

// Next returns the next row's values.
func (r *result) Next() ([]any, error) {
	// Some statements (SHOW, EXPLAIN) take no LIMIT; their results are small.
	if r.limit > 0 && r.given == r.limit {
		return nil, io.EOF
	}
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return nil, fmt.Errorf("read the query's rows: %w", err)
		}
		return nil, io.EOF
	}
	values, into := make([]any, len(r.names)), make([]any, len(r.names))
	for i := range values {
		into[i] = &values[i]
	}
	if err := r.rows.Scan(into...); err != nil {
		return nil, fmt.Errorf("read the query's rows: %w", err)
	}
	for i, v := range values {
		values[i] = plain(v, r.isJSON[i])
	}
	r.given++
	return values, nil
}

// Close ends the query.
func (r *result) Close() error {
	if r.ended {
		return nil
	}
	r.ended = true
	return errors.Join(r.rows.Close(), endQuery(r.ctx, r.conn))
}
