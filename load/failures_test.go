package load_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/failure"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/fault"
)

func (w *world) failures(of ikada.LogType) (all []failure.Group) {
	w.t.Helper()
	for e, err := range w.inner.Journal(ctx, warehouse.JournalFilter{Type: of, Kind: failure.Kind}) {
		w.check(err)
		f, err := failure.Parse(e)
		w.check(err)
		all = append(all, f)
	}
	return all
}

func TestFailedLoadsAreRecordedByCause(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	for info, err := range w.archive.List(ctx, "", "") {
		w.check(err)
		w.check(w.archive.Put(ctx, info.Key, []byte("damaged")))
	}
	begin := time.Now().Add(-time.Second)
	for range 3 {
		if err := w.loader(load.Options{}).Once(ctx); err == nil { // a process of its own each time
			t.Fatal("no error")
		}
	}
	w.failWith(func(c fault.Call) fault.Outcome {
		if c.Op == "Load" {
			return fault.FailBefore
		}
		return fault.Pass
	})
	if err := w.loader(load.Options{}).Once(ctx); err == nil {
		t.Fatal("no error")
	}
	got := w.failures(access)
	if len(got) != 2 || got[0].Count != 1 || !strings.Contains(got[0].Error, "fault on purpose") || got[1].Count != 3 ||
		!strings.Contains(got[1].Error, "corrupt data") || got[1].First.Before(begin) || got[1].Last.Before(got[1].First) || got[1].Type != access {
		t.Errorf("got %+v", got)
	}
}

func TestFailuresWaitForAWarehouseThatIsDown(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	l := w.loader(load.Options{})
	w.failWith(func(fault.Call) fault.Outcome { return fault.FailBefore })
	b := func() { // past what is asked once for all log types
		if err := l.OnceOf(ctx, access.PathName()); err == nil {
			t.Fatal("no error")
		}
	}
	b()
	w.failWith(func(c fault.Call) fault.Outcome {
		if c.Op == "Tables" {
			return fault.Pass
		}
		return fault.FailBefore
	})
	b()
	b()
	w.failWith(nil)
	w.check(l.Once(ctx))
	w.complete()
	if got := w.failures(access); len(got) != 1 || got[0].Count != 2 {
		t.Errorf("got %+v, want two of one cause", got)
	}
}

func TestCausesAreBounded(t *testing.T) {
	w := newWorld(t)
	l := w.loader(load.Options{})
	for i := range 30 {
		l.FailForTest(access, strings.Repeat("x", i+1))
	}
	got := w.failures(access)
	count := int64(0)
	for _, f := range got {
		count += f.Count
	}
	if len(got) != 21 || count != 30 {
		t.Errorf("got %d causes of %d failures", len(got), count)
	}
}
