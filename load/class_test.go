package load_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// failHard fails loads of the hard class.
func failHard(c fault.Call) fault.Outcome {
	if c.Op == "Load" && c.Job.Class == ikada.Hard {
		return fault.FailBefore
	}
	return fault.Pass
}

// A hard manifest that can't be loaded holds up no plain one, and its failure shows.
func TestAHardManifestThatFailsHoldsUpNoPlainOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.failWith(failHard)
		l := w.loader(load.Options{})
		stop := w.start(l)
		for n := range uint64(40) {
			w.add(n+1, access, ikada.Hard, `{"h":1}`)
			w.plain(n+1, access, `{"a":1}`)
			l.Wake(access)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if got := len(w.ids(access)); got != int(n+1) {
				t.Fatalf("after %d plans the table has %d rows", n+1, got)
			}
		}
		tries := 0
		for _, job := range w.jobs(access) {
			if strings.HasPrefix(job, "hard") {
				tries++
			}
		}
		if tries < 5 || tries > 60 { // pauses of at most a minute, within 400 s, as if alone
			t.Errorf("%d tries of the hard ones", tries)
		}
		waiting := l.Waiting()
		if len(waiting) != 1 || waiting[0].Manifests != 40 || !strings.Contains(waiting[0].Error, "hard manifests") || waiting[0].RetryAt.IsZero() {
			t.Errorf("status is %+v", waiting)
		}
		w.failWith(nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		w.complete()
		if waiting := l.Waiting(); len(waiting) != 0 {
			t.Errorf("status is %+v", waiting)
		}
		stop()
	})
}

// And the other way round.
func TestAPlainManifestThatFailsHoldsUpNoHardOne(t *testing.T) {
	w := newWorld(t)
	w.failWith(func(c fault.Call) fault.Outcome {
		if c.Op == "Load" && c.Job.Class == ikada.Plain {
			return fault.FailBefore
		}
		return fault.Pass
	})
	w.plain(1, access, `{"a":1}`)
	w.add(2, access, ikada.Hard, `{"a":1}`)
	w.done(2)
	l := w.loader(load.Options{})
	if err := l.Once(ctx); err == nil || len(w.ids(access)) != 1 {
		t.Errorf("got %v, rows %v", err, w.ids(access))
	}
}

// A process that starts anew finds the hard manifests that were left behind.
func TestAStartFindsHardManifestsThatWereLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.failWith(failHard)
	for n := range uint64(30) {
		w.plain(n+1, access, `{"a":1}`)
	}
	w.add(7, access, ikada.Hard, `{"h":1}`)
	w.add(9, access, ikada.Hard, `{"h":1}`)
	if err := w.loader(load.Options{MaxManifests: 4}).Once(ctx); err == nil {
		t.Fatal("the hard ones were loaded")
	}
	if got := len(w.ids(access)); got != 30 {
		t.Fatalf("%d rows", got)
	}
	w.failWith(nil)
	w.calls = nil
	w.check(w.loader(load.Options{}).Once(ctx))
	if got := w.jobs(access); !slices.Equal(got, []string{"hard 7 9"}) {
		t.Errorf("loaded %q", got)
	}
	w.complete()
}

// Columns are decided in plan order over both classes, also where one is behind.
func TestTheOrderOfClassesDoesNotChangeTheTable(t *testing.T) {
	var columns []string
	for _, stuck := range []bool{false, true} {
		w := newWorld(t)
		w.add(1, access, ikada.Hard, `{"x":1,"big":"b"}`)
		w.plain(1, access, `{"a":1}`)
		w.plain(2, access, `{"x":"text","big":2}`)
		if stuck {
			w.failWith(failHard)
		}
		l := w.loader(load.Options{MaxManifests: 1})
		_ = l.Once(ctx)
		w.failWith(nil)
		w.check(l.Once(ctx))
		w.complete()
		columns = append(columns, w.columns(access))
	}
	if columns[0] != columns[1] {
		t.Errorf("columns %s, and %s where hard ones are behind", columns[0], columns[1])
	}
}

// Rows that a load sets aside are counted, and the type goes on.
func TestRowsSetAsideAreCounted(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`, `{"a":40000}`, `{"a":3}`)
	stats := new(ikada.Stats)
	w.check(w.inner.Extend(ctx, access, []warehouse.Column{{Field: "a", Name: "a", Type: warehouse.BigInt}}))
	w.inner.Narrow(access, "a")
	w.check(w.loader(load.Options{Stats: stats}).Once(ctx))
	if s := stats.Snapshot(); s.Events != 2 || s.Quarantined != 1 || s.Errors != 0 {
		t.Errorf("stats are %+v", s)
	}
	if got := w.ids(access); !slices.Equal(got, []string{"1.plain.0", "1.plain.2"}) {
		t.Errorf("rows %v", got)
	}
	if rows := warehousetest.Rows(t, w.inner, ikada.Quarantine); len(rows) != 1 || rows[0]["row"] != "1.plain.1" {
		t.Errorf("the quarantine has %v", rows)
	}
}

// What is wrong with the quarantine's own rows is an error of that type alone.
func TestTheQuarantineIsAlarmedAboutAndOthersGoOn(t *testing.T) {
	w := newWorld(t)
	w.check(w.inner.Extend(ctx, ikada.Quarantine, []warehouse.Column{{Field: "part", Name: "part", Type: warehouse.BigInt}}))
	w.inner.Narrow(ikada.Quarantine, "part")
	w.add(1, ikada.Quarantine, ikada.Plain, `{"part":40000}`)
	w.plain(1, access, `{"a":1}`)
	err := w.loader(load.Options{}).Once(ctx)
	if err == nil || !strings.Contains(err.Error(), warehouse.ErrQuarantineRefused.Error()) || !strings.Contains(err.Error(), plan.ArchiveKey(ikada.Quarantine, 0, ikada.Plain, 1, 1)) {
		t.Errorf("got %v", err)
	}
	if got := len(w.ids(access)); got != 1 {
		t.Errorf("the other type has %d rows", got)
	}
}
