package retention_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/retention"
	"github.com/ikada-io/ikada/warehouse/mem"
)

const of ikada.LogType = "app.access"

var (
	ctx = context.Background()
	// now is long after anything was written.
	now = time.Date(2036, 1, 1, 0, 30, 0, 0, time.UTC)
	// hours of the rows are 5 to 8.
	limit = time.Date(2026, 11, 20, 7, 0, 0, 0, time.UTC)
)

func clock() time.Time { return now }

// keep keeps what is of the limit's hour and later, of one log type.
func keep(t ikada.LogType) (files, rows time.Duration) {
	if t != of {
		return 0, 0
	}
	return now.Sub(limit), now.Sub(limit)
}

// newWorld has three plans, each with two rows of each of four hours, and one of
// another log type. Of the last, nothing is loaded.
func newWorld(t *testing.T) *pipetest.World {
	w := pipetest.New(t)
	for i := range 3 {
		var records []string
		for hour := 5; hour < 9; hour++ {
			for j := range 2 {
				records = append(records, fmt.Sprintf(`{"time":"2026-11-20T%02d:%02d:00Z","n":%d}`, hour, 10*i+j, i))
			}
		}
		if i == 2 {
			w.Load()
		}
		w.Send(of, records...)
	}
	w.Append("other", `{"time":"2026-11-20T05:00:00Z"}`)
	return w
}

func keeper(w *pipetest.World, o retention.Options) *retention.Keeper {
	if o.Keep == nil {
		o.Keep = keep
	}
	if o.Now == nil {
		o.Now = clock
	}
	return retention.New(w.Archive, w.Manifests, w.Warehouse, o)
}

func once(w *pipetest.World, o retention.Options) retention.Deleted {
	w.T.Helper()
	sum, err := keeper(w, o).Once(ctx)
	w.Check(err)
	return sum
}

// audited checks that conservation holds, and returns the log type's counts.
func audited(w *pipetest.World, name string) audit.TypeCounts {
	w.T.Helper()
	r, err := audit.Run(ctx, audit.Sources{Buffer: w.Buffer, Archive: w.Archive, Manifests: w.Manifests, Warehouse: w.Warehouse},
		audit.Options{Deep: true, Due: 1e6 * time.Hour})
	w.Check(err)
	if !r.Holds {
		w.T.Errorf("%s: gaps %+v", name, r.Gaps)
	}
	for _, c := range r.Types {
		if c.Archived != c.Loaded+c.Quarantined+c.WaitingManifests+c.ExpiredUnloaded {
			w.T.Errorf("%s: the numbers do not add up: %+v", name, c)
		}
		if c.Type == of {
			return c
		}
	}
	return audit.TypeCounts{}
}

// files are the archive files of a log type by hour.
func files(w *pipetest.World, t ikada.LogType) map[string]int {
	byHour := map[string]int{}
	for key := range w.Objects(w.Archive, t.PathName()+"/dt=") {
		byHour[strings.Split(key, "/")[2]]++
	}
	return byHour
}

