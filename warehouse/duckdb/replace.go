package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
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
	r := &replacing{w: w, table: t, job: job, archive: w.archive, steps: steps(job.Files, canDirect(t.info.Columns) && !w.rules)}
	if job.Into == "" {
		r.settle = rescue.NewSettling(job.Origins)
		defer r.release()
		if err := r.hold(ctx); err != nil {
			return warehouse.Replaced{}, err
		}
	}
	err := r.attempt(ctx)
	return r.done, err
}

func (w *Warehouse) countRange(ctx context.Context, t *table, job warehouse.ReplaceJob) (done warehouse.Replaced, err error) {
	query := "SELECT count(*) FROM main." + identifier(t.info.Name) + " WHERE " + inRange(t.info, job)
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
	sieved bool // which of its rows DuckDB refuses is known
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

// replacing is one Replace under way, or one PutBack, which has no range.
type replacing struct {
	w       *Warehouse
	table   *table
	job     warehouse.ReplaceJob
	archive bucket.Bucket
	steps   []step
	tried   *step // the last one
	refused *step // by a direct load
	done    warehouse.Replaced

	settle     *rescue.Settling // nil: refused rows are left out
	aside      *rescue.Aside    // nil: no row is refused so far
	quarantine *table           // which this job has for itself, if it changes it
	moved      int64            // rows more by the ledger
}

// attempt runs the transaction, in ways that take ever more, until one is
// through. An error ends DuckDB's transaction, so all begins anew.
func (r *replacing) attempt(ctx context.Context) error {
	for refusals := 0; ; {
		err := r.w.transaction(ctx, func(conn *sql.Conn) error { return r.run(ctx, conn) })
		switch {
		case err == nil:
			r.w.mu.Lock()
			r.table.info.Rows += r.moved
			r.w.mu.Unlock()
			return nil
		case ctx.Err() != nil:
			return err
		case r.refused != nil:
			r.w.log.Warn("direct load refused, loading value by value", "table", r.table.info.Name, "error", err)
			r.refused.direct = false
			for i := range r.steps {
				r.steps[i].direct = r.steps[i].direct && refusals < 3
			}
			refusals++
			r.refused = nil
		case r.aside == nil && rescue.Refused(err) != nil:
			if err := r.prepareAside(ctx, err); err != nil {
				return err
			}
		case r.tried != nil && !r.tried.sieved && errors.As(err, new(*appendError)):
			r.tried.sieved = true
			if err := r.sieve(ctx, r.tried, err); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (r *replacing) run(ctx context.Context, conn *sql.Conn) error {
	r.done, r.moved, r.tried = warehouse.Replaced{}, 0, nil
	r.settle.Begin()
	if r.job.From < r.job.To {
		if err := r.deleteRange(ctx, conn); err != nil {
			return err
		}
	}
	if err := r.empty(ctx, conn); err != nil {
		return err
	}
	for i := range r.steps {
		if err := r.insert(ctx, conn, &r.steps[i]); err != nil {
			return err
		}
		r.job.Told(r.done.Inserted)
	}
	return r.correct(ctx, conn)
}

func (r *replacing) deleteRange(ctx context.Context, conn *sql.Conn) error {
	result, err := conn.ExecContext(ctx, "DELETE FROM main."+identifier(r.table.info.Name)+" WHERE "+inRange(r.table.info, r.job))
	if err != nil {
		return fmt.Errorf("delete the range: %w", err)
	}
	if r.done.Deleted, err = result.RowsAffected(); err != nil {
		return err
	}
	if rows := r.job.Rows(); r.done.Deleted > rows && !r.job.Shrink {
		return warehouse.ShrinksError(r.done.Deleted, rows)
	}
	return nil
}

// loading makes a load of a step's files.
func (r *replacing) loading(s *step) *loading {
	members := []warehouse.Manifest{{Key: "of the range", Rows: s.rows, Files: s.files}}
	return &loading{
		w: r.w, table: r.table, job: warehouse.Job{Type: r.job.Table()}, manifests: members, started: time.Now(), direct: s.direct,
		restOf: map[string]int64{}, badOf: map[string]int64{}, leaveOut: r.settle == nil, settle: r.settle, aside: r.aside, quarantine: r.quarantine,
	}
}

// insert loads the files of a step as a load does.
func (r *replacing) insert(ctx context.Context, conn *sql.Conn, s *step) (err error) {
	r.tried = s
	l := r.loading(s)
	if l.files, err = r.w.localize(ctx, r.archive, l.manifests); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.files.release()) }()
	if s.direct {
		if err := l.insertDirect(ctx, conn); err != nil {
			r.refused = s
			return err
		}
	} else if err := l.insertCareful(ctx, conn); err != nil {
		return err
	}
	refused := int64(0)
	for _, n := range l.badOf {
		refused += n
	}
	if l.rows+refused != s.rows {
		return fmt.Errorf("%d rows were inserted, the files should have %d: %w", l.rows, s.rows, ikada.ErrCorrupt)
	}
	r.done.Inserted += l.rows
	r.done.Refused += refused
	for _, n := range l.restOf {
		r.done.Rest += n
	}
	return nil
}

// inRange holds for the rows that a job replaces. Of the quarantine's they are
// those that its own archive files have, and not those that loads put there.
func inRange(t warehouse.Table, job warehouse.ReplaceJob) string {
	terms := withinHours(job.From, job.To)
	if file := byField(t)["file"]; t.Type == ikada.Quarantine && file != "" {
		terms += " AND " + file + " IS NULL"
	}
	return terms
}

// withinHours holds for rows of the archive hours: a row's is in _hour, or that
// of its _time.
func withinHours(from, to ikada.Hour) string {
	const form = "TIMESTAMPTZ '2006-01-02 15:04:05+00'"
	a, b := from.Time().Format(form), to.Time().Format(form)
	return warehouse.ArchiveTime + " >= " + a + " AND " + warehouse.ArchiveTime + " < " + b
}
