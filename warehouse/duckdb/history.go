package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Ledger returns entries of the ledger.
func (w *Warehouse) Ledger(ctx context.Context, f warehouse.LedgerFilter) iter.Seq2[warehouse.LedgerEntry, error] {
	var c conditions
	c.equal("log_type", string(f.Type))
	c.within("loaded", f.Since, f.Until)
	if f.FirstPlan > 0 {
		c.add("plan >= ?", int64(f.FirstPlan))
	}
	if f.Newest > 0 {
		c.add("plan <= ?", int64(f.Newest))
	}
	query := `SELECT manifest, log_type, class, plan, "rows", bytes, files, rest, direct, loaded, seconds, quarantined FROM _ikada.ledger` +
		c.where() + ` ORDER BY plan DESC, manifest` + limited(f.Limit)
	return list(ctx, w.db, "read the ledger", query, c.args, func(rows *sql.Rows) (e warehouse.LedgerEntry, err error) {
		var class string
		var seconds float64
		err = rows.Scan(&e.Manifest, &e.Type, &class, &e.Plan, &e.Rows, &e.Bytes, &e.Files, &e.Rest, &e.Direct, &e.Loaded, &seconds, &e.Quarantined)
		if class == ikada.Hard.String() {
			e.Class = ikada.Hard
		}
		e.Loaded, e.Took = e.Loaded.UTC(), time.Duration(seconds*float64(time.Second))
		return e, err
	})
}

// Sums adds up the ledger's entries by log type.
func (w *Warehouse) Sums(ctx context.Context, since time.Time) (map[ikada.LogType]warehouse.Sum, error) {
	var c conditions
	c.within("loaded", since, time.Time{})
	query := `SELECT log_type, count(*), sum("rows")::BIGINT, sum(bytes)::BIGINT, sum(rest)::BIGINT FROM _ikada.ledger` + c.where() + ` GROUP BY log_type`
	sums := map[ikada.LogType]warehouse.Sum{}
	var of ikada.LogType
	for s, err := range list(ctx, w.db, "add up the ledger", query, c.args, func(rows *sql.Rows) (s warehouse.Sum, err error) {
		err = rows.Scan(&of, &s.Manifests, &s.Rows, &s.Bytes, &s.Rest)
		return s, err
	}) {
		if err != nil {
			return nil, err
		}
		sums[of] = s
	}
	return sums, nil
}

// Record adds entries to the journal.
func (w *Warehouse) Record(ctx context.Context, entries ...warehouse.JournalEntry) error {
	err := w.transaction(ctx, func(conn *sql.Conn) error {
		for _, e := range entries {
			if err := record(ctx, conn, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record %d entries in the journal: %w", len(entries), err)
	}
	return nil
}

// record adds an entry to the journal, in the transaction of the connection.
func record(ctx context.Context, conn *sql.Conn, e warehouse.JournalEntry) error {
	_, err := conn.ExecContext(ctx, `INSERT OR REPLACE INTO _ikada.journal VALUES (?, ?, ?, ?, ?)`,
		string(e.Type), e.Kind, e.Key, e.At.UTC(), string(e.Detail))
	return err
}

// Journal returns entries of the journal.
func (w *Warehouse) Journal(ctx context.Context, f warehouse.JournalFilter) iter.Seq2[warehouse.JournalEntry, error] {
	var c conditions
	c.equal("log_type", string(f.Type))
	c.equal("kind", f.Kind)
	c.within(`"at"`, f.Since, f.Until)
	query := `SELECT log_type, kind, "key", "at", detail FROM _ikada.journal` + c.where() + ` ORDER BY "at" DESC, log_type, kind, "key"` + limited(f.Limit)
	return list(ctx, w.db, "read the journal", query, c.args, func(rows *sql.Rows) (e warehouse.JournalEntry, err error) {
		var detail string
		err = rows.Scan(&e.Type, &e.Kind, &e.Key, &e.At, &detail)
		e.At, e.Detail = e.At.UTC(), json.RawMessage(detail)
		return e, err
	})
}

// conditions are what a query asks of its rows.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, arg any) {
	c.terms, c.args = append(c.terms, term), append(c.args, arg)
}

func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

func (c *conditions) within(column string, since, until time.Time) {
	if !since.IsZero() {
		c.add(column+" >= ?", since.UTC())
	}
	if !until.IsZero() {
		c.add(column+" < ?", until.UTC())
	}
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

func limited(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", n)
}

// list runs a query and gives what scan makes of its rows.
func list[T any](ctx context.Context, db querier, doing, query string, args []any, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := each(ctx, db, query, args, scan, yield); err != nil {
			var zero T
			yield(zero, fmt.Errorf("%s: %w", doing, err))
		}
	}
}

// each returns no error of its caller's, and none once the caller wants no more.
func each[T any](ctx context.Context, db querier, query string, args []any, scan func(*sql.Rows) (T, error), yield func(T, error) bool) (err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		entry, err := scan(rows)
		if err != nil {
			return err
		}
		if !yield(entry, nil) {
			return nil
		}
	}
	return rows.Err()
}
