package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// Load loads a job in one transaction. A direct load whose rows Redshift
// refuses is tried again in the careful way, which takes every valid row and
// sets aside those that are none, or that Redshift refuses.
func (w *Warehouse) Load(ctx context.Context, job warehouse.Job) (warehouse.Result, error) {
	result, err := w.load(ctx, job)
	if err != nil {
		return warehouse.Result{}, fmt.Errorf("load into table %s: %w", w.opts.Designs.Of(job.Type).Table, err)
	}
	return result, nil
}

func (w *Warehouse) load(ctx context.Context, job warehouse.Job) (warehouse.Result, error) {
	s, unlock, err := w.lock(ctx, job.Type)
	if err != nil {
		return warehouse.Result{}, err
	}
	defer unlock()
	if err := ctx.Err(); err != nil {
		return warehouse.Result{}, err
	}
	table, err := w.describe(ctx, job.Type)
	if err != nil {
		return warehouse.Result{}, err
	}
	l := &loading{w: w, archive: w.archive, table: table, job: job, state: s, started: time.Now()}
	return l.run(ctx)
}

// loading is one load under way.
type loading struct {
	w       *Warehouse
	table   warehouse.Table
	job     warehouse.Job
	state   *state
	started time.Time
	refused bool // by a direct COPY

	// What the plan at hand is for.
	manifests []warehouse.Manifest // that the ledger does not have
	files     []warehouse.File
	expected  int64
	direct    bool
	fine      bool // cut times on the way
	checked   bool // the files of a direct load are known to be whole
	staging   *staging
	archive   bucket.Bucket
	leaveOut  bool             // refused rows are only counted
	settle    *rescue.Settling // of rows that are loaded once more
	aside     *rescue.Aside    // nil: no row is refused so far
}

// run plans a transaction and tries it, until it is through or it is known to
// be in vain. Each plan begins with the ledger: so what became of a try whose
// outcome is unknown is found out, and who was faster.
func (l *loading) run(ctx context.Context) (warehouse.Result, error) {
	for attempt, unknown := 0, false; ; attempt++ {
		result, err := l.waiting(ctx, unknown)
		if err != nil || len(l.manifests) == 0 {
			return result, err
		}
		done, err := l.try(ctx)
		if err == nil {
			result.Rows, result.Rest, result.Quarantined = done.Rows, done.Rest, done.Quarantined
			return result, nil
		}
		var lost *unknownError
		unknown = unknown || errors.As(err, &lost) // a later guard may have met what it did
		if err := ctx.Err(); err != nil {
			return warehouse.Result{}, err
		}
		switch {
		case l.slower(err):
			attempt = 0
			continue
		case errors.Is(err, errFound): // each time fewer rows are left
			attempt = 0
			continue
		case l.aside == nil && l.staging != nil && !again(err) && rescue.Refused(err) != nil:
			if err := l.prepareAside(ctx, err); err != nil {
				return warehouse.Result{}, err
			}
			continue
		case !again(err) || attempt >= l.w.opts.Retries:
			return warehouse.Result{}, err
		}
		l.w.log.Info("load not done, trying again", "table", l.table.Name, "error", err)
		if err := pause(ctx, l.w.opts.Backoff, attempt); err != nil {
			return warehouse.Result{}, err
		}
	}
}

// waiting finds the job's manifests that the ledger does not have, each once.
// After a lost COMMIT what is found there is what this load has done.
func (l *loading) waiting(ctx context.Context, unknown bool) (warehouse.Result, error) {
	tried := l.manifests
	keys := make([]string, len(l.job.Manifests))
	for i, m := range l.job.Manifests {
		keys[i] = m.Key
	}
	loaded, err := l.w.Loaded(ctx, l.job.Type, keys)
	if err != nil {
		return warehouse.Result{}, err
	}
	var result warehouse.Result
	if unknown && loaded[tried[0].Key] {
		l.w.log.Info("the transaction whose outcome was unknown is committed", "table", l.table.Name)
		done := l.done()
		result.Rows, result.Rest, result.Quarantined = done.Rows, done.Rest, done.Quarantined
		result.Skipped -= len(tried)
	}
	l.manifests, l.files, l.expected = nil, nil, 0
	for _, m := range l.job.Manifests {
		if loaded[m.Key] {
			result.Skipped++
			continue
		}
		loaded[m.Key] = true
		l.manifests = append(l.manifests, m)
		l.files = append(l.files, m.Files...)
		l.expected += m.Rows
	}
	return result, nil
}

