package redshift

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Replace puts rows in place of those of a range, in one transaction:
//
//	LOCK the ledger table of the table's log type, so that nothing is loaded
//	guards: the ledger is as the job knows it; the range does not shrink
//	DELETE; COPY of the files as they are; COPY of those written anew
//	COMMIT
func (w *Warehouse) Replace(ctx context.Context, job warehouse.ReplaceJob) (warehouse.Replaced, error) {
	done, err := w.replace(ctx, job)
	if err != nil {
		return warehouse.Replaced{}, fmt.Errorf("replace rows of table %s: %w", job.Table().TableName(), err)
	}
	return done, nil
}

func (w *Warehouse) replace(ctx context.Context, job warehouse.ReplaceJob) (warehouse.Replaced, error) {
	s, unlock, err := w.lock(ctx, job.Table())
	if err != nil {
		return warehouse.Replaced{}, err
	}
	defer unlock()
	table, err := w.describe(ctx, job.Table())
	if err != nil {
		return warehouse.Replaced{}, err
	}
	r := &replacing{w: w, job: job, state: s, table: table}
	if job.DryRun {
		err := r.count(ctx)
		return warehouse.Replaced{Deleted: r.had}, err
	}
	for attempt := 0; ; attempt++ {
		done, err := r.try(ctx)
		if err == nil || ctx.Err() != nil {
			return done, err
		}
		var wrong *guardError
		switch {
		case errors.As(err, &wrong) && wrong.name == ledgerGuard:
			return done, warehouse.ErrLedgerChanged
		case errors.As(err, &wrong) && wrong.name == shrinkGuard:
			return done, warehouse.ShrinksError(r.had, job.Rows())
		case r.direct != nil && r.direct.slower(err):
			attempt = 0
			continue
		case !again(err) || attempt >= w.opts.Retries:
			return done, err
		}
		// Whether it was committed or not: twice is once.
		w.log.Info("replacing is not done, trying again", "table", table.Name, "error", err)
		if err := pause(ctx, w.opts.Backoff, attempt); err != nil {
			return done, err
		}
	}
}

const (
	ledgerGuard = "ledger rows"
	shrinkGuard = "rows of the range"
)

// replacing is one Replace under way.
type replacing struct {
	w      *Warehouse
	job    warehouse.ReplaceJob
	state  *state
	table  warehouse.Table
	had    int64    // rows of the range, before the last try
	direct *loading // the last COPY of files as they are; nil: there is none
}

// try plans the transaction and runs it.
func (r *replacing) try(ctx context.Context) (done warehouse.Replaced, err error) {
	if err := r.count(ctx); err != nil {
		return done, err
	}
	direct, staged := r.split()
	var copies []statement
	if len(direct.files) > 0 {
		r.direct = direct
		if err := r.check(ctx, direct.files); err != nil {
			return done, err
		}
		direct.checked = true
		if copies, err = direct.copyDirect(ctx); err != nil {
			return done, err
		}
		r.job.Told(direct.expected)
	}
	if len(staged.files) > 0 {
		more, err := staged.copyStaged(ctx)
		if staged.staging != nil {
			defer func() {
				if failed := staged.staging.remove(ctx); failed != nil { // a day's rule of the bucket removes them
					r.w.log.Warn("staged files are left", "table", r.table.Name, "error", failed)
				}
			}()
		}
		if err != nil {
			return done, err
		}
		copies = append(copies, more...)
	}
	if err := r.w.db.transact(ctx, r.w.opts.LoadTimeout, r.transaction(copies)); err != nil {
		of := direct
		if staged.staging != nil && len(direct.files) == 0 {
			of = staged
		}
		return done, of.explain(err)
	}
	r.job.Told(r.job.Rows())
	done = warehouse.Replaced{Deleted: r.had, Inserted: r.job.Rows()}
	if staged.staging != nil {
		done.Rest = staged.staging.total()
	}
	return done, nil
}

// split sorts the job's files by the load that they take.
func (r *replacing) split() (direct, staged *loading) {
	load := func(of warehouse.Job) *loading {
		of.Type = r.job.Table()
		return &loading{w: r.w, table: r.table, job: of, state: r.state, started: time.Now(), fine: r.state.fine}
	}
	direct, staged = load(warehouse.Job{Direct: true}), load(warehouse.Job{})
	direct.direct = true
	refused := r.direct != nil && r.direct.refused
	direct.refused = refused
	_, paths := jsonpaths(r.table.Columns)
	for _, g := range r.job.Files {
		for _, f := range g.Files {
			to := staged
			if g.Direct && g.Class == ikada.Plain && paths && !refused && r.w.readable(f) {
				to = direct
			}
			to.files, to.expected = append(to.files, f), to.expected+f.Rows
		}
	}
	return direct, staged
}

// check reads files through, as far as no earlier try has. A load may come
// between the choice of files and the transaction, and then all is tried again.
func (r *replacing) check(ctx context.Context, files []warehouse.File) error {
	for i, f := range files {
		if sum, ok := r.job.Checked[f.Key]; ok && sum == f.CRC32C {
			continue
		}
		if err := r.w.checkFiles(ctx, files[i:i+1]); err != nil {
			return err
		}
		if r.job.Checked != nil {
			r.job.Checked[f.Key] = f.CRC32C
		}
	}
	return nil
}

// readable reports whether COPY can read a file where it is.
func (w *Warehouse) readable(f warehouse.File) bool {
	return strings.HasPrefix(w.archive.URL(f.Key), "s3://")
}

func (r *replacing) transaction(copies []statement) []statement {
	of := r.job.Table()
	from := "FROM " + r.w.names.of(r.table.Name) + " WHERE " + withinHours(r.job.From, r.job.To)
	statements := []statement{plain("LOCK " + r.w.names.ledger(of))}
	if r.job.Into == "" {
		g := guard{name: ledgerGuard, expr: `COALESCE(sum("row_count"), 0)`, want: r.job.LedgerRows,
			from: "FROM " + r.w.names.ledger(of) + ` WHERE "log_type" = ` + literal(string(of))}
		statements = append(statements, g.statement())
	}
	if !r.job.Shrink {
		g := guard{name: shrinkGuard, expr: "CASE WHEN count(*) <= " + integer(r.job.Rows()) + " THEN 1 ELSE 0 END", from: from, want: 1}
		statements = append(statements, g.statement())
	}
	return append(append(statements, plain("DELETE "+from)), copies...)
}

// count counts the rows of the range, for the report.
func (r *replacing) count(ctx context.Context) error {
	rows, err := r.w.db.read(ctx, "SELECT count(*) FROM "+r.w.names.of(r.table.Name)+" WHERE "+withinHours(r.job.From, r.job.To))
	if err != nil || len(rows) != 1 {
		return fmt.Errorf("count the rows of the range: %w", err)
	}
	r.had, err = strconv.ParseInt(rows[0].text(0), 10, 64)
	return err
}

// withinHours holds for rows of the archive hours: a row's is in _hour, or that
// of its _time.
func withinHours(from, to ikada.Hour) string {
	return fmt.Sprintf(`COALESCE("_hour", "_time") >= %s AND COALESCE("_hour", "_time") < %s`, timestamp(from.Time()), timestamp(to.Time()))
}
