// Package fault wraps a warehouse so that a test's script decides which calls
// fail, and how: before anything was done, after all was done, or as if the
// process had died.
package fault

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Outcome is what becomes of a call.
type Outcome int

const (
	// Pass lets the call through.
	Pass Outcome = iota
	// FailBefore fails the call, and nothing was done.
	FailBefore
	// FailAfter does the call and then returns an error: an unknown outcome.
	FailAfter
	// CrashBefore fails this call, with nothing done, and every later one.
	CrashBefore
	// CrashAfter does the call, then fails it and every later one.
	CrashAfter
)

// Errors of calls that the script fails.
var (
	ErrFault   = errors.New("fault on purpose")
	ErrCrashed = errors.New("crashed on purpose")
)

// Call describes a call to the script.
type Call struct {
	Op   string // the method's name: "Load"
	Type ikada.LogType
	Job  *warehouse.Job // of a Load
}

// Warehouse is a warehouse that fails by a script.
type Warehouse struct {
	inner   warehouse.Warehouse
	script  func(Call) Outcome
	crashed atomic.Bool
}

var _ warehouse.Warehouse = (*Warehouse)(nil)

// New wraps a warehouse. The script is asked before every call but Close; it
// must be safe for concurrent use.
func New(inner warehouse.Warehouse, script func(Call) Outcome) *Warehouse {
	return &Warehouse{inner: inner, script: script}
}

// run does one call by the script.
func run[T any](w *Warehouse, c Call, do func() (T, error)) (T, error) {
	var zero T
	if w.crashed.Load() {
		return zero, fmt.Errorf("%s: %w", c.Op, ErrCrashed)
	}
	switch outcome := w.script(c); outcome {
	case FailBefore:
		return zero, fmt.Errorf("%s: %w", c.Op, ErrFault)
	case CrashBefore:
		w.crashed.Store(true)
		return zero, fmt.Errorf("%s: %w", c.Op, ErrCrashed)
	case FailAfter, CrashAfter:
		_, err := do()
		if outcome == CrashAfter {
			w.crashed.Store(true)
			return zero, errors.Join(fmt.Errorf("%s: %w", c.Op, ErrCrashed), err)
		}
		return zero, errors.Join(fmt.Errorf("%s: %w", c.Op, ErrFault), err)
	case Pass:
	}
	return do()
}

// Table passes or fails.
func (w *Warehouse) Table(ctx context.Context, t ikada.LogType) (warehouse.Table, error) {
	return run(w, Call{Op: "Table", Type: t}, func() (warehouse.Table, error) { return w.inner.Table(ctx, t) })
}

// Tables passes or fails.
func (w *Warehouse) Tables(ctx context.Context) ([]warehouse.Table, error) {
	return run(w, Call{Op: "Tables"}, func() ([]warehouse.Table, error) { return w.inner.Tables(ctx) })
}

// Extend passes or fails.
func (w *Warehouse) Extend(ctx context.Context, t ikada.LogType, add []warehouse.Column) error {
	_, err := run(w, Call{Op: "Extend", Type: t}, func() (struct{}, error) { return struct{}{}, w.inner.Extend(ctx, t, add) })
	return err
}

// Loaded passes or fails.
func (w *Warehouse) Loaded(ctx context.Context, t ikada.LogType, manifests []string) (map[string]bool, error) {
	return run(w, Call{Op: "Loaded", Type: t}, func() (map[string]bool, error) { return w.inner.Loaded(ctx, t, manifests) })
}

// Load passes or fails.
func (w *Warehouse) Load(ctx context.Context, job warehouse.Job) (warehouse.Result, error) {
	return run(w, Call{Op: "Load", Type: job.Type, Job: &job}, func() (warehouse.Result, error) { return w.inner.Load(ctx, job) })
}

// Replace passes or fails.
func (w *Warehouse) Replace(ctx context.Context, job warehouse.ReplaceJob) (warehouse.Replaced, error) {
	return run(w, Call{Op: "Replace", Type: job.Table()}, func() (warehouse.Replaced, error) { return w.inner.Replace(ctx, job) })
}

// PutBack passes or fails.
func (w *Warehouse) PutBack(ctx context.Context, job warehouse.PutBackJob) (warehouse.PutBack, error) {
	return run(w, Call{Op: "PutBack", Type: job.Type}, func() (warehouse.PutBack, error) { return w.inner.PutBack(ctx, job) })
}

// Ledger passes or fails.
func (w *Warehouse) Ledger(ctx context.Context, f warehouse.LedgerFilter) iter.Seq2[warehouse.LedgerEntry, error] {
	return all(w, Call{Op: "Ledger", Type: f.Type}, w.inner.Ledger(ctx, f))
}

// Sums passes or fails.
func (w *Warehouse) Sums(ctx context.Context, since time.Time) (map[ikada.LogType]warehouse.Sum, error) {
	return run(w, Call{Op: "Sums"}, func() (map[ikada.LogType]warehouse.Sum, error) { return w.inner.Sums(ctx, since) })
}

// Record passes or fails.
func (w *Warehouse) Record(ctx context.Context, entries ...warehouse.JournalEntry) error {
	_, err := run(w, Call{Op: "Record"}, func() (struct{}, error) { return struct{}{}, w.inner.Record(ctx, entries...) })
	return err
}

// Journal passes or fails.
func (w *Warehouse) Journal(ctx context.Context, f warehouse.JournalFilter) iter.Seq2[warehouse.JournalEntry, error] {
	return all(w, Call{Op: "Journal", Type: f.Type}, w.inner.Journal(ctx, f))
}

// Recount passes or fails.
func (w *Warehouse) Recount(ctx context.Context, t ikada.LogType) (warehouse.Recount, error) {
	return run(w, Call{Op: "Recount", Type: t}, func() (warehouse.Recount, error) { return w.inner.Recount(ctx, t) })
}

// Hours passes or fails.
func (w *Warehouse) Hours(ctx context.Context, t ikada.LogType) (map[ikada.Hour]int64, error) {
	return run(w, Call{Op: "Hours", Type: t}, func() (map[ikada.Hour]int64, error) { return w.inner.Hours(ctx, t) })
}

// Expire passes or fails.
func (w *Warehouse) Expire(ctx context.Context, t ikada.LogType, before ikada.Hour) (warehouse.Expired, error) {
	return run(w, Call{Op: "Expire", Type: t}, func() (warehouse.Expired, error) { return w.inner.Expire(ctx, t, before) })
}

// all reads a list as one call.
func all[T any](w *Warehouse, c Call, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		entries, err := run(w, c, func() (entries []T, err error) {
			for e, err := range seq {
				if err != nil {
					return nil, err
				}
				entries = append(entries, e)
			}
			return entries, nil
		})
		if err != nil {
			var zero T
			yield(zero, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Query passes or fails. After FailAfter its rows are closed.
func (w *Warehouse) Query(ctx context.Context, sql string, limit int64) (warehouse.Rows, error) {
	var rows warehouse.Rows
	given, err := run(w, Call{Op: "Query"}, func() (warehouse.Rows, error) {
		var err error
		rows, err = w.inner.Query(ctx, sql, limit)
		return rows, err
	})
	if err != nil && rows != nil {
		err = errors.Join(err, rows.Close())
	}
	return given, err
}

// Close closes the warehouse, crashed or not: a test's resources are its own.
func (w *Warehouse) Close() error { return w.inner.Close() }
