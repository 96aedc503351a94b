package redshift

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
)

// maxRecorded bounds the journal entries of one transaction: the Data API takes
// 40 statements.
const maxRecorded = 16

// Ledger returns entries of the ledger.
func (w *Warehouse) Ledger(ctx context.Context, f warehouse.LedgerFilter) iter.Seq2[warehouse.LedgerEntry, error] {
	from := identifier(w.names.own) + "." + identifier(ledgerName)
	if f.Type != "" {
		from = w.names.ledger(f.Type)
	}
	terms := chosen("loaded", f.Type, f.Since, f.Until)
	if f.FirstPlan > 0 {
		terms = append(terms, `"plan" >= `+strconv.FormatUint(f.FirstPlan, 10))
	}
	if f.Newest > 0 {
		terms = append(terms, `"plan" <= `+strconv.FormatUint(f.Newest, 10))
	}
	query := `SELECT "manifest", "log_type", "class", "plan", "row_count", "raw_bytes", "files", "rest", "direct", "loaded", "seconds", "quarantined" FROM ` +
		from + where(terms) + ` ORDER BY "plan" DESC, "manifest"` + limited(f.Limit)
	return list(ctx, w.db, "read the ledger", query, ledgerEntry)
}

func ledgerEntry(r row) (e warehouse.LedgerEntry, err error) {
	e.Manifest, e.Type = r.text(0), ikada.LogType(r.text(1))
	if r.text(2) == ikada.Hard.String() {
		e.Class = ikada.Hard
	}
	if e.Plan, err = strconv.ParseUint(r.text(3), 10, 64); err != nil {
		return e, err
	}
	for i, to := range map[int]*int64{4: &e.Rows, 5: &e.Bytes, 6: &e.Files, 7: &e.Rest, 11: &e.Quarantined} {
		if *to, err = strconv.ParseInt(r.text(i), 10, 64); err != nil {
			return e, err
		}
	}
	e.Direct = strings.HasPrefix(r.text(8), "t")
	if e.Loaded, err = parseTime(r.text(9)); err != nil {
		return e, err
	}
	seconds, err := strconv.ParseFloat(r.text(10), 64)
	if err != nil {
		return e, err
	}
	e.Took = time.Duration(seconds * float64(time.Second))
	e.Quarantined, err = strconv.ParseInt(r.text(11), 10, 64)
	return e, err
}

// Sums adds up the ledger's entries by log type. Like Tables it reads the
// ledger's tables one after the other.
func (w *Warehouse) Sums(ctx context.Context, since time.Time) (map[ikada.LogType]warehouse.Sum, error) {
	sums := map[ikada.LogType]warehouse.Sum{}
	for i := range w.names.k {
		rows, err := w.db.read(ctx, `SELECT "log_type", count(*), sum("row_count"), sum("raw_bytes"), sum("rest") FROM `+w.names.ledgerAt(i)+
			where(chosen("loaded", "", since, time.Time{}))+` GROUP BY "log_type"`)
		if err != nil {
			return nil, fmt.Errorf("add up the ledger: %w", err)
		}
		for _, r := range rows {
			var s warehouse.Sum
			for j, to := range []*int64{&s.Manifests, &s.Rows, &s.Bytes, &s.Rest} {
				if *to, err = strconv.ParseInt(r.text(1+j), 10, 64); err != nil {
					return nil, fmt.Errorf("add up the ledger: %w", err)
				}
			}
			sums[ikada.LogType(r.text(0))] = s
		}
	}
	return sums, nil
}

// Record adds entries to the journal.
func (w *Warehouse) Record(ctx context.Context, entries ...warehouse.JournalEntry) error {
	for some := range slices.Chunk(entries, maxRecorded) {
		if err := w.record(ctx, some); err != nil {
			return fmt.Errorf("record %d entries in the journal: %w", len(entries), err)
		}
	}
	return nil
}

func (w *Warehouse) record(ctx context.Context, entries []warehouse.JournalEntry) error {
	journal := w.names.journal()
	statements := []statement{plain("LOCK " + journal)}
	for _, e := range entries {
		for _, text := range []string{string(e.Type), e.Kind, e.Key, string(e.Detail)} {
			if err := rules.Storable(text); err != nil {
				return err
			}
		}
		statements = append(statements,
			plain(`DELETE FROM `+journal+` WHERE "log_type" = `+literal(string(e.Type))+` AND "kind" = `+literal(e.Kind)+` AND "key" = `+literal(e.Key)),
			plain(fmt.Sprintf("INSERT INTO %s VALUES (%s, %s, %s, %s, %s)", journal,
				literal(string(e.Type)), literal(e.Kind), literal(e.Key), timestamp(e.At), literal(string(e.Detail)))))
	}
	return w.insist(ctx, w.opts.LockTimeout, statements)
}

// Journal returns entries of the journal.
func (w *Warehouse) Journal(ctx context.Context, f warehouse.JournalFilter) iter.Seq2[warehouse.JournalEntry, error] {
	terms := chosen("at", f.Type, f.Since, f.Until)
	if f.Kind != "" {
		terms = append(terms, `"kind" = `+literal(f.Kind))
	}
	query := `SELECT "log_type", "kind", "key", "at", "detail" FROM ` + w.names.journal() + where(terms) +
		` ORDER BY "at" DESC, "log_type", "kind", "key"` + limited(f.Limit)
	return list(ctx, w.db, "read the journal", query, func(r row) (e warehouse.JournalEntry, err error) {
		e = warehouse.JournalEntry{Type: ikada.LogType(r.text(0)), Kind: r.text(1), Key: r.text(2), Detail: json.RawMessage(r.text(4))}
		e.At, err = parseTime(r.text(3))
		return e, err
	})
}

// chosen are the terms of a log type, and of times in a column.
func chosen(column string, of ikada.LogType, since, until time.Time) (terms []string) {
	if of != "" {
		terms = append(terms, `"log_type" = `+literal(string(of)))
	}
	if !since.IsZero() {
		terms = append(terms, identifier(column)+" >= "+timestamp(since))
	}
	if !until.IsZero() {
		terms = append(terms, identifier(column)+" < "+timestamp(until))
	}
	return terms
}

func where(terms []string) string {
	if len(terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(terms, " AND ")
}

func limited(n int) string {
	if n == 0 {
		return ""
	}
	return " LIMIT " + strconv.Itoa(n)
}

// list runs a query and gives what scan makes of its rows.
func list[T any](ctx context.Context, db executor, doing, query string, scan func(row) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var entry T
		rows, err := db.read(ctx, query)
		for _, r := range rows {
			if entry, err = scan(r); err != nil || !yield(entry, nil) {
				break
			}
		}
		if err != nil {
			yield(entry, fmt.Errorf("%s: %w", doing, err))
		}
	}
}
