// Package replay brings archived rows into a table again: those of a range of
// archive hours, in place of what the table has of them, or into another table.
//
// The archive's hours, its map and the ledger say which files belong: in the
// log type's own table those whose manifests are in the ledger, since the
// others come by the loads that go on meanwhile. If one of those is faster, the
// files are chosen anew.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Replayer replays.
type Replayer struct {
	Archive   *archive.View
	Manifests bucket.Bucket
	Warehouse warehouse.Warehouse
	Log       *slog.Logger // nil: nothing is told
}

// Request says what to replay.
type Request struct {
	Type ikada.LogType `json:"type"`
	// Into names the table that takes the rows; empty: the log type's own.
	Into string `json:"into,omitempty"`
	// From and To bound the archive hours, in whole hours of UTC; To is out.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// DryRun says what would be done, and changes nothing.
	DryRun bool `json:"dry_run,omitempty"`
	// Shrink allows that the table has fewer rows of the range afterwards.
	Shrink bool `json:"shrink,omitempty"`
}

// Report tells what a replay did, or would do.
type Report struct {
	Type   ikada.LogType `json:"type"`
	Table  string        `json:"table"`
	From   time.Time     `json:"from,omitzero"`
	To     time.Time     `json:"to,omitzero"`
	DryRun bool          `json:"dry_run,omitempty"`

	Files     int   `json:"files"`     // that are read
	Compacted int   `json:"compacted"` // of these, how many are compacted ones
	Careful   int   `json:"careful"`   // of these, how many are loaded value by value
	Rows      int64 `json:"rows"`      // in the files
	Raw       int64 `json:"raw"`       // bytes of JSON
	Stored    int64 `json:"stored"`    // bytes as they are in the archive

	Waiting int   `json:"waiting"` // files that a load will bring
	Expired int64 `json:"expired"` // rows whose files were deleted on purpose

	warehouse.Replaced
	Took time.Duration `json:"took_ns"`
}

// maxChoices bounds how often the files are chosen anew, because a load or a
// compaction was faster.
const maxChoices = 30

// maxRange bounds a replay: it is one transaction.
const maxRange = 366 * 24 * time.Hour

// Run replays. tell is told of rows that were read, and of how many there are.
func (r *Replayer) Run(ctx context.Context, q Request, tell func(rows, of int64)) (*Report, error) {
	report, err := r.run(ctx, q, tell)
	if err != nil {
		return nil, fmt.Errorf("replay %s from %s to %s: %w", q.Type, form(q.From), form(q.To), err)
	}
	return report, nil
}

