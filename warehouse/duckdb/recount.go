package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Recount counts the rows of a table, and asks the ledger in the same statement.
func (w *Warehouse) Recount(ctx context.Context, of ikada.LogType) (r warehouse.Recount, err error) {
	info, err := w.Table(ctx, of)
	if err != nil {
		return r, err
	}
	table := "main." + identifier(info.Name)
	err = w.db.QueryRowContext(ctx, `SELECT count(*), count(DISTINCT "_id"),
		(SELECT coalesce(sum("rows"), 0)::BIGINT FROM _ikada.ledger WHERE log_type = ?) FROM `+table, string(of)).Scan(&r.Rows, &r.Distinct, &r.Ledger)
	if err != nil {
		return r, fmt.Errorf("count table %s: %w", info.Name, err)
	}
	if r.Aside, r.LedgerAside, err = w.countAside(ctx, of); err != nil {
		return r, err
	}
	if r.Rows == r.Distinct {
		return r, nil
	}
	ids := list(ctx, w.db, "find doubled rows of table "+info.Name,
		`SELECT "_id" FROM `+table+` GROUP BY 1 HAVING count(*) > 1 ORDER BY 1`+limited(warehouse.MaxDoubled), nil,
		func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) })
	for id, err := range ids {
		if err != nil {
			return r, err
		}
		r.Doubled = append(r.Doubled, id)
	}
	return r, nil
}

// countAside counts what of a log type is in the quarantine, and by the ledger.
func (w *Warehouse) countAside(ctx context.Context, of ikada.LogType) (has, ledger int64, err error) {
	count := "0"
	if q, err := w.Table(ctx, ikada.Quarantine); err == nil && byField(q)["file"] != "" {
		count = "(SELECT count(*)" + byLoad(q, of) + " AND " + byField(q)["part"] + " = 1)"
	}
	err = w.db.QueryRowContext(ctx, "SELECT "+count+", coalesce(sum(quarantined), 0)::BIGINT FROM _ikada.ledger WHERE log_type = ?", string(of)).Scan(&has, &ledger)
	if err != nil {
		return 0, 0, fmt.Errorf("count what of %q is in the quarantine: %w", of, err)
	}
	return has, ledger, nil
}

// Hours counts the rows of a table by archive hour.
func (w *Warehouse) Hours(ctx context.Context, of ikada.LogType) (map[ikada.Hour]int64, error) {
	info, err := w.Table(ctx, of)
	if err != nil {
		return nil, err
	}
	type count struct {
		at time.Time
		n  int64
	}
	hours := map[ikada.Hour]int64{}
	counts := list(ctx, w.db, "count table "+info.Name+" by hour",
		`SELECT date_trunc('hour', `+warehouse.ArchiveTime+`), count(*) FROM main.`+identifier(info.Name)+` GROUP BY 1`, nil,
		func(rows *sql.Rows) (c count, err error) { return c, rows.Scan(&c.at, &c.n) })
	for c, err := range counts {
		if err != nil {
			return nil, err
		}
		hours[ikada.HourOf(c.at)] += c.n
	}
	return hours, nil
}

// Expire deletes the oldest rows.
func (w *Warehouse) Expire(ctx context.Context, of ikada.LogType, before ikada.Hour) (done warehouse.Expired, err error) {
	t := w.lock(of)
	defer t.busy.Unlock()
	if !t.exists {
		return done, fmt.Errorf("expire rows of %q: its table: %w", of, ikada.ErrNotFound)
	}
	err = w.transaction(ctx, func(conn *sql.Conn) error {
		done, err = expire(ctx, conn, t, before)
		return err
	})
	if err != nil {
		return warehouse.Expired{}, fmt.Errorf("expire rows of table %s: %w", t.info.Name, err)
	}
	return done, nil
}

func expire(ctx context.Context, conn *sql.Conn, t *table, before ikada.Hour) (done warehouse.Expired, err error) {
	done = warehouse.Expired{Until: before}
	name := "main." + identifier(t.info.Name)
	var oldest sql.NullTime
	err = conn.QueryRowContext(ctx, `SELECT min(`+warehouse.ArchiveTime+`) FROM `+name+` WHERE `+warehouse.ArchiveTime+` < ?`, before.Time()).Scan(&oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return done, err
	}
	if oldest.Valid {
		done.Until = min(before, ikada.HourOf(oldest.Time)+warehouse.ExpireHours)
	}
	if done.Done = done.Until == before; !oldest.Valid {
		return done, nil
	}
	gone, err := conn.ExecContext(ctx, `DELETE FROM `+name+` WHERE `+warehouse.ArchiveTime+` < ?`, done.Until.Time())
	if err != nil {
		return done, err
	}
	if done.Rows, err = gone.RowsAffected(); err != nil {
		return done, err
	}
	return done, record(ctx, conn, warehouse.ExpiredEntry(t.info.Type, done, time.Now()))
}
