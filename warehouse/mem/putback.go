package mem

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// PutBack brings rows of the quarantine into their table.
func (w *Warehouse) PutBack(ctx context.Context, job warehouse.PutBackJob) (done warehouse.PutBack, err error) {
	if err := ctx.Err(); err != nil {
		return done, fmt.Errorf("put rows back into the table of %q: %w", job.Type, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if done, err = w.putBack(ctx, job); err != nil {
		return warehouse.PutBack{}, fmt.Errorf("put rows back into the table of %q: %w", job.Type, err)
	}
	return done, nil
}

func (w *Warehouse) putBack(ctx context.Context, job warehouse.PutBackJob) (done warehouse.PutBack, err error) {
	t, ok := w.tables[job.Type]
	if !ok {
		return done, ikada.ErrNotFound
	}
	all := map[string]rescue.Held{}
	w.eachAside(job.Type, func(id string, h rescue.Held) { all[id] = h })
	has := map[string]rescue.Held{}
	for _, r := range job.Rows {
		if h, ok := all[r.ID]; ok {
			has[r.ID] = h
		}
	}
	done.Gone = int64(len(job.Rows) - len(has))
	given, settle, err := rescue.Give(w.archive, job.Rows, has)
	if err != nil {
		return done, err
	}
	l := &loading{w: w, of: job.Type, table: t, archive: given, settle: settle}
	if err := l.file(ctx, given.File); err != nil {
		return done, err
	}
	if err := l.correct(); err != nil {
		return done, err
	}
	t.rows = append(t.rows, l.rows...)
	done.Rows, done.Rest, done.Refused = int64(len(l.rows)), l.rest(), settle.Still()
	return done, nil
}

func (l *loading) rest() (n int64) {
	for _, row := range l.rows {
		if row["_rest"] != nil {
			n++
		}
	}
	return n
}

// eachAside tells of the rows that loads of a log type have set aside.
func (w *Warehouse) eachAside(of ikada.LogType, do func(id string, h rescue.Held)) {
	t, ok := w.tables[ikada.Quarantine]
	if !ok {
		return
	}
	for _, row := range t.rows {
		if row["type"] == string(of) && row["origin"] == rescue.Origin && row["file"] != nil && row["part"] == int64(1) {
			file, _ := row["file"].(string)
			parts, _ := row["parts"].(int64)
			at, _ := row["_time"].(time.Time)
			id, _ := row["_id"].(string)
			do(id, rescue.Held{File: file, Pieces: parts, At: at})
		}
	}
}

func (w *Warehouse) hold(s *rescue.Settling, of ikada.LogType) { w.eachAside(of, s.Hold) }

// correct settles what becomes of the quarantine, and of the ledger.
func (l *loading) correct() error {
	if l.settle == nil {
		return nil
	}
	var aside, inLedger int64
	quarantined := map[string]int64{}
	l.w.eachAside(l.of, func(string, rescue.Held) { aside++ })
	for key, e := range l.w.ledger {
		if e.Type == l.of {
			inLedger, quarantined[key] = inLedger+e.Quarantined, e.Quarantined
		}
	}
	if aside < inLedger {
		l.settle.Counted(quarantined)
	}
	moves, sum := l.settle.Moves()
	for _, m := range moves {
		for _, key := range m.Manifests {
			if !in(l.w.ledger, key) {
				return fmt.Errorf("a row of the quarantine is of manifest %s, which the ledger does not have", key)
			}
		}
	}
	for _, m := range moves {
		for _, key := range m.Manifests {
			e := l.w.ledger[key]
			e.Rows, e.Quarantined = e.Rows+m.Rows, e.Quarantined-m.Rows
			l.w.ledger[key] = e
		}
	}
	l.table.info.Rows += sum
	if t, ok := l.w.tables[ikada.Quarantine]; ok {
		files, ids := l.settle.Leaving()
		t.rows = slices.DeleteFunc(t.rows, func(row map[string]any) bool {
			if row["type"] != string(l.of) || row["origin"] != rescue.Origin {
				return false
			}
			id, _ := row["_id"].(string)
			file, _ := row["file"].(string)
			return slices.Contains(ids, id) || slices.Contains(files, file)
		})
		t.rows = append(t.rows, l.bad...)
	}
	return nil
}
