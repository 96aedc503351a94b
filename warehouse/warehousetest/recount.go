package warehousetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

func recount(t *testing.T, f *fixture) {
	ctx := context.Background()
	if _, err := f.w.Recount(ctx, f.of); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("without a table: got %v, want ErrNotFound", err)
	}
	if _, err := f.w.Hours(ctx, f.of); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("without a table: got %v, want ErrNotFound", err)
	}
	if err := f.w.Extend(ctx, f.of, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := f.w.Recount(ctx, f.of); err != nil || got.Rows != 0 || got.Distinct != 0 || got.Ledger != 0 || len(got.Doubled) != 0 {
		t.Errorf("an empty table: got %+v, %v", got, err)
	}
	f.load(`{"a":1}`, `{"a":2}`)
	f.load(`{"a":3}`)
	if got, err := f.w.Recount(ctx, f.of); err != nil || got.Rows != 3 || got.Distinct != 3 || got.Ledger != 3 || len(got.Doubled) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	f.plan -= 2 // so ids come again, in manifests of other names
	for range 2 {
		m, fields := f.manifest([]string{`{"a":1}`, `{"a":2}`})
		m.Key += ".again"
		f.mustLoad(f.extend(fields), m)
	}
	got, err := f.w.Recount(ctx, f.of)
	if err != nil || got.Rows != 7 || got.Distinct != 4 || got.Ledger != 7 || fmt.Sprint(got.Doubled) != "[1.0.0 1.0.1 2.0.0]" {
		t.Errorf("with doubled rows: got %+v, %v", got, err)
	}
}

// loadHours loads a row in each of the hours, and one whose time is not in its
// archive hour, which is the first.
func (f *fixture) loadHours(first ikada.Hour, hours int) {
	f.t.Helper()
	f.plan++
	var raw []byte
	for i := range hours {
		raw = fmt.Appendf(raw, "{\"_id\":\"%d.%d\",\"_time\":\"%s\",\"a\":1}\n", f.plan, i, (first + ikada.Hour(i)).Time().Add(59*time.Minute).Format(time.RFC3339))
	}
	raw = fmt.Appendf(raw, "{\"_id\":\"%d.odd\",\"_time\":\"2090-01-01T00:00:00Z\",\"_hour\":\"%s\",\"a\":1}\n", f.plan, first.Time().Format(time.RFC3339))
	m := warehouse.Manifest{Key: fmt.Sprintf("%s/%012d.manifest", f.of.PathName(), f.plan), Plan: f.plan, Rows: int64(hours) + 1}
	file := f.store(fmt.Sprintf("%s/%s/%012d-1.json.gz", f.of.PathName(), first.Path(), f.plan), raw)
	file.Rows, m.Bytes = m.Rows, file.Raw
	m.Files = []warehouse.File{file}
	f.mustLoad(f.extend([]ikada.Field{{Name: "a", Kinds: ikada.KindInt, Rows: uint64(m.Rows)}}), m)
}

func expire(t *testing.T, f *fixture) {
	ctx := context.Background()
	if _, err := f.w.Expire(ctx, f.of, 1); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("without a table: got %v, want ErrNotFound", err)
	}
	first := ikada.HourOf(time.Date(2026, 11, 1, 22, 0, 0, 0, time.UTC))
	const hours = warehouse.ExpireHours + 10
	f.loadHours(first, hours)
	want := map[ikada.Hour]int64{}
	for i := range ikada.Hour(hours) {
		want[first+i]++
	}
	want[first]++
	check := func(name string) {
		t.Helper()
		if got, err := f.w.Hours(ctx, f.of); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: got hours %v, %v; want %v", name, got, err, want)
		}
	}
	step := func(before ikada.Hour, wants warehouse.Expired) {
		t.Helper()
		if got, err := f.w.Expire(ctx, f.of, before); err != nil || got != wants {
			t.Errorf("before %d: got %+v, %v; want %+v", before-first, got, err, wants)
		}
		maps.DeleteFunc(want, func(h ikada.Hour, _ int64) bool { return h < wants.Until })
		check(fmt.Sprint("before ", before-first))
	}
	check("all")
	step(first, warehouse.Expired{Until: first, Done: true})
	step(first+2, warehouse.Expired{Rows: 3, Until: first + 2, Done: true})
	step(first+2, warehouse.Expired{Until: first + 2, Done: true})
	step(first+2+warehouse.ExpireHours+3, warehouse.Expired{Rows: warehouse.ExpireHours, Until: first + 2 + warehouse.ExpireHours})
	step(first+2+warehouse.ExpireHours+3, warehouse.Expired{Rows: 3, Until: first + 2 + warehouse.ExpireHours + 3, Done: true})

	got, err := f.w.Recount(ctx, f.of)
	if err != nil || got.Rows != int64(len(want)) || got.Ledger != hours+1 {
		t.Errorf("got %+v, %v", got, err)
	}
	sum := int64(0)
	for _, e := range collected(t, f.w.Journal(ctx, warehouse.JournalFilter{Type: f.of, Kind: warehouse.JournalExpired})) {
		var detail struct {
			Until time.Time
			Rows  int64
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil || detail.Until.IsZero() || time.Since(e.At).Abs() > time.Hour {
			t.Errorf("journal entry %+v: %v", e, err)
		}
		sum += detail.Rows
	}
	if sum != got.Ledger-got.Rows {
		t.Errorf("the journal tells of %d expired rows, want %d", sum, got.Ledger-got.Rows)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.w.Expire(cancelled, f.of, first+hours); err == nil {
		t.Error("a cancelled call gave no error")
	}
	check("after a cancelled call")
}
