package redshift

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ikada-io/ikada/warehouse"
)

// cursorRows is how many rows a FETCH asks for; a cluster of one node allows 1,000.
const cursorRows = 1000

// stream runs a query in a transaction that is always rolled back. A SELECT
// goes through a cursor, which takes nothing else, and of which no more rows
// are fetched than are wanted.
func (w *wire) stream(ctx context.Context, query string, limit int64) (warehouse.Rows, error) {
	conn, err := w.users.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	r := &wireRows{ctx: ctx, conn: conn, limit: limit}
	if err := r.start(query); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// wireRows is a query's result: what was fetched of it.
type wireRows struct {
	ctx    context.Context
	conn   *pgxpool.Conn
	limit  int64 // 0: none
	cursor bool
	names  []string
	types  []uint32
	ready  [][][]byte
	given  int64
	ended  bool
}

func (r *wireRows) pg() *pgconn.PgConn { return r.conn.Conn().PgConn() }

func (r *wireRows) start(query string) error {
	if _, err := ask(r.ctx, r.pg(), "BEGIN"); err != nil {
		return err
	}
	r.cursor = !isSmall(query)
	if !r.cursor {
		return r.fetch(query)
	}
	if _, err := ask(r.ctx, r.pg(), "DECLARE ikada_query CURSOR FOR "+query); err != nil {
		return err
	}
	return r.fetchMore()
}

func (r *wireRows) fetchMore() error {
	n := int64(cursorRows)
	if r.limit > 0 {
		n = min(n, r.limit-r.given)
	}
	return r.fetch("FETCH FORWARD " + integer(n) + " FROM ikada_query")
}

func (r *wireRows) fetch(sql string) error {
	results, err := r.pg().Exec(r.ctx, sql).ReadAll()
	if err != nil {
		return classify(err)
	}
	if len(results) != 1 {
		return fmt.Errorf("%d results of one statement", len(results))
	}
	if r.names == nil {
		for _, f := range results[0].FieldDescriptions {
			r.names, r.types = append(r.names, f.Name), append(r.types, f.DataTypeOID)
		}
	}
	r.ready = results[0].Rows
	return nil
}

func (r *wireRows) Columns() []string { return r.names }

// Next returns the next row's values.
func (r *wireRows) Next() ([]any, error) {
	if r.limit > 0 && r.given >= r.limit {
		return nil, io.EOF
	}
	if len(r.ready) == 0 && r.cursor && r.given > 0 && r.given%cursorRows == 0 {
		if err := r.fetchMore(); err != nil {
			return nil, fmt.Errorf("read the query's rows: %w", err)
		}
	}
	if len(r.ready) == 0 {
		return nil, io.EOF
	}
	values := make([]any, len(r.names))
	for i, v := range r.ready[0] {
		if v == nil {
			continue
		}
		var err error
		if values[i], err = value(r.types[i], string(v)); err != nil {
			return nil, fmt.Errorf("read the query's rows, column %q: %w", r.names[i], err)
		}
	}
	r.ready[0] = nil
	r.ready = r.ready[1:]
	r.given++
	return values, nil
}

// Close ends the query.
func (r *wireRows) Close() error {
	if r.ended {
		return nil
	}
	r.ended = true
	defer r.conn.Release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), rollTime)
	defer cancel()
	if r.pg().IsClosed() {
		return nil
	}
	if _, err := ask(ctx, r.pg(), "ROLLBACK"); err != nil {
		return fmt.Errorf("end the query: %w", err)
	}
	return nil
}
