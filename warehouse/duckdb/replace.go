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

// A step of a Replace takes as much as a load does, so that it needs no more
// memory, nor more room for files that it fetched.
const (
	stepBytes = 256 << 20 // raw
	stepFiles = 256
)

// Replace puts rows in place of those of a range, in one transaction.
func (w *Warehouse) Replace(ctx context.Context, job warehouse.ReplaceJob) (warehouse.Replaced, error) {
	t := w.lock(job.Table())
	defer t.busy.Unlock()
	done, err := w.replace(ctx, t, job)
	if err != nil {
		return warehouse.Replaced{}, fmt.Errorf("replace rows of table %s: %w", t.info.Name, err)
	}
	return done, nil
}

func (w *Warehouse) replace(ctx context.Context, t *table, job warehouse.ReplaceJob) (warehouse.Replaced, error) {
	if !t.exists {
		return warehouse.Replaced{}, ikada.ErrNotFound
	}
	if job.Into == "" && t.info.Rows != job.LedgerRows {
		return warehouse.Replaced{}, warehouse.ErrLedgerChanged
	}
	if job.DryRun {
		return w.countRange(ctx, t, job)
	}
	r := &replacing{w: w, table: t, job: job, steps: steps(job.Files, canDirect(t.info.Columns))}
	for refusals := 0; ; refusals++ {
		err := w.transaction(ctx, func(conn *sql.Conn) error { return r.run(ctx, conn) })
		if r.refused == nil || ctx.Err() != nil {
			return r.done, err
		}
		// An error ends DuckDB's transaction, so all begins anew.
		w.log.Warn("direct load refused, loading value by value", "table", t.info.Name, "error", err)
		r.refused.direct = false
		for i := range r.steps {
			r.steps[i].direct = r.steps[i].direct && refusals < 3
		}
		r.refused = nil
	}
}

func (w *Warehouse) countRange(ctx context.Context, t *table, job warehouse.ReplaceJob) (done warehouse.Replaced, err error) {
	query := "SELECT count(*) FROM main." + identifier(t.info.Name) + " WHERE " + withinHours(job.From, job.To)
	if err := w.db.QueryRowContext(ctx, query).Scan(&done.Deleted); err != nil {
		return done, fmt.Errorf("count the rows of the range: %w", err)
	}
	return done, nil
}

// step is some of a job's files, which are loaded at once.
type step struct {
	files  []warehouse.File
	rows   int64
	direct bool
}

// steps cuts a job into pieces.
func steps(groups []warehouse.ReplaceFiles, canDirect bool) (all []step) {
	for _, g := range groups {
		var s step
		raw := int64(0)
		flush := func() {
			if len(s.files) > 0 {
				s.direct = g.Direct && g.Class == ikada.Plain && canDirect
				all = append(all, s)
			}
			s, raw = step{}, 0
		}
		for _, f := range g.Files {
			if raw+f.Raw > stepBytes || len(s.files) == stepFiles {
				flush()
			}
			s.files, s.rows, raw = append(s.files, f), s.rows+f.Rows, raw+f.Raw
		}
		flush()
	}
	return all
}

// replacing is one Replace under way.
type replacing struct {
	w       *Warehouse
	table   *table
	job     warehouse.ReplaceJob
	steps   []step
	refused *step // by a direct load
	done    warehouse.Replaced
}

func (r *replacing) run(ctx context.Context, conn *sql.Conn) error {
	r.done = warehouse.Replaced{}
	result, err := conn.ExecContext(ctx, "DELETE FROM main."+identifier(r.table.info.Name)+" WHERE "+withinHours(r.job.From, r.job.To))
	if err != nil {
		return fmt.Errorf("delete the range: %w", err)
	}
	if r.done.Deleted, err = result.RowsAffected(); err != nil {
		return err
	}
	if rows := r.job.Rows(); r.done.Deleted > rows && !r.job.Shrink {
		return warehouse.ShrinksError(r.done.Deleted, rows)
	}
	for i := range r.steps {
		if err := r.insert(ctx, conn, &r.steps[i]); err != nil {
			return err
		}
		r.job.Told(r.done.Inserted)
	}
	return nil
}

// insert loads the files of a step as a load does.
func (r *replacing) insert(ctx context.Context, conn *sql.Conn, s *step) (err error) {
	members := []warehouse.Manifest{{Key: "of the range", Rows: s.rows, Files: s.files}}
	files, err := r.w.localize(ctx, members)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.remove()) }()
	l := &loading{table: r.table, manifests: members, files: files, started: time.Now(), direct: s.direct, restOf: map[string]int64{}}
	if s.direct {
		if err := l.insertDirect(ctx, conn); err != nil {
			r.refused = s
			return err
		}
	} else if err := l.insertCareful(ctx, conn); err != nil {
		return err
	}
	if l.rows != s.rows {
		return fmt.Errorf("%d rows were inserted, the files should have %d: %w", l.rows, s.rows, ikada.ErrCorrupt)
	}
	r.done.Inserted += l.rows
	for _, n := range l.restOf {
		r.done.Rest += n
	}
	return nil
}

// withinHours holds for rows of the archive hours: a row's is in _hour, or that
// of its _time.
func withinHours(from, to ikada.Hour) string {
	const form = "TIMESTAMPTZ '2006-01-02 15:04:05+00'"
	a, b := from.Time().Format(form), to.Time().Format(form)
	return fmt.Sprintf(`coalesce("_hour", "_time") >= %s AND coalesce("_hour", "_time") < %s`, a, b)
}
