package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	bucketmem "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/internal/failure"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/mem"
)

var ctx = context.Background()

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load makes a table of some columns and a ledger entry of a manifest without files.
func load(t *testing.T, w warehouse.Warehouse, of ikada.LogType, plan uint64, columns ...warehouse.Column) string {
	t.Helper()
	check(t, w.Extend(ctx, of, columns))
	key := manifest.Key(of, plan, ikada.Plain)
	_, err := w.Load(ctx, warehouse.Job{Type: of, Manifests: []warehouse.Manifest{{Key: key, Plan: plan, Bytes: 10}}})
	check(t, err)
	return key
}

func TestTypesAskFewQuestionsHoweverManyThereAre(t *testing.T) {
	inner := mem.New(bucketmem.New())
	for i := range 2000 {
		load(t, inner, ikada.LogType(fmt.Sprintf("t%04d", i)), 1)
	}
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	for i, d := range []drift.Drift{
		{Field: "a", Sort: drift.Float, At: at}, {Field: "b", Sort: drift.Vanished, At: at.Add(2 * time.Hour)}, {Field: "c", Sort: drift.New, At: at.Add(time.Hour)},
	} {
		e, err := d.Entry("t0007")
		check(t, err)
		check(t, inner.Record(ctx, e))
		if i == 0 {
			e.Type = "t0008"
			check(t, inner.Record(ctx, e))
		}
	}
	calls := 0
	h := &history.History{Manifests: bucketmem.New(), Warehouse: fault.New(inner, func(fault.Call) fault.Outcome { calls++; return fault.Pass })}
	found, err := h.Types(ctx, at.Add(time.Minute))
	if err != nil || len(found.Types) != 2000 || calls > 5 {
		t.Fatalf("got %d log types by %d calls, %v", len(found.Types), calls, err)
	}
	if seven, eight := found.Types[7], found.Types[8]; seven.Drifts != 2 || !seven.LastDrift.Equal(at.Add(2*time.Hour)) || eight.Drifts != 0 || seven.Table != "t0007" || seven.FirstSeen.IsZero() {
		t.Errorf("got %+v, %+v", seven, eight)
	}
}

func TestShowTellsWhyAFieldHasNoColumn(t *testing.T) {
	w, manifests := mem.New(bucketmem.New()), bucketmem.New()
	var columns []warehouse.Column
	for i := range warehouse.MaxColumns {
		name := fmt.Sprintf("f%d", i)
		columns = append(columns, warehouse.Column{Field: name, Name: name, Type: warehouse.BigInt})
	}
	key := load(t, w, "wide", 1, columns...)
	load(t, w, "wide", 2) // its manifest is gone
	m := manifest.Manifest{Ikada: manifest.Detail{Version: manifest.Version, Plan: 1, Type: "wide", Rows: 10, Fields: []ikada.Field{
		{Name: "f0", Kinds: ikada.KindInt | ikada.KindNull, Rows: 8, Nulls: 3}, {Name: "more", Kinds: ikada.KindText, MaxBytes: 5, Rows: 2},
		{Name: "none", Kinds: ikada.KindNull, Rows: 4, Nulls: 4},
	}}}
	data, err := m.Encode()
	check(t, err)
	check(t, manifests.Create(ctx, key, data))
	h := &history.History{Manifests: manifests, Warehouse: w}
	d, err := h.Show(ctx, "wide")
	check(t, err)
	if d.Observed != (history.Observed{Manifests: 2, Rows: 10, FirstPlan: 1, LastPlan: 2}) || !d.Full || len(d.Fields) != warehouse.MaxColumns || len(d.Without) != 2 {
		t.Fatalf("got %+v, %+v", d.Observed, d.Without)
	}
	if f := d.Fields[0]; f.NullShare != 0.5 || !slices.Equal(f.Kinds, []string{"null", "int"}) || f.Since.IsZero() {
		t.Errorf("got %+v", f)
	}
	if d.Fields[1].NullShare != 1 || len(d.Fields[1].Kinds) != 0 {
		t.Errorf("got %+v", d.Fields[1])
	}
	if none, more := d.Without[0], d.Without[1]; none.Field != "none" || none.Why != "only nulls so far" || more.Field != "more" || !strings.Contains(more.Why, "1000 columns") {
		t.Errorf("got %+v", d.Without)
	}
	if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), ":null") || !strings.Contains(string(text), `"drift":[]`) {
		t.Errorf("lists are null in %.300s, %v", text, err)
	}
	if _, err := h.Show(ctx, "absent"); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestLoadsAndFailures(t *testing.T) {
	w := mem.New(bucketmem.New())
	h := &history.History{Manifests: bucketmem.New(), Warehouse: w}
	for plan := range uint64(3) {
		load(t, w, "a", plan+1)
	}
	load(t, w, "b", 9)
	for limit, more := range map[int]bool{0: false, 2: true, 3: false} {
		got, err := h.Loads(ctx, history.Filter{Type: "a", Limit: limit})
		if err != nil || got.More != more || got.Loads[0].Plan != 3 || got.Loads[0].Outcome != "loaded" {
			t.Errorf("limit %d: got %+v, %v", limit, got, err)
		}
	}
	for of, at := range map[ikada.LogType]time.Time{"a": time.Now().Add(-time.Hour), "b": time.Now().Add(time.Hour)} {
		g := failure.Group{Type: of}
		g.Add(errors.New("no"), at)
		e, err := g.Entry("cause")
		check(t, err)
		check(t, w.Record(ctx, e))
	}
	got, err := h.Failures(ctx, history.Filter{})
	if err != nil || len(got.Failures) != 2 || got.Failures[0].Over || !got.Failures[1].Over || got.More {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := h.Failures(ctx, history.Filter{Limit: 1}); err != nil || len(got.Failures) != 1 || !got.More {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCausesAreTheSameButForNumbers(t *testing.T) {
	one, two, other := errors.New("load 12: file a/000012-1.json.gz: crc 0badf00d"), errors.New("load 3: file a/000777-2.json.gz: crc 1badf00d"), errors.New("load 3: gone")
	if failure.Cause(one) != failure.Cause(two) || failure.Cause(one) == failure.Cause(other) {
		t.Error("causes are not told apart well")
	}
}
