package mem

import (
	"context"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// Replace puts rows in place of those of a range. It looks at every value,
// whatever the job says.
func (w *Warehouse) Replace(ctx context.Context, job warehouse.ReplaceJob) (warehouse.Replaced, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	done, err := w.replace(ctx, job)
	if err != nil {
		return warehouse.Replaced{}, fmt.Errorf("replace rows of table %s: %w", job.Table().TableName(), err)
	}
	return done, nil
}

func (w *Warehouse) replace(ctx context.Context, job warehouse.ReplaceJob) (done warehouse.Replaced, err error) {
	if err := ctx.Err(); err != nil {
		return done, err
	}
	t, ok := w.tables[job.Table()]
	if !ok {
		return done, ikada.ErrNotFound
	}
	if job.Into == "" && t.info.Rows != job.LedgerRows {
		return done, warehouse.ErrLedgerChanged
	}
	l := &loading{w: w, of: job.Table(), table: t, archive: w.archive, leaveOut: job.Into != ""}
	if !l.leaveOut {
		l.settle = rescue.NewSettling(job.Origins)
		w.hold(l.settle, job.Type)
	}
	var kept []map[string]any
	for _, row := range t.rows {
		byLoad := job.Table() == ikada.Quarantine && row["file"] != nil // no archive file of the quarantine has it
		if hour := hourOf(row); hour < job.From || hour >= job.To || byLoad {
			kept = append(kept, row)
		}
	}
	if done.Deleted = int64(len(t.rows) - len(kept)); job.DryRun {
		return done, nil
	}
	for _, g := range job.Files {
		for _, f := range g.Files {
			if err := l.file(ctx, f); err != nil {
				return done, err
			}
			job.Told(int64(len(l.rows)))
		}
	}
	done.Inserted, done.Refused, done.PutBack = int64(len(l.rows)), l.quarantined, l.settle.PutBack()
	if done.Deleted > done.Inserted && !job.Shrink {
		return done, warehouse.ShrinksError(done.Deleted, done.Inserted)
	}
	if err := l.correct(); err != nil {
		return done, err
	}
	done.Rest = l.rest()
	t.rows = append(kept, l.rows...)
	return done, nil
}

// hourOf returns a row's archive hour.
func hourOf(row map[string]any) ikada.Hour {
	at, ok := row["_hour"].(time.Time)
	if !ok {
		at, _ = row["_time"].(time.Time)
	}
	return ikada.HourOf(at)
}
