package load_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

const access = ikada.LogType("app.access")

func TestManifestsOfAClassLoadInPlanOrder(t *testing.T) {
	w := newWorld(t)
	for _, n := range []uint64{3, 1, 2, 12, 7, 100} {
		w.add(n, access, ikada.Plain, `{"n":1}`)
	}
	w.add(2, access, ikada.Hard, `{"n":1}`)
	w.add(3, access, ikada.Hard, `{"n":1}`)
	w.add(4, access, ikada.Hard, `{"n":1}`)
	w.done(100)
	w.check(w.loader(load.Options{}).Once(ctx))
	if got, want := w.jobs(access), []string{"plain 1 2 3 7 12 100", "hard 2 3 4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	w.complete()
}

func TestManifestsOfPlansThatAreNotDoneWait(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{}`)
	w.add(2, access, ikada.Plain, `{}`)
	l := w.loader(load.Options{})
	w.check(l.Once(ctx))
	if got := w.ids(access); len(got) != 1 {
		t.Errorf("got rows %v", got)
	}
	w.done(2)
	w.check(l.Once(ctx))
	w.complete()
}

func TestLoadsAreBounded(t *testing.T) {
	small, large := `{"s":"x"}`, `{"s":"`+strings.Repeat("x", 5000)+`"}`
	for _, c := range []struct {
		name string
		opts load.Options
		want []string
	}{
		{"at most so many manifests", load.Options{MaxManifests: 3}, []string{"plain 1 2 3", "plain 4 5 6", "plain 7"}},
		{"at most so many bytes, but one manifest at least", load.Options{MaxBytes: 200}, []string{"plain 1 2 3", "plain 4", "plain 5 6 7"}},
		{"as many as there are", load.Options{}, []string{"plain 1 2 3 4 5 6 7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for n := range uint64(7) {
				record := small
				if n == 3 {
					record = large
				}
				w.plain(n+1, access, record)
			}
			w.check(w.loader(c.opts).Once(ctx))
			if got := w.jobs(access); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			w.complete()
		})
	}
}

// changing is a log type whose fields come, change and differ in case.
func changing(w *world) {
	records := [][]string{
		{`{"a":1,"b":null}`},
		{`{"a":"text","c":true}`, `{"c":null}`},
		{`{"b":1.5,"A":2}`, `{"b":2}`},
		{`{"d":{"x":1}}`, `{"d":3,"userId":1}`},
		{`{"b":"late text","userid":"u","e":null}`},
		{`{"e":"2026-11-23T05:06:07Z","select":1}`},
		{`{"e":"not a time","f":9007199254740993}`, `{}`},
		{`{"f":1e400,"日本":[1]}`},
	}
	for i, lines := range records {
		w.plain(uint64(i+1), access, lines...)
	}
	w.add(5, access, ikada.Hard, `{"g":1,"a":1}`)
}

func TestTablesAreTheSameHoweverLoadsAreCut(t *testing.T) {
	var columns string
	var rows []map[string]any
	for _, most := range []int{1, 2, 3, 5, 100} {
		w := newWorld(t)
		changing(w)
		var direct int
		w.check(w.loader(load.Options{MaxManifests: most, OnLoaded: func(d load.Loaded) {
			if d.Direct {
				direct++
			}
			if d.Direct && (d.Result.Rest > 0 || d.Class == ikada.Hard) {
				t.Errorf("a direct load of %d manifests has %d rows with a _rest, class %s", d.Manifests, d.Result.Rest, d.Class)
			}
		}}).Once(ctx))
		w.complete()
		if most == 1 {
			columns, rows = w.columns(access), warehousetest.Rows(t, w.inner, access)
			if direct == 0 {
				t.Error("no load was direct")
			}
		}
		if got := w.columns(access); got != columns {
			t.Errorf("%d manifests a load: columns %s, want %s", most, got, columns)
		}
		if got := warehousetest.Rows(t, w.inner, access); !reflect.DeepEqual(got, rows) {
			t.Errorf("%d manifests a load: rows %v, want %v", most, got, rows)
		}
	}
}

func TestLoadsOfCleanManifestsAreDirect(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	w.plain(2, access, `{"a":2,"b":"x"}`)
	var got []load.Loaded
	w.check(w.loader(load.Options{OnLoaded: func(d load.Loaded) { got = append(got, d) }}).Once(ctx))
	if len(got) != 1 || !got[0].Direct || got[0].Result.Rows != 2 || got[0].Manifests != 2 || got[0].Bytes == 0 ||
		got[0].Type != access || !got[0].OldestArrival.Before(got[0].At) {
		t.Errorf("got %+v", got)
	}
}

func TestACrashAtAnyCallLosesAndDoublesNothing(t *testing.T) {
	reference := newWorld(t)
	changing(reference)
	reference.check(reference.loader(load.Options{MaxManifests: 3}).Once(ctx))
	calls := len(reference.calls)
	for _, outcome := range []fault.Outcome{fault.FailBefore, fault.FailAfter, fault.CrashBefore, fault.CrashAfter} {
		for at := range calls {
			w := newWorld(t)
			changing(w)
			n, aside := 0, false
			w.failWith(func(c fault.Call) fault.Outcome {
				n++
				if n == at+1 {
					aside = slices.Contains([]string{"Record", "Journal", "Ledger"}, c.Op) || c.Op == "Extend" && c.Type == ikada.Quarantine
					return outcome
				}
				return fault.Pass
			})
			l := w.loader(load.Options{MaxManifests: 3})
			// A table that was not there is not there, even if the answer failed.
			// What only notes drifts, or makes the quarantine beforehand, fails no load.
			if err := l.Once(ctx); err == nil && outcome != fault.FailAfter && !aside {
				t.Fatalf("outcome %d of call %d went unnoticed", outcome, at)
			}
			if outcome == fault.CrashBefore || outcome == fault.CrashAfter {
				l = w.loader(load.Options{}) // which cuts differently
			}
			w.check(l.Once(ctx))
			w.complete()
			if got, want := w.columns(access), reference.columns(access); got != want {
				t.Errorf("outcome %d of call %d: columns %s, want %s", outcome, at, got, want)
			}
			if got, want := w.drifts(access), reference.drifts(access); !slices.Equal(got, want) {
				t.Errorf("outcome %d of call %d: drifts\n%q, want\n%q", outcome, at, got, want)
			}
			if waiting := l.Waiting(); len(waiting) != 0 {
				t.Errorf("outcome %d of call %d: %v waits", outcome, at, waiting)
			}
		}
	}
}

func TestAfterAnUnknownOutcomeTheLedgerIsAskedFirst(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	var once sync.Once
	w.failWith(func(c fault.Call) (o fault.Outcome) {
		if c.Op == "Load" {
			once.Do(func() { o = fault.FailAfter })
		}
		return o
	})
	l := w.loader(load.Options{})
	if err := l.Once(ctx); err == nil {
		t.Fatal("no error")
	}
	before := len(w.calls)
	w.check(l.Once(ctx))
	for _, c := range w.calls[before:] {
		if c.Op != "Loaded" {
			t.Errorf("%s was called, though the ledger had the manifest", c.Op)
		}
	}
	w.complete()
}

func TestAStartFindsTheEndOfTheLedgerWithFewQuestions(t *testing.T) {
	w := newWorld(t)
	for n := range uint64(1000) {
		w.plain(2*n+5, access, `{"a":1}`) // with plans between that had none
	}
	w.check(w.loader(load.Options{}).Once(ctx))
	w.calls = nil
	w.check(w.loader(load.Options{}).Once(ctx))
	if n := w.ops("Loaded"); n > 12 {
		t.Errorf("%d questions to the ledger", n)
	}
	w.plain(2010, access, `{"a":2}`)
	w.plain(2011, access, `{"a":2}`)
	w.add(2010, access, ikada.Hard, `{"a":2}`)
	w.calls = nil
	w.check(w.loader(load.Options{}).Once(ctx))
	if got, want := w.jobs(access), []string{"plain 2010 2011", "hard 2010"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	w.complete()
}

func TestABadLogTypeDoesNotBlockOthers(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(w *world) (key string)
		loaded int // rows of the damaged type
	}{
		{"a damaged archive file", func(w *world) string {
			key := plan.ArchiveKey(access, 0, ikada.Plain, 4, 1)
			data, err := w.archive.Get(ctx, key, 0, -1, nil)
			w.check(err)
			data = slices.Clone(data)
			data[len(data)/2] ^= 1
			w.check(w.archive.Put(ctx, key, data))
			return key
		}, 3},
		{"a lost archive file", func(w *world) string {
			key := plan.ArchiveKey(access, 0, ikada.Plain, 1, 1)
			w.check(w.archive.Delete(ctx, key))
			return key
		}, 0},
		{"a damaged manifest", func(w *world) string {
			key := manifest.Key(access, 3, ikada.Plain)
			w.check(w.manifests.Put(ctx, key, []byte("{")))
			return key
		}, 2},
		{"a manifest of another log type", func(w *world) string {
			key := manifest.Key(access, 2, ikada.Plain)
			data, err := w.manifests.Get(ctx, manifest.Key("nginx.access", 2, ikada.Plain), 0, -1, nil)
			w.check(err)
			w.check(w.manifests.Put(ctx, key, data))
			return key
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for n := range uint64(5) {
				w.add(n+1, access, ikada.Plain, `{"a":1}`)
				w.plain(n+1, "nginx.access", `{"a":1}`)
			}
			key := c.damage(w)
			l := w.loader(load.Options{})
			for range 4 { // fewer manifests each time
				if err := l.Once(ctx); err == nil || !strings.Contains(err.Error(), key) {
					t.Fatalf("got error %v, want one that names %s", err, key)
				}
			}
			if got := len(w.ids("nginx.access")); got != 5 {
				t.Errorf("the other type has %d rows", got)
			}
			if got := len(w.ids(access)); got != c.loaded {
				t.Errorf("the damaged type has %d rows, want the %d before the damage", got, c.loaded)
			}
			waiting := l.Waiting()
			if len(waiting) != 1 || waiting[0].Type != access || waiting[0].Manifests != 5-c.loaded ||
				!strings.Contains(waiting[0].Error, key) || waiting[0].RetryAt.IsZero() {
				t.Errorf("status is %+v", waiting)
			}
		})
	}
}

func TestWhatIsNoManifestIsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	w.check(w.manifests.Create(ctx, "app.access/notes.txt", []byte("?")))
	w.check(w.loader(load.Options{}).Once(ctx))
	w.complete()
}

func TestLogTypesWithAwkwardNamesLoadUnderTheirOwn(t *testing.T) {
	w := newWorld(t)
	names := []ikada.LogType{"../../etc/passwd", "a/b", "日本語", "A", "a", ikada.LogType(strings.Repeat("x", 500)), ikada.Quarantine}
	for _, of := range names {
		w.add(1, of, ikada.Plain, `{"a":1}`)
	}
	w.done(1)
	w.check(w.loader(load.Options{}).Once(ctx))
	for _, of := range names {
		w.add(2, of, ikada.Plain, `{"a":2}`)
	}
	w.done(2)
	w.check(w.loader(load.Options{}).Once(ctx)) // finds their tables by folder
	w.complete()
	for _, of := range names {
		if got := fmt.Sprint(w.jobs(of)); got != "[plain 1 plain 2]" {
			t.Errorf("%s: jobs %s", of, got)
		}
	}
}
