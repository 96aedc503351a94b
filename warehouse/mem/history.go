package mem

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// journalKey is what tells journal entries from each other.
type journalKey struct {
	of        ikada.LogType
	kind, key string
}

// entry is a manifest's entry of the ledger.
func entry(job warehouse.Job, m warehouse.Manifest, rows []map[string]any, quarantined int64) warehouse.LedgerEntry {
	e := warehouse.LedgerEntry{
		Manifest: m.Key, Type: job.Type, Class: job.Class, Plan: m.Plan, Rows: int64(len(rows)), Bytes: m.Bytes, Files: int64(len(m.Files)),
		Quarantined: quarantined,
	}
	for _, row := range rows {
		if row["_rest"] != nil {
			e.Rest++
		}
	}
	return e
}

func in(ledger map[string]warehouse.LedgerEntry, key string) bool {
	_, ok := ledger[key]
	return ok
}

// Ledger returns entries of the ledger.
func (w *Warehouse) Ledger(_ context.Context, f warehouse.LedgerFilter) iter.Seq2[warehouse.LedgerEntry, error] {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []warehouse.LedgerEntry
	for _, e := range w.ledger {
		if (f.Type == "" || e.Type == f.Type) && within(e.Loaded, f.Since, f.Until) && e.Plan >= f.FirstPlan && (f.Newest == 0 || e.Plan <= f.Newest) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b warehouse.LedgerEntry) int {
		return cmp.Or(cmp.Compare(b.Plan, a.Plan), cmp.Compare(a.Manifest, b.Manifest))
	})
	return first(found, f.Limit)
}

// Sums adds up the ledger's entries by log type.
func (w *Warehouse) Sums(_ context.Context, since time.Time) (map[ikada.LogType]warehouse.Sum, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sums := map[ikada.LogType]warehouse.Sum{}
	for _, e := range w.ledger {
		if within(e.Loaded, since, time.Time{}) {
			s := sums[e.Type]
			sums[e.Type] = warehouse.Sum{Manifests: s.Manifests + 1, Rows: s.Rows + e.Rows, Bytes: s.Bytes + e.Bytes, Rest: s.Rest + e.Rest}
		}
	}
	return sums, nil
}

// Record adds entries to the journal.
func (w *Warehouse) Record(_ context.Context, entries ...warehouse.JournalEntry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entries {
		w.record(e)
	}
	return nil
}

// record adds an entry to the journal. The caller holds mu.
func (w *Warehouse) record(e warehouse.JournalEntry) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	w.journal[journalKey{e.Type, e.Kind, e.Key}] = e
}

// Journal returns entries of the journal.
func (w *Warehouse) Journal(_ context.Context, f warehouse.JournalFilter) iter.Seq2[warehouse.JournalEntry, error] {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []warehouse.JournalEntry
	for _, e := range w.journal {
		if (f.Type == "" || e.Type == f.Type) && (f.Kind == "" || e.Kind == f.Kind) && within(e.At, f.Since, f.Until) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b warehouse.JournalEntry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	return first(found, f.Limit)
}

// within reports whether a time is at since or later, and before until.
func within(at, since, until time.Time) bool {
	return !at.Before(since) && (until.IsZero() || at.Before(until))
}

// first gives at most limit of the entries; 0: all.
func first[T any](entries []T, limit int) iter.Seq2[T, error] {
	if limit > 0 && len(entries) > limit {
		entries = entries[:limit]
	}
	return func(yield func(T, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}
