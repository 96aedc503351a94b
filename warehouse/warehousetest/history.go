package warehousetest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// collected reads a list to its end.
func collected[T any](t testing.TB, seq iter.Seq2[T, error]) (entries []T) {
	t.Helper()
	for e, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func ledgerHistory(t *testing.T, f *fixture) {
	ctx := context.Background()
	before := time.Now().Add(-time.Second)
	first, fields := f.manifest([]string{`{"a":1}`, `{"a":2}`}, []string{`{"a":3}`})
	direct := f.extend(fields)
	f.mustLoad(direct, first)
	second, _ := f.manifest([]string{`{"a":"text"}`, `{"a":2}`})
	f.mustLoad(false, second)
	f.mustLoad(false, second, first)

	got := collected(t, f.w.Ledger(ctx, warehouse.LedgerFilter{}))
	if len(got) != 2 {
		t.Fatalf("got %d entries: %+v", len(got), got)
	}
	for i := range got {
		if got[i].Loaded.Before(before) || got[i].Loaded.After(time.Now().Add(time.Second)) || got[i].Took < 0 || got[i].Took > time.Minute {
			t.Errorf("got %+v", got[i])
		}
		got[i].Loaded, got[i].Took, got[i].Direct = time.Time{}, 0, false
	}
	want := []warehouse.LedgerEntry{
		{Manifest: second.Key, Type: f.of, Plan: second.Plan, Rows: 2, Bytes: second.Bytes, Files: 1, Rest: 1},
		{Manifest: first.Key, Type: f.of, Plan: first.Plan, Rows: 3, Bytes: first.Bytes, Files: 2},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	sums, err := f.w.Sums(ctx, before)
	if want := (map[ikada.LogType]warehouse.Sum{f.of: {Manifests: 2, Rows: 5, Bytes: first.Bytes + second.Bytes, Rest: 1}}); err != nil || !reflect.DeepEqual(sums, want) {
		t.Errorf("Sums: got %v, %v, want %v", sums, err, want)
	}
	if sums, err := f.w.Sums(ctx, time.Now().Add(time.Hour)); err != nil || len(sums) != 0 {
		t.Errorf("Sums of the future: got %v, %v", sums, err)
	}
	for name, c := range map[string]struct {
		warehouse.LedgerFilter
		want int
	}{
		"a type": {warehouse.LedgerFilter{Type: f.of}, 2}, "another type": {warehouse.LedgerFilter{Type: "other"}, 0},
		"since": {warehouse.LedgerFilter{Since: before, Type: f.of}, 2}, "until": {warehouse.LedgerFilter{Until: before}, 0},
		"later": {warehouse.LedgerFilter{Since: time.Now().Add(time.Hour)}, 0}, "limit": {warehouse.LedgerFilter{Limit: 1}, 1},
		"from a plan": {warehouse.LedgerFilter{FirstPlan: second.Plan}, 1}, "up to a plan": {warehouse.LedgerFilter{Newest: first.Plan, Type: f.of}, 1},
	} {
		if got := collected(t, f.w.Ledger(ctx, c.LedgerFilter)); len(got) != c.want {
			t.Errorf("%s: got %d entries, want %d", name, len(got), c.want)
		}
	}
}

func journal(t *testing.T, f *fixture) {
	ctx := context.Background()
	at := time.Date(2026, 11, 23, 5, 6, 7, 123456000, time.UTC)
	entry := func(of ikada.LogType, kind, key string, minutes int, detail string) warehouse.JournalEntry {
		return warehouse.JournalEntry{Type: of, Kind: kind, Key: key, At: at.Add(time.Duration(minutes) * time.Minute), Detail: json.RawMessage(detail)}
	}
	long := `{"text":"` + strings.Repeat("あ", warehouse.MaxDetail/3-4) + `"}`
	entries := []warehouse.JournalEntry{
		entry("a", "drift", `k'e"y\n 鍵`, 0, `{"example":"it's \\ \"quoted\" \u0000"}`), entry("b", "drift", "k", 1, long), entry("a", "failure", "k", 2, `{}`),
	}
	if err := f.w.Record(ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.w.Record(ctx, entries...); err != nil {
		t.Fatal(err)
	}
	check := func(name string, filter warehouse.JournalFilter, want ...warehouse.JournalEntry) {
		t.Helper()
		if got := collected(t, f.w.Journal(ctx, filter)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %.300s", name, fmt.Sprintf("%+v\nwant %+v", got, want))
		}
	}
	check("all, the latest first", warehouse.JournalFilter{}, entries[2], entries[1], entries[0])
	check("of a type", warehouse.JournalFilter{Type: "a"}, entries[2], entries[0])
	check("of a kind", warehouse.JournalFilter{Kind: "drift", Limit: 1}, entries[1])
	check("of a time", warehouse.JournalFilter{Since: entries[1].At, Until: entries[2].At}, entries[1])

	again := entry("b", "drift", "k", 9, `{"n":2}`)
	if err := f.w.Record(ctx, again); err != nil {
		t.Fatal(err)
	}
	check("again: in its place", warehouse.JournalFilter{}, again, entries[2], entries[0])

	var many []warehouse.JournalEntry
	for i := range 50 {
		many = append(many, entry("c", "drift", fmt.Sprint(i), i, `{}`))
	}
	if err := f.w.Record(ctx, many...); err != nil {
		t.Fatal(err)
	}
	if got := collected(t, f.w.Journal(ctx, warehouse.JournalFilter{Type: "c"})); len(got) != len(many) {
		t.Errorf("got %d entries, want %d", len(got), len(many))
	}
}
