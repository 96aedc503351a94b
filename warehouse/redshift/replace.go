package redshift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// Replace puts rows in place of those of a range, in one transaction:
//
//	LOCK the ledger table of the table's log type, so that nothing is loaded,
//	and the quarantine's table, if it is concerned
//	guards: the ledger and the quarantine are as the job knows them; the range does not shrink
//	DELETE; COPY of the files as they are; COPY of those written anew
//	UPDATE of the ledger, where rows came from the quarantine or go there
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
	r := &replacing{w: w, job: job, state: s, table: table, archive: w.archive}
	if job.DryRun {
		err := r.count(ctx)
		return warehouse.Replaced{Deleted: r.had}, err
	}
	if job.Into == "" {
		r.settle = rescue.NewSettling(job.Origins)
	} else if r.aside, err = rescue.New(job.Into, errPutBack); err != nil {
		return warehouse.Replaced{}, err
	}
	return r.run(ctx)
}

// run tries until it is through or known to be in vain.
func (r *replacing) run(ctx context.Context) (warehouse.Replaced, error) {
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
			return done, warehouse.ShrinksError(r.had, r.job.Rows())
		case r.direct != nil && !r.direct.refused && r.direct.slower(err):
			attempt = 0
			continue
		case errors.Is(err, errFound): // each time fewer rows are left
			attempt = 0
			continue
		case r.aside == nil && !again(err) && rescue.Refused(err) != nil:
			if err := r.prepareAside(ctx, err); err != nil {
				return done, err
			}
			continue
		case !again(err) || attempt >= r.w.opts.Retries:
			return done, err
		}
		// Whether it was committed or not: twice is once.
		r.w.log.Info("replacing is not done, trying again", "table", r.table.Name, "error", err)
		if err := pause(ctx, r.w.opts.Backoff, attempt); err != nil {
			return done, err
		}
	}
}

const (
	ledgerGuard = "ledger rows"
	shrinkGuard = "rows of the range"
)

// replacing is one Replace under way, or one PutBack, which has no range.
type replacing struct {
	w       *Warehouse
	job     warehouse.ReplaceJob
	state   *state
	table   warehouse.Table
	archive bucket.Bucket
	had     int64            // rows of the range, before the last try
	direct  *loading         // the last COPY of files as they are; nil: there is none
	settle  *rescue.Settling // nil: refused rows are left out
	aside   *rescue.Aside    // nil: no row is refused so far
}

// try plans the transaction and runs it.
func (r *replacing) try(ctx context.Context) (done warehouse.Replaced, err error) {
	if r.ranged() {
		if err := r.count(ctx); err != nil {
			return done, err
		}
		if err := r.hold(ctx); err != nil {
			return done, err
		}
	}
	direct, staged := r.split()
	copies, err := r.copies(ctx, direct, staged)
	if staged.staging != nil {
		defer staged.staging.discard(ctx)
	}
	if err != nil {
		return done, err
	}
	bad := int64(0)
	if staged.staging != nil {
		bad, done.Rest = sum(staged.staging.bad), sum(staged.staging.rest)
	}
	if r.settle.Holds() || r.settle != nil && bad > 0 {
		_, unlock, err := r.w.lock(ctx, ikada.Quarantine) // in this process at least, nobody waits in vain
		if err != nil {
			return done, err
		}
		defer unlock()
	}
	statements, err := r.transaction(ctx, copies, bad)
	if err != nil {
		return done, err
	}
	if err := r.w.db.transact(ctx, r.w.opts.LoadTimeout, statements); err != nil {
		if staged.staging == nil || len(direct.files) > 0 {
			return done, direct.explain(err)
		}
		if err = staged.explain(err); blamesRows(err) {
			err = staged.sieve(ctx, err)
			r.aside = staged.aside
		}
		return done, err
	}
	r.job.Told(r.job.Rows())
	done.Deleted, done.Inserted, done.Refused, done.PutBack = r.had, r.job.Rows()-bad, bad, r.settle.PutBack()
	return done, nil
}

// ranged: rows of a range are replaced.
func (r *replacing) ranged() bool { return r.job.From < r.job.To }

