package load_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// journal returns the drifts that are recorded of a log type, by key.
func (w *world) journal(of ikada.LogType) map[string]drift.Drift {
	w.t.Helper()
	found := map[string]drift.Drift{}
	for _, kind := range []string{drift.Kind, drift.KindVanished} {
		for e, err := range w.inner.Journal(ctx, warehouse.JournalFilter{Type: of, Kind: kind}) {
			w.check(err)
			d, err := drift.Parse(e)
			w.check(err)
			if e.Key != d.Key() || !d.At.Truncate(1000).Equal(e.At) {
				w.t.Errorf("entry %q at %v holds %+v", e.Key, e.At, d)
			}
			found[e.Key] = d
		}
	}
	return found
}

// drifts describes the drifts that are recorded: "float n: bigint → decimal, plan 2, 1 rows, 1.5 of 2.plain.0".
func (w *world) drifts(of ikada.LogType) (all []string) {
	w.t.Helper()
	for key, d := range w.journal(of) {
		text := fmt.Sprintf("%s: %s → %s, plan %d, %d rows", key, d.Before, d.After, d.Plan, d.Rows)
		if d.Example != nil {
			text += fmt.Sprintf(", %s of %s", d.Example.Value, d.Example.ID)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func TestDriftsAreRecordedWithAnExample(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  []string // the log type's first manifest
		second []string
		want   []string
	}{
		{"nothing new", []string{`{"a":1}`, `{"b":null}`}, []string{`{"a":2}`, `{}`}, nil},
		{"a new field", []string{`{"a":1}`}, []string{`{"a":2}`, `{"a":2,"b":"x"}`, `{"b":"y"}`},
			[]string{"new b:  → text, plan 2, 2 rows, \"x\" of 2.plain.1"}},
		{"only null", []string{`{"a":1}`}, []string{`{"a":2}`, `{"b":null}`},
			[]string{"null_only b:  → null, plan 2, 1 rows, null of 2.plain.1"}},
		{"int to float", []string{`{"a":1}`}, []string{`{"a":2}`, `{"a":1.5}`},
			[]string{"float a: bigint → decimal, plan 2, 2 rows, 1.5 of 2.plain.1"}},
		{"number to text", []string{`{"a":1}`}, []string{`{"a":"n/a"}`, `{"a":""}`},
			[]string{"text a: bigint → empty|text, plan 2, 2 rows, \"n/a\" of 2.plain.0"}},
		{"text to number", []string{`{"a":"x"}`}, []string{`{"a":1}`},
			[]string{"number a: text → int, plan 2, 1 rows, 1 of 2.plain.0"}},
		{"scalar to object and array", []string{`{"a":1}`}, []string{`{"a":[1]}`, `{"a":{"b":2}}`},
			[]string{`array a: bigint → array, plan 2, 2 rows, [1] of 2.plain.0`, `object a: bigint → object, plan 2, 2 rows, {"b":2} of 2.plain.1`}},
		{"a number too large", []string{`{"a":1.5}`}, []string{`{"a":9007199254740993}`},
			[]string{"large_number a: double → int64, plan 2, 1 rows, 9007199254740993 of 2.plain.0"}},
		{"bool", []string{`{"a":1}`}, []string{`{"a":true}`}, []string{"bool a: bigint → bool, plan 2, 1 rows, true of 2.plain.0"}},
		{"letter case", []string{`{"userId":1}`}, []string{`{"userid":"u"}`},
			[]string{`case userid: userId → text, plan 2, 1 rows, "u" of 2.plain.0`}},
		{"a timestamp's format", []string{`{"t":"2026-11-23T05:06:07Z"}`}, []string{`{"t":"2026-11-23T05:06:08Z"}`, `{"t":"23/11/2026"}`},
			[]string{`time_format t: timestamp → text, plan 2, 2 rows, "23/11/2026" of 2.plain.1`}},
		{"a text that grows, where nothing bounds it", []string{`{"s":"x"}`}, []string{`{"s":"xyz"}`, `{"s":"xyz and more"}`}, nil},
		{"a field in JSON text only looks like one", []string{`{"a":1}`}, []string{`{"a":3,"s":"\"a\":1.5"}`, `{"a":1.5}`},
			[]string{"float a: bigint → decimal, plan 2, 2 rows, 1.5 of 2.plain.1", `new s:  → text, plan 2, 1 rows, "\"a\":1.5" of 2.plain.0`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, most := range []int{1, 100} {
				w := newWorld(t)
				w.plain(1, access, c.first...)
				w.plain(2, access, c.second...)
				w.plain(3, access, c.second...) // once is enough
				w.check(w.loader(load.Options{Archive: archive.NewView(w.archive), MaxManifests: most}).Once(ctx))
				w.plain(4, access, c.second...)
				w.check(w.loader(load.Options{Archive: archive.NewView(w.archive)}).Once(ctx)) // for another process, too
				if got := w.drifts(access); !slices.Equal(got, c.want) {
					t.Errorf("%d manifests a load: got\n%s\nwant\n%s", most, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
				w.complete()
			}
		})
	}
}

func TestLongExamplesAreCutAndFarOnesLeftOut(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	w.plain(2, access, `{"b":"`+strings.Repeat("あ", 500)+`"}`)
	var far []string
	for range 18 {
		far = append(far, `{"a":1,"s":"`+strings.Repeat("x", 1<<20)+`"}`)
	}
	w.plain(3, access, append(far, `{"far":1}`)...)
	w.check(w.loader(load.Options{Archive: archive.NewView(w.archive)}).Once(ctx))
	found := w.journal(access)
	if e := found["new b"].Example; e == nil || !e.Cut || len(e.Value) > 200 || !strings.HasPrefix(e.Value, `"あ`) || strings.ContainsRune(e.Value, '\uFFFD') {
		t.Errorf("got %+v", e)
	}
	if d, ok := found["new far"]; !ok || d.Example != nil {
		t.Errorf("got %+v", d)
	}
}

func TestAMapUsedAsAnObjectIsToldOnce(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	for n := range uint64(12) {
		var keys []string
		for i := range 100 {
			keys = append(keys, fmt.Sprintf(`"k%d":%d`, 100*int(n)+i, i))
		}
		w.plain(n+2, access, "{"+strings.Join(keys, ",")+"}")
	}
	w.check(w.loader(load.Options{Archive: archive.NewView(w.archive), MaxManifests: 5}).Once(ctx))
	w.plain(20, access, `{"a":"text"}`) // is not drowned
	w.check(w.loader(load.Options{Archive: archive.NewView(w.archive)}).Once(ctx))
	found := w.journal(access)
	if len(found) != 103 || found["limit"].Field != "k999" || found["many"].Example == nil || found["text a"].Example == nil {
		t.Errorf("got %d drifts: limit %+v, many %+v, text %+v", len(found), found["limit"], found["many"], found["text a"])
	}
	table, err := w.inner.Table(ctx, access)
	w.check(err)
	rest := 0
	for _, row := range warehousetest.Rows(t, w.inner, access) {
		if m, ok := row["_rest"].(map[string]any); ok && m["a"] == nil {
			rest += len(m)
		}
	}
	if len(table.Columns) != warehouse.MaxColumns || rest != 201 {
		t.Errorf("got %d columns, and %d values in _rest, want all of 1,201", len(table.Columns), rest)
	}
	w.complete()
}

func TestAFieldVanishesAndComesBack(t *testing.T) {
	for _, restart := range []bool{false, true} {
		w := newWorld(t)
		plan := uint64(0)
		loader := w.loader(load.Options{Archive: archive.NewView(w.archive)})
		add := func(manifests int, records ...string) {
			for range manifests {
				plan++
				w.plain(plan, access, records...)
			}
			w.check(loader.Once(ctx))
			if restart {
				loader = w.loader(load.Options{Archive: archive.NewView(w.archive)})
			}
		}
		with, without, null := `{"a":1,"b":"x"}`, `{"a":1}`, `{"a":1,"b":null}`
		rare := `{"a":1,"b":"x","rare":1}`
		add(20, with, with, with, with, without, rare)
		add(19, without, null, without, without, without)
		if got := w.drifts(access); len(got) != 0 {
			t.Errorf("restart %t: too early: %q", restart, got)
		}
		last := plan - 19
		add(20, without, without, without, without, null)
		d := w.journal(access)["vanished b"]
		if d.Plan != last || !strings.HasPrefix(d.Before, "in ") || d.Example == nil || d.Example.Value != `"x"` || !d.Returned.IsZero() || d.Column != "b" {
			t.Errorf("restart %t: got %+v, want it last seen in plan %d", restart, d, last)
		}
		if got := w.drifts(access); len(got) != 1 {
			t.Errorf("restart %t: got %q", restart, got)
		}
		add(1, with)
		if d := w.journal(access)["vanished b"]; d.Returned.IsZero() {
			t.Errorf("restart %t: it is not back: %+v", restart, d)
		}
		w.complete()
	}
}

func TestNoDriftFailsALoad(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	w.plain(2, access, `{"a":"x","b":1}`)
	w.failWith(func(c fault.Call) fault.Outcome {
		if c.Op == "Record" || c.Op == "Journal" {
			return fault.FailBefore
		}
		return fault.Pass
	})
	l := w.loader(load.Options{Archive: archive.NewView(w.archive)})
	w.check(l.Once(ctx))
	w.complete()
	if got := w.drifts(access); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	w.failWith(nil)
	w.check(l.Once(ctx)) // nothing to load, but to record
	if got := w.drifts(access); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}
