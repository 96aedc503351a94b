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

// find returns a log type's table. The caller holds the mutex.
func (w *Warehouse) find(of ikada.LogType) (*table, error) {
	t, ok := w.tables[of]
	if !ok {
		return nil, fmt.Errorf("table of log type %q: %w", of, ikada.ErrNotFound)
	}
	return t, nil
}

// Recount counts the rows of a table.
func (w *Warehouse) Recount(_ context.Context, of ikada.LogType) (warehouse.Recount, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.find(of)
	if err != nil {
		return warehouse.Recount{}, err
	}
	r := warehouse.Recount{Rows: int64(len(t.rows))}
	seen := map[string]int{}
	for _, row := range t.rows {
		id := fmt.Sprint(row["_id"])
		if seen[id]++; seen[id] == 2 {
			r.Doubled = append(r.Doubled, id)
		}
	}
	slices.Sort(r.Doubled)
	r.Doubled = r.Doubled[:min(len(r.Doubled), warehouse.MaxDoubled)]
	r.Distinct = int64(len(seen))
	for _, e := range w.ledger {
		if e.Type == of {
			r.Ledger += e.Rows
			r.LedgerAside += e.Quarantined
		}
	}
	w.eachAside(of, func(string, rescue.Held) { r.Aside++ })
	return r, nil
}

// Hours counts the rows of a table by archive hour.
func (w *Warehouse) Hours(_ context.Context, of ikada.LogType) (map[ikada.Hour]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.find(of)
	if err != nil {
		return nil, err
	}
	hours := map[ikada.Hour]int64{}
	for _, row := range t.rows {
		hours[hourOf(row)]++
	}
	return hours, nil
}

// Expire deletes the oldest rows.
func (w *Warehouse) Expire(ctx context.Context, of ikada.LogType, before ikada.Hour) (warehouse.Expired, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.find(of)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return warehouse.Expired{}, fmt.Errorf("expire rows: %w", err)
	}
	done := warehouse.Expired{Until: before}
	for _, row := range t.rows {
		done.Until = min(done.Until, hourOf(row)+warehouse.ExpireHours)
	}
	done.Done = done.Until == before
	kept := slices.DeleteFunc(slices.Clone(t.rows), func(row map[string]any) bool { return hourOf(row) < done.Until })
	if done.Rows = int64(len(t.rows) - len(kept)); done.Rows == 0 {
		return done, nil
	}
	t.rows = kept
	w.record(warehouse.ExpiredEntry(of, done, time.Now()))
	return done, nil
}

// Change changes a table's rows behind the warehouse's back, as somebody with
// SQL might, for tests of what finds that out.
func (w *Warehouse) Change(of ikada.LogType, change func(rows []map[string]any) []map[string]any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.find(of)
	if err == nil {
		t.rows = change(t.rows)
	}
	return err
}

// Forget drops a manifest from the ledger behind the warehouse's back.
func (w *Warehouse) Forget(manifest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ledger, manifest)
}