// try plans the transaction and runs it.
func (l *loading) try(ctx context.Context) (_ warehouse.Result, err error) {
	l.staging, l.direct, l.fine = nil, !l.refused && l.canDirect(), l.state.fine
	var copies []statement
	if l.direct {
		copies, err = l.copyDirect(ctx)
	} else {
		copies, err = l.copyStaged(ctx)
	}
	if l.staging != nil {
		defer l.staging.discard(ctx)
	}
	if err != nil {
		return warehouse.Result{}, err
	}
	if len(copies) == 0 && l.expected != 0 {
		return warehouse.Result{}, fmt.Errorf("the files have no rows, the manifests say %d: %w", l.expected, ikada.ErrCorrupt)
	}
	if l.done().Quarantined > 0 {
		_, unlock, err := l.w.lock(ctx, ikada.Quarantine) // in this process at least, nobody waits in vain
		if err != nil {
			return warehouse.Result{}, err
		}
		defer unlock()
	}
	err = l.w.db.transact(ctx, l.w.opts.LoadTimeout, l.transaction(copies))
	if err != nil {
		err = l.explain(err)
		if l.staging != nil && blamesRows(err) {
			err = l.sieve(ctx, err)
		}
		return warehouse.Result{}, err
	}
	return l.done(), nil
}

// done is what the transaction at hand does.
func (l *loading) done() warehouse.Result {
	result := warehouse.Result{Rows: l.expected}
	if l.staging != nil {
		result.Rest, result.Quarantined = sum(l.staging.rest), sum(l.staging.bad)
		result.Rows -= result.Quarantined
	}
	return result
}

func sum(counts map[string]int64) (n int64) {
	for _, rows := range counts {
		n += rows
	}
	return n
}

// transaction is the load: lock, guard, copies, ledger.
func (l *loading) transaction(copies []statement) []statement {
	ledger := l.w.names.ledger(l.job.Type)
	keys := make([]string, len(l.manifests))
	for i, m := range l.manifests {
		keys[i] = m.Key
	}
	g := guard{name: "ledger", expr: "count(*)", from: "FROM " + ledger + members(l.job.Type, keys)}
	statements := append([]statement{plain("LOCK " + ledger), g.statement()}, copies...)
	return append(statements, plain(l.insertLedger(ledger, time.Now())))
}

func (l *loading) insertLedger(ledger string, now time.Time) string {
	values := make([]string, len(l.manifests))
	for i, m := range l.manifests {
		rest, bad := int64(0), int64(0)
		for _, f := range m.Files {
			if l.staging != nil {
				rest += l.staging.rest[f.Key]
				bad += l.staging.bad[f.Key]
			}
		}
		values[i] = fmt.Sprintf("(%s, %s, '%s', %d, %d, %d, %d, %d, %t, %s, %.3f, %d)", literal(m.Key), literal(string(l.job.Type)), l.job.Class,
			m.Plan, m.Rows-bad, m.Bytes, len(m.Files), rest, l.direct, timestamp(now), now.Sub(l.started).Seconds(), bad)
	}
	return "INSERT INTO " + ledger + " VALUES " + strings.Join(values, ", ")
}

// explain puts an error into the words of the archive.
func (l *loading) explain(err error) error {
	var wrong *guardError
	if errors.As(err, &wrong) && wrong.name == "rows" {
		return fmt.Errorf("%w: %w", err, ikada.ErrCorrupt)
	}
	var refused *warehouse.LoadError
	if !errors.As(err, &refused) {
		return err
	}
	if l.staging != nil {
		if key, line, ok := l.staging.origin(refused.File, refused.Line); ok {
			refused.File, refused.Line = key, line
		}
		return err
	}
	refused.File = strings.TrimPrefix(refused.File, strings.TrimSuffix(l.w.archive.URL("-"), "-"))
	return err
}

// slower reports whether a load that failed may go in a slower way, and
// prepares that.
func (l *loading) slower(err error) bool {
	var failed *copyError
	var wrong *guardError
	if !l.direct || again(err) || !errors.As(err, &failed) && !errors.As(err, &wrong) {
		return false
	}
	var refused *warehouse.LoadError
	if errors.As(err, &refused) && refused.Column == "_time" && !l.fine {
		l.w.log.Info("COPY refuses the times of this log type, loading by way of a temporary table", "table", l.table.Name, "reason", refused.Reason)
		l.state.fine = true
		return true
	}
	l.w.log.Warn("direct load refused, loading value by value", "table", l.table.Name, "error", err)
	l.refused = true
	return true
}
