// Package audit shows conservation: for each log type, what was received is
// archived or was dropped as a duplicate, and what is archived is loaded or in
// quarantine. Where that does not hold it says where the gap is, and what to do.
//
// It counts by what the pipeline writes down: bundle indexes, plans and their
// amendments, listings of the archive, and the ledger. Only a deep audit reads
// files and tables.
//
// It may run while the pipeline does. Everything is read from the front to the
// back: the newest executed plan first, which fixes what the audit is about, then
// what is behind the plans. So all that happens meanwhile is seen as further on
// than it was, or not at all, and never as a gap.
package audit

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/warehouse"
)

// Sources are what is audited.
type Sources struct {
	Buffer, Archive, Manifests bucket.Bucket
	Warehouse                  warehouse.Warehouse // nil: there is none, and the pipeline ends with manifests
	// Stream tells what is in no bundle yet. Nil: nobody knows.
	Stream func(ctx context.Context) (stream.Backlog, error)
}

// Options choose what is audited. The zero value is usable.
type Options struct {
	Since time.Time     // plans made since; zero: all there ever were
	Type  ikada.LogType // one log type's files, manifests and table; "": all
	Deep  bool          // read files and count tables
	// Due is how long something may be on its way before it counts as a gap.
	// Default 15 min.
	Due time.Duration
	// Parallel is the number of requests at once. Default 8.
	Parallel int
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// audit is one under way.
type audit struct {
	Sources
	opts   Options
	now    time.Time
	report *Report
	types  map[ikada.LogType]*TypeCounts
	lanes  map[ikada.Lane]*LaneCounts
	newest *plan.Plan // the newest executed plan; nil without any
	hours  map[typeHour]int64
	byDay  map[ikada.LogType]bool // log types that were partitioned by day at some time
	places *places
	names  map[ikada.LogType]string // of tables
	// uncounted bundles are of plans that do not tell what was dropped.
	uncounted int64
	beside    beside
}

// typeHour is an archive hour of a log type.
type typeHour struct {
	of   ikada.LogType
	hour ikada.Hour
}

// Run audits.
func Run(ctx context.Context, from Sources, opts Options) (*Report, error) {
	opts.Due = cmp.Or(opts.Due, 15*time.Minute)
	opts.Parallel = cmp.Or(opts.Parallel, 8)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	a := &audit{
		Sources: from, opts: opts, now: opts.Now().UTC(), report: &Report{Since: opts.Since, Deep: opts.Deep},
		types: map[ikada.LogType]*TypeCounts{}, lanes: map[ikada.Lane]*LaneCounts{}, hours: map[typeHour]int64{}, byDay: map[ikada.LogType]bool{},
		places: newPlaces(from.Archive), beside: newBeside(),
	}
	a.report.At = a.now
	for _, step := range []func(context.Context) error{a.tableNames, a.front, a.plans, a.tables} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	a.finish()
	a.report.Took = opts.Now().Sub(a.now).Seconds()
	return a.report, nil
}

// front looks at what is before the newest executed plan's successor: the
// stream, bundles, and a plan in execution.
func (a *audit) front(ctx context.Context) error {
	a.report.Waiting.StreamUnknown = a.Stream == nil
	if a.Stream != nil {
		b, err := a.Stream(ctx)
		if err != nil {
			return fmt.Errorf("ask the stream what it holds: %w", err)
		}
		a.report.Waiting.StreamMessages, a.report.Waiting.StreamBytes = b.Messages, b.Bytes
	}
	loaded, err := a.newestLoaded(ctx) // before the plans, so that none of it can be newer
	if err != nil {
		return err
	}
	n, err := plan.NewestDone(ctx, a.Buffer)
	if err != nil {
		return err
	}
	if loaded > n {
		a.plansMissing(n+1, loaded)
	}
	a.report.LastPlan = n
	a.newest = new(plan.Plan)
	if n > 0 {
		if a.newest, err = plan.Read(ctx, a.Buffer, n); err != nil {
			return fmt.Errorf("the newest executed plan: %w", err)
		}
	}
	if err := a.executing(ctx); err != nil {
		return err
	}
	return a.bundles(ctx)
}

// tableNames asks for the names of tables: a declaration may have chosen them.
func (a *audit) tableNames(ctx context.Context) error {
	a.names = map[ikada.LogType]string{}
	if a.Warehouse == nil {
		return nil
	}
	tables, err := a.Warehouse.Tables(ctx)
	for _, t := range tables {
		a.names[t.Type] = t.Name
	}
	return err
}

// tableOf returns the name of a log type's table, as far as it has one.
func (a *audit) tableOf(t ikada.LogType) string { return cmp.Or(a.names[t], t.TableName()) }

// newestLoaded returns the newest plan of which the ledger has something.
func (a *audit) newestLoaded(ctx context.Context) (uint64, error) {
	if a.Warehouse == nil {
		return 0, nil
	}
	for e, err := range a.Warehouse.Ledger(ctx, warehouse.LedgerFilter{Type: a.opts.Type, Limit: 1}) {
		return e.Plan, err
	}
	return 0, nil
}

// executing looks at the plan behind the newest executed one, if it is made.
func (a *audit) executing(ctx context.Context) error {
	n, done, err := plan.Newest(ctx, a.Buffer)
	if err != nil || done || n == a.report.LastPlan {
		return err
	}
	p, err := plan.Read(ctx, a.Buffer, n)
	if err != nil {
		return err
	}
	if age := a.age(p.Created); age > a.opts.Due {
		rows, _, _ := p.Totals()
		a.gap(Gap{
			Kind: PlanLate, Plan: n, Rows: rows, Detail: fmt.Sprintf("plan %d was made %s ago and is not executed yet", n, words(age)),
			Remedy: "routing fails: `ikada status` shows its last error",
		})
	}
	return nil
}

// age is how long ago a time in nanoseconds was.
func (a *audit) age(at int64) time.Duration { return a.now.Sub(time.Unix(0, at)) }

func words(d time.Duration) string { return d.Round(time.Second).String() }
