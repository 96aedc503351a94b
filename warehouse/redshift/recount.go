package redshift

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Recount counts the rows of a table, and asks the ledger in the same statement.
func (w *Warehouse) Recount(ctx context.Context, of ikada.LogType) (r warehouse.Recount, err error) {
	described, err := w.describe(ctx, of)
	if err != nil {
		return r, err
	}
	table := w.names.of(described.Name)
	rows, err := w.db.read(ctx, `SELECT count(*), count(DISTINCT "_id"), (SELECT coalesce(sum("row_count"), 0) FROM `+
		w.names.ledger(of)+` WHERE "log_type" = `+literal(string(of))+`) FROM `+table)
	if err != nil {
		return r, fmt.Errorf("count table %s: %w", table, err)
	}
	for i, to := range []*int64{&r.Rows, &r.Distinct, &r.Ledger} {
		if *to, err = strconv.ParseInt(rows[0].text(i), 10, 64); err != nil {
			return r, fmt.Errorf("count table %s: %w", table, err)
		}
	}
	if r.Aside, r.LedgerAside, err = w.countAside(ctx, of); err != nil {
		return r, err
	}
	if r.Rows == r.Distinct {
		return r, nil
	}
	rows, err = w.db.read(ctx, `SELECT "_id" FROM `+table+` GROUP BY "_id" HAVING count(*) > 1 ORDER BY "_id"`+limited(warehouse.MaxDoubled))
	if err != nil {
		return r, fmt.Errorf("find doubled rows of table %s: %w", table, err)
	}
	for _, row := range rows {
		r.Doubled = append(r.Doubled, row.text(0))
	}
	return r, nil
}

// countAside counts what of a log type is in the quarantine, and by the ledger.
func (w *Warehouse) countAside(ctx context.Context, of ikada.LogType) (has, ledger int64, err error) {
	c, err := w.asideColumns(ctx)
	if err != nil {
		return 0, 0, err
	}
	count := "0"
	if c["file"] != "" {
		count = "(SELECT count(*) " + w.byLoad(c, of) + " AND " + c["part"] + " = 1)"
	}
	rows, err := w.db.read(ctx, "SELECT "+count+`, coalesce(sum("quarantined"), 0) FROM `+w.names.ledger(of)+` WHERE "log_type" = `+literal(string(of)))
	if err != nil {
		return 0, 0, fmt.Errorf("count what of %q is in the quarantine: %w", of, err)
	}
	for i, to := range []*int64{&has, &ledger} {
		if *to, err = strconv.ParseInt(rows[0].text(i), 10, 64); err != nil {
			return 0, 0, fmt.Errorf("count what of %q is in the quarantine: %w", of, err)
		}
	}
	return has, ledger, nil
}

// Hours counts the rows of a table by archive hour.
func (w *Warehouse) Hours(ctx context.Context, of ikada.LogType) (map[ikada.Hour]int64, error) {
	described, err := w.describe(ctx, of)
	if err != nil {
		return nil, err
	}
	table := w.names.of(described.Name)
	rows, err := w.db.read(ctx, `SELECT date_trunc('hour', `+warehouse.ArchiveTime+`), count(*) FROM `+table+` GROUP BY 1`)
	if err != nil {
		return nil, fmt.Errorf("count table %s by hour: %w", table, err)
	}
	hours := make(map[ikada.Hour]int64, len(rows))
	for _, r := range rows {
		at, err := parseTime(r.text(0))
		if err != nil {
			return nil, fmt.Errorf("count table %s by hour: %w", table, err)
		}
		n, err := strconv.ParseInt(r.text(1), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("count table %s by hour: %w", table, err)
		}
		hours[ikada.HourOf(at)] += n
	}
	return hours, nil
}

// Expire deletes the oldest rows.
func (w *Warehouse) Expire(ctx context.Context, of ikada.LogType, before ikada.Hour) (warehouse.Expired, error) {
	done, err := w.expire(ctx, of, before)
	if err != nil {
		return warehouse.Expired{}, fmt.Errorf("expire rows of %q: %w", of, err)
	}
	return done, nil
}

func (w *Warehouse) expire(ctx context.Context, of ikada.LogType, before ikada.Hour) (done warehouse.Expired, err error) {
	_, unlock, err := w.lock(ctx, of)
	if err != nil {
		return done, err
	}
	defer unlock()
	described, err := w.describe(ctx, of)
	if err != nil {
		return done, err
	}
	table := w.names.of(described.Name)
	done.Until = before
	rows, err := w.db.read(ctx, `SELECT min(`+warehouse.ArchiveTime+`) FROM `+table+` WHERE `+warehouse.ArchiveTime+` < `+timestamp(before.Time()))
	if err != nil {
		return done, err
	}
	if len(rows) == 0 || rows[0][0] == nil {
		done.Done = true
		return done, nil
	}
	oldest, err := parseTime(rows[0].text(0))
	if err != nil {
		return done, err
	}
	done.Until = min(before, ikada.HourOf(oldest)+warehouse.ExpireHours)
	done.Done = done.Until == before
	key := warehouse.ExpiredKey(done.Until, time.Now())
	if err := w.delete(ctx, of, table, done.Until, key); err != nil {
		return done, err
	}
	// How many only the transaction knew, and its entry tells.
	rows, err = w.db.read(ctx, `SELECT "detail" FROM `+w.names.journal()+` WHERE "log_type" = `+literal(string(of))+
		` AND "kind" = `+literal(warehouse.JournalExpired)+` AND "key" = `+literal(key))
	if err != nil || len(rows) == 0 {
		return done, err
	}
	if _, err := fmt.Sscanf(rows[0].text(0), expiredDetail(done.Until)+"%d}", &done.Rows); err != nil {
		return done, fmt.Errorf("read journal entry %s: %w", key, err)
	}
	return done, nil
}

// expiredDetail begins the detail of an entry; the number of rows ends it.
func expiredDetail(until ikada.Hour) string {
	return fmt.Sprintf(`{"until":"%s","rows":`, until.Time().Format(time.RFC3339))
}

// delete deletes rows and makes the journal's entry, in one transaction, which
// a load of the table waits for.
func (w *Warehouse) delete(ctx context.Context, of ikada.LogType, table string, until ikada.Hour, key string) error {
	old := ` FROM ` + table + ` WHERE ` + warehouse.ArchiveTime + ` < ` + timestamp(until.Time())
	statements := []statement{
		plain("LOCK " + w.names.ledger(of)), plain("LOCK " + w.names.journal()),
		plain(fmt.Sprintf(`INSERT INTO %s SELECT %s, %s, %s, %s, %s || CAST(count(*) AS VARCHAR) || '}'%s HAVING count(*) > 0`, w.names.journal(),
			literal(string(of)), literal(warehouse.JournalExpired), literal(key), "CAST("+timestamp(time.Now())+" AS TIMESTAMPTZ)", literal(expiredDetail(until)), old)),
		plain("DELETE" + old),
	}
	return w.insist(ctx, w.opts.LoadTimeout, statements)
}