// copies prepares the files for COPY.
func (r *replacing) copies(ctx context.Context, direct, staged *loading) (copies []statement, err error) {
	if len(direct.files) > 0 {
		r.direct = direct
		if err := r.check(ctx, direct.files); err != nil {
			return nil, err
		}
		direct.checked = true
		if copies, err = direct.copyDirect(ctx); err != nil {
			return nil, err
		}
		r.job.Told(direct.expected)
	}
	if len(staged.files) == 0 {
		r.settle.Begin()
		return copies, nil
	}
	more, err := staged.copyStaged(ctx)
	return append(copies, more...), err
}

// split sorts the job's files by the load that they take.
func (r *replacing) split() (direct, staged *loading) {
	load := func(of warehouse.Job) *loading {
		of.Type = r.job.Table()
		return &loading{
			w: r.w, archive: r.archive, table: r.table, job: of, state: r.state, started: time.Now(), fine: r.state.fine,
			leaveOut: r.settle == nil, settle: r.settle, aside: r.aside,
		}
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

func (r *replacing) transaction(ctx context.Context, copies []statement, bad int64) ([]statement, error) {
	of := r.job.Table()
	statements := []statement{plain("LOCK " + r.w.names.ledger(of))}
	if r.settle.Holds() || r.settle != nil && bad > 0 {
		statements = append(statements, plain("LOCK "+r.w.names.of(ikada.Quarantine.TableName())))
	}
	if r.ranged() {
		statements = append(statements, r.deletion()...)
	}
	leave, err := r.leave(ctx)
	if err != nil {
		return nil, err
	}
	counted, err := r.counted(ctx)
	if err != nil {
		return nil, err
	}
	statements = slices.Concat(statements, leave, counted, copies, r.correct())
	if r.w.opts.API != nil && len(statements) >= maxBatch {
		return nil, fmt.Errorf("rows of so many files and manifests leave the quarantine that it takes %d statements, and the Data API takes %d at once: "+
			"put them back with `ikada quarantine retry` first", len(statements)+1, maxBatch)
	}
	return statements, nil
}

// maxBatch is how many statements the Data API takes at once; one is its SET.
const maxBatch = 40

// deletion deletes the range.
func (r *replacing) deletion() (statements []statement) {
	of := r.job.Table()
	from := "FROM " + r.w.names.of(r.table.Name) + " WHERE " + r.inRange()
	if r.job.Into == "" {
		g := guard{name: ledgerGuard, expr: `COALESCE(sum("row_count"), 0)`, want: r.job.LedgerRows,
			from: "FROM " + r.w.names.ledger(of) + ` WHERE "log_type" = ` + literal(string(of))}
		statements = append(statements, g.statement())
	}
	if !r.job.Shrink {
		g := guard{name: shrinkGuard, expr: "CASE WHEN count(*) <= " + integer(r.job.Rows()) + " THEN 1 ELSE 0 END", from: from, want: 1}
		statements = append(statements, g.statement())
	}
	return append(statements, plain("DELETE "+from))
}

// count counts the rows of the range, for the report.
func (r *replacing) count(ctx context.Context) error {
	rows, err := r.w.db.read(ctx, "SELECT count(*) FROM "+r.w.names.of(r.table.Name)+" WHERE "+r.inRange())
	if err != nil || len(rows) != 1 {
		return fmt.Errorf("count the rows of the range: %w", err)
	}
	r.had, err = strconv.ParseInt(rows[0].text(0), 10, 64)
	return err
}

// inRange holds for the rows that are replaced. Of the quarantine's they are
// those that its own archive files have, and not those that loads put there.
func (r *replacing) inRange() string {
	terms := withinHours(r.job.From, r.job.To)
	if file := byField(r.table)["file"]; r.table.Type == ikada.Quarantine && file != "" {
		terms += " AND " + file + " IS NULL"
	}
	return terms
}

// withinHours holds for rows of the archive hours: a row's is in _hour, or that
// of its _time.
func withinHours(from, to ikada.Hour) string {
	return fmt.Sprintf(`COALESCE("_hour", "_time") >= %s AND COALESCE("_hour", "_time") < %s`, timestamp(from.Time()), timestamp(to.Time()))
}