func form(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (r *Replayer) run(ctx context.Context, q Request, tell func(rows, of int64)) (*Report, error) {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	job, err := jobOf(q)
	if err != nil {
		return nil, err
	}
	job.Checked = map[string]uint32{}
	if job.Into != "" {
		if err := r.free(ctx, job.Into); err != nil {
			return nil, err
		}
	}
	begin := time.Now()
	c := &chooser{Replayer: r, job: job, manifests: map[string]*described{}}
	for n := 1; ; n++ {
		report, err := r.once(ctx, c, q, tell)
		if err == nil {
			report.Took = time.Since(begin)
			r.note(ctx, report)
			return report, nil
		}
		moved := false
		if errors.Is(err, ikada.ErrNotFound) || errors.Is(err, ikada.ErrCorrupt) {
			var failed error
			if moved, failed = c.moved(ctx); failed != nil {
				return nil, errors.Join(err, failed)
			}
		}
		if n == maxChoices || !moved && !errors.Is(err, warehouse.ErrLedgerChanged) || ctx.Err() != nil {
			return nil, explain(err)
		}
		r.Log.Info("the files of a replay are chosen anew", "type", q.Type, "why", err)
	}
}

// explain adds what to do.
func explain(err error) error {
	switch {
	case errors.Is(err, warehouse.ErrLedgerChanged):
		return fmt.Errorf("%w, each time that the files were chosen: try again, or stop loading for as long as it takes", err)
	case errors.Is(err, warehouse.ErrShrinks):
		return fmt.Errorf("%w: look with `ikada audit`; --shrink does it nevertheless, as it should be where rows are in the table twice", err)
	}
	return err
}

// once chooses the files and replaces the rows.
func (r *Replayer) once(ctx context.Context, c *chooser, q Request, tell func(rows, of int64)) (*Report, error) {
	chosen, err := c.choose(ctx)
	if err != nil {
		return nil, err
	}
	job := c.job
	report := chosen.report
	report.DryRun = q.DryRun
	job.LedgerRows = chosen.ledger
	exists, err := r.extend(ctx, &job, chosen, q.DryRun)
	if err != nil {
		return nil, err
	}
	report.Table = job.Table().TableName()
	if table, err := r.Warehouse.Table(ctx, job.Table()); err == nil {
		report.Table = table.Name // which may be a declared one
	}
	for _, g := range job.Files {
		if !g.Direct {
			report.Careful += len(g.Files)
		}
	}
	job.Progress = func(rows int64) { tell(rows, report.Rows) }
	if exists {
		if report.Replaced, err = r.Warehouse.Replace(ctx, job); err != nil {
			return nil, err
		}
	}
	if q.DryRun {
		report.Inserted = report.Rows
	}
	return &report, nil
}

// extend makes the table fit, and sorts the files by the load that they may
// take. It returns false if a dry run has no table to look at.
func (r *Replayer) extend(ctx context.Context, job *warehouse.ReplaceJob, chosen *choice, dry bool) (exists bool, err error) {
	table, err := r.Warehouse.Table(ctx, job.Table())
	exists = err == nil
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return false, err
	}
	had := table.Columns
	if !exists {
		// A new table begins as the log type's own, so that they fit together.
		if own, err := r.Warehouse.Table(ctx, job.Type); err == nil {
			table.Columns = own.Columns
		}
	}
	for _, f := range chosen.files {
		more, _ := warehouse.Resolve(table, true, f.fields)
		table.Columns = warehouse.Grow(table.Columns, more)
	}
	var add []warehouse.Column
	for i, c := range table.Columns {
		if i >= len(had) || c != had[i] {
			add = append(add, c)
		}
	}
	if !dry && (!exists || len(add) > 0) {
		if err := r.Warehouse.Extend(ctx, job.Table(), add); err != nil {
			return false, fmt.Errorf("extend the table: %w", err)
		}
		exists = true
	}
	groups := map[kind]int{}
	job.Files, job.Origins = nil, map[string][]warehouse.Origin{}
	for _, f := range chosen.files {
		_, direct := warehouse.Resolve(table, true, f.fields)
		job.Origins[f.Key] = f.of
		k := kind{f.class, direct && f.class == ikada.Plain}
		at, ok := groups[k]
		if !ok {
			at = len(job.Files)
			groups[k] = at
			job.Files = append(job.Files, warehouse.ReplaceFiles{Class: k.class, Direct: k.direct})
		}
		job.Files[at].Files = append(job.Files[at].Files, f.File)
	}
	return exists, nil
}

type kind struct {
	class  ikada.Class
	direct bool
}

// JournalKind is that of the entries that a replay makes in the journal.
const JournalKind = "replay"

// note writes the replay into the journal. That is worth no error.
func (r *Replayer) note(ctx context.Context, report *Report) {
	if report.DryRun {
		return
	}
	now := time.Now().UTC()
	detail, err := json.Marshal(report)
	if err == nil {
		err = r.Warehouse.Record(ctx, warehouse.JournalEntry{
			Type: report.Type, Kind: JournalKind, At: now, Detail: detail,
			Key: form(report.From) + " " + form(report.To) + " " + report.Table + " " + now.Format(time.RFC3339Nano),
		})
	}
	if err != nil {
		r.Log.Warn("the replay is done but not in the journal", "type", report.Type, "error", err)
	}
}
