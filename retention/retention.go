// Package retention deletes what is older than an operator wants to keep:
// archive files by their hour, and rows of tables by their archive hour.
//
// What is deleted is written down first: files in a record of the archive's map,
// created if absent, rows in the warehouse's journal within the transaction that
// deletes them. So a process may die at any moment, the next one goes on, and
// an audit still adds up. A file is deleted only if all its manifests are in
// the ledger.
package retention

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Options tune a Keeper. Keep is needed.
type Options struct {
	// Keep tells how long a log type's archive files and its rows are kept; 0: for ever.
	Keep func(ikada.LogType) (archive, table time.Duration)
	// Grace is how old a file must be before it is deleted, whatever its
	// hour: nobody may come late who would write it again. Default 24 h.
	Grace time.Duration
	// MaxFiles bounds the files of one record. Default 500.
	MaxFiles int
	// MaxSteps bounds the steps of a run for each log type, archive and
	// table: one deletes MaxFiles files of a day, or the rows of a day.
	// Default 100.
	MaxSteps int
	// Log gets what is deleted. Default: nowhere.
	Log *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Keeper deletes what is too old.
type Keeper struct {
	archive, manifests bucket.Bucket
	warehouse          warehouse.Warehouse // nil: there is none
	opts               Options
}

// New returns a keeper of an archive and the tables that are loaded from it.
func New(from, manifests bucket.Bucket, w warehouse.Warehouse, opts Options) *Keeper {
	opts.Grace = cmp.Or(opts.Grace, 24*time.Hour)
	opts.MaxFiles = cmp.Or(opts.MaxFiles, 500)
	opts.MaxSteps = cmp.Or(opts.MaxSteps, 100)
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Keeper{archive: from, manifests: manifests, warehouse: w, opts: opts}
}

// Deleted counts what a run deleted.
type Deleted struct {
	Files, FileRows int64
	Rows            int64 // of tables
}

// Once deletes what is too old. A log type that fails does not keep others.
func (k *Keeper) Once(ctx context.Context) (sum Deleted, err error) {
	var errs []error
	names := map[string]ikada.LogType{} // by folder
	if k.warehouse != nil {
		tables, err := k.warehouse.Tables(ctx)
		if err != nil {
			return sum, fmt.Errorf("retention: %w", err)
		}
		for _, t := range tables {
			names[t.Type.PathName()] = t.Type
			n, err := k.table(ctx, t)
			sum.Rows += n
			if err != nil {
				errs = append(errs, fmt.Errorf("retention of table %s: %w", t.Name, err))
			}
			if ctx.Err() != nil {
				return sum, errors.Join(errs...)
			}
		}
	}
	for folder, err := range k.archive.Folders(ctx, "") {
		if err != nil {
			errs = append(errs, fmt.Errorf("retention: list log types of the archive: %w", err))
			break
		}
		f := &folders{Keeper: k, folder: folder, logType: names[folder], sum: &sum}
		if err := f.run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("retention of the archive's %s: %w", folder, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return sum, errors.Join(errs...)
}

// table deletes the rows of a table that are too old, some hours at a time.
func (k *Keeper) table(ctx context.Context, t warehouse.Table) (rows int64, err error) {
	_, keep := k.opts.Keep(t.Type)
	if keep == 0 {
		return 0, nil
	}
	before := k.before(keep)
	for range k.opts.MaxSteps {
		done, err := k.warehouse.Expire(ctx, t.Type, before)
		if err != nil {
			return rows, err
		}
		if rows += done.Rows; done.Rows > 0 {
			k.opts.Log.Info("rows deleted by retention", "table", t.Name, "rows", done.Rows, "before", done.Until.Time(), "kept", keep)
		}
		if done.Done {
			break
		}
	}
	return rows, nil
}

// before returns the hour whose rows, and those of later ones, are kept.
func (k *Keeper) before(keep time.Duration) ikada.Hour { return ikada.HourOf(k.opts.Now().Add(-keep)) }

// Run deletes what is too old now and then, until ctx ends. Errors are logged.
func (k *Keeper) Run(ctx context.Context, every time.Duration) error {
	timer := time.NewTimer(min(every, time.Minute))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if _, err := k.Once(ctx); err != nil && ctx.Err() == nil {
			k.opts.Log.Error("retention failed; trying again next time", "error", err)
		}
		timer.Reset(every)
	}
}