func TestWhatIsTooOldGoes(t *testing.T) {
	w := newWorld(t)
	if c := audited(w, "before"); c.Archived != 24 || c.WaitingManifests != 8 {
		t.Errorf("before: %+v", c)
	}
	// Of the third plan nothing is loaded, so its files stay, whatever their age.
	if got, want := once(w, retention.Options{}), (retention.Deleted{Files: 4, FileRows: 8, Rows: 8}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := files(w, of), map[string]int{"hh=05": 1, "hh=06": 1, "hh=07": 3, "hh=08": 3}; !maps.Equal(got, want) {
		t.Errorf("files: got %v, want %v", got, want)
	}
	c := audited(w, "after")
	if c.Archived != 24 || c.Expired != 8 || c.Loaded != 16 || c.Table.Rows != 8 || c.Table.Expired != 8 {
		t.Errorf("after: %+v, %+v", c, *c.Table)
	}
	if got := once(w, retention.Options{}); got != (retention.Deleted{}) {
		t.Errorf("again: %+v", got)
	}
	w.Load() // and now the rest is loaded
	if got, want := once(w, retention.Options{}), (retention.Deleted{Files: 2, FileRows: 4, Rows: 4}); got != want {
		t.Errorf("later: got %+v, want %+v", got, want)
	}
	if c := audited(w, "later"); c.Expired != 12 || c.Table.Rows != 12 {
		t.Errorf("later: %+v, %+v", c, *c.Table)
	}
	w.Route()
	w.Load()
	once(w, retention.Options{})
	if got := files(w, "other"); got["hh=05"] != 1 {
		t.Errorf("a log type that is kept for ever: %v", got)
	}
	// The record says what was deleted, by whom nobody was asked.
	day, err := archive.New(w.Archive).Day(ctx, of.PathName(), "2026-11-20")
	w.Check(err)
	rows := int64(0)
	for _, e := range day.Entries {
		if e.Expiry == nil || !e.Ended || !strings.Contains(e.Expiry.Reason, "older than") {
			t.Errorf("record %+v", e)
			continue
		}
		for _, f := range e.Expiry.Files {
			rows += f.Rows
		}
	}
	if rows != 12 {
		t.Errorf("the records tell of %d rows", rows)
	}
}

func TestNothingIsDeletedUnlessSomebodySaysSo(t *testing.T) {
	w := newWorld(t)
	w.Load()
	for name, o := range map[string]retention.Options{
		"kept for ever":      {Keep: func(ikada.LogType) (time.Duration, time.Duration) { return 0, 0 }},
		"kept long enough":   {Keep: func(ikada.LogType) (time.Duration, time.Duration) { return 1e5 * time.Hour, 1e5 * time.Hour }},
		"of another type":    {Keep: func(t ikada.LogType) (time.Duration, time.Duration) { return keep("x" + t) }},
		"written just now":   {Grace: 1e5 * time.Hour, Keep: func(ikada.LogType) (time.Duration, time.Duration) { return time.Hour, 0 }},
		"no step is allowed": {MaxSteps: -1},
	} {
		if got := once(w, o); got != (retention.Deleted{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	only := func(files, rows time.Duration) retention.Options {
		return retention.Options{Keep: func(ikada.LogType) (time.Duration, time.Duration) { return files, rows }}
	}
	if got := once(w, only(0, time.Hour)); got.Files != 0 || got.Rows != 24 {
		t.Errorf("only rows: %+v", got)
	}
	if got := once(w, only(time.Hour, 0)); got.Files != 12 || got.Rows != 0 {
		t.Errorf("only files: %+v", got)
	}
	audited(w, "all gone")
}

func TestWithoutAWarehouseFilesGoByTheirAge(t *testing.T) {
	w := newWorld(t)
	w.Warehouse = nil
	sum, err := retention.New(w.Archive, w.Manifests, nil, retention.Options{Keep: keep, Now: clock}).Once(ctx)
	if err != nil || sum.Files != 6 {
		t.Errorf("got %+v, %v", sum, err)
	}
	audited(w, "without a warehouse")
}

// Whatever write it dies at, the next process brings it to the same end, and in
// between an audit holds.
func TestACrashAtAnyWriteIsMadeGood(t *testing.T) {
	calm := newWorld(t)
	calm.Load()
	once(calm, retention.Options{MaxFiles: 2})
	want := files(calm, of)
	if want["hh=05"] != 0 || want["hh=07"] != 3 {
		t.Fatalf("got %v", want)
	}
	for _, outcome := range []fault.Outcome{fault.CrashBefore, fault.CrashAfter} {
		for n := 1; ; n++ {
			w := newWorld(t)
			w.Load()
			p := fault.NewProcess(n, outcome)
			dying := retention.New(fault.New(w.Archive, fault.Options{Process: p}), w.Manifests, w.Warehouse, retention.Options{Keep: keep, Now: clock, MaxFiles: 2})
			_, err := dying.Once(ctx)
			if !p.Crashed() {
				if n < 10 {
					t.Errorf("only %d writes", n)
				}
				break
			}
			if err == nil {
				t.Fatalf("write %d: no error", n)
			}
			audited(w, fmt.Sprintf("died at write %d", n))
			once(w, retention.Options{MaxFiles: 2})
			if got := files(w, of); !maps.Equal(got, want) {
				t.Fatalf("write %d: got %v, want %v", n, got, want)
			}
			if c := audited(w, fmt.Sprintf("after write %d", n)); c.Expired != 12 || c.Table.Rows != 12 {
				t.Fatalf("write %d: %+v", n, c)
			}
		}
	}
}

func compactor(w *pipetest.World) *compact.Compactor {
	return compact.New(w.View, w.Manifests, w.Warehouse, compact.Options{Now: clock})
}

func TestCompactedFilesExpireToo(t *testing.T) {
	w := newWorld(t)
	w.Load()
	if _, err := compactor(w).Once(ctx, "", func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if c := audited(w, "compacted"); c.Archived != 24 || c.Expired != 0 {
		t.Errorf("compacted: %+v", c)
	}
	if got := once(w, retention.Options{}); got.FileRows != 12 {
		t.Errorf("got %+v", got)
	}
	if c := audited(w, "expired"); c.Expired != 12 || c.Table.Rows != 12 {
		t.Errorf("expired: %+v, %+v", c, *c.Table)
	}
	// A new warehouse gets what is left.
	w.Warehouse = mem.New(w.View)
	w.Load()
	if c := audited(w, "a new warehouse"); c.Loaded != 12 || c.ExpiredUnloaded != 12 || c.Table.Rows != 12 {
		t.Errorf("a new warehouse: %+v", c)
	}
}

func TestACompactedFileThatIsDeletedIsAGap(t *testing.T) {
	w := newWorld(t)
	w.Load()
	if _, err := compactor(w).Once(ctx, "", func(int64) {}); err != nil {
		t.Fatal(err)
	}
	for key := range w.Objects(w.Archive, of.PathName()+"/dt=2026-11-20/hh=05/c") {
		w.Check(w.Archive.Delete(ctx, key))
	}
	r, err := audit.Run(ctx, audit.Sources{Buffer: w.Buffer, Archive: w.Archive, Manifests: w.Manifests, Warehouse: w.Warehouse}, audit.Options{Due: 1e6 * time.Hour})
	if err != nil || r.GapRows != 6 || r.GapCount != 3 || r.Gaps[0].Kind != audit.FileMissing || !strings.Contains(r.Gaps[0].Detail, "compacted from") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Compaction, retention and audits may run side by side.
func TestSideBySide(t *testing.T) {
	for round := range 5 {
		w := newWorld(t)
		w.Load()
		var busy sync.WaitGroup
		for range 2 {
			busy.Go(func() { _, _ = compactor(w).Once(ctx, "", func(int64) {}) })
			busy.Go(func() { _, _ = keeper(w, retention.Options{MaxFiles: 2}).Once(ctx) })
			busy.Go(func() { audited(w, fmt.Sprintf("round %d", round)) })
		}
		busy.Wait()
		once(w, retention.Options{})
		if got := files(w, of); got["hh=05"] > 3 {
			t.Errorf("got %v", got)
		}
		if c := audited(w, fmt.Sprintf("after round %d", round)); c.Expired != 12 || c.Table.Rows != 12 {
			t.Fatalf("after round %d: %+v", round, c)
		}
	}
}

func TestRunLooksNowAndThen(t *testing.T) {
	w := newWorld(t)
	w.Load()
	synctest.Test(t, func(t *testing.T) {
		k := retention.New(w.Archive, w.Manifests, w.Warehouse, retention.Options{Keep: keep, Now: clock, MaxSteps: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		if err := k.Run(ctx, time.Hour); err != nil {
			t.Error(err)
		}
	})
	if got := files(w, of); got["hh=05"] != 0 {
		t.Errorf("after a minute: %v", got)
	}
}

// Files of a day go when the last of its hours is old enough; rows by their hour.
func TestFilesOfADayGoWithItsLastHour(t *testing.T) {
	w := pipetest.New(t)
	w.ByDay = func(t ikada.LogType) bool { return t == of }
	w.Send(of, `{"time":"2026-11-19T05:00:00Z"}`, `{"time":"2026-11-20T05:00:00Z"}`, `{"time":"2026-11-20T08:00:00Z"}`)
	w.Load()
	if got, want := once(w, retention.Options{}), (retention.Deleted{Files: 1, FileRows: 1, Rows: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if c := audited(w, "by day"); c.Expired != 1 || c.Table.Rows != 1 {
		t.Errorf("got %+v, %+v", c, *c.Table)
	}
	later := func(ikada.LogType) (time.Duration, time.Duration) { return now.Sub(limit.Add(17 * time.Hour)), 0 }
	if got := once(w, retention.Options{Keep: later}); got.Files != 1 || got.FileRows != 2 {
		t.Errorf("at the day's end: %+v", got)
	}
	audited(w, "all gone")
}
