package compact_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse/mem"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

const of ikada.LogType = "app.access"

var ctx = context.Background()

// records are of an hour; size is that of the text in each.
func records(n int, hour string, size int) (all []string) {
	text := make([]byte, size)
	for i := range n {
		for j := range text {
			text[j] = "abcdefghijklmnopqrstuvwxyz0123456789"[rand.N(36)]
		}
		all = append(all, fmt.Sprintf(`{"time":"%s:%02d:%02dZ","n":%d,"text":%q}`, hour, i/60%60, i%60, i, text))
	}
	return all
}

// clock stands some time after everything was archived.
func clock(d time.Duration) func() time.Time {
	return func() time.Time { return pipetest.Arrival.Add(d) }
}

func options() compact.Options { return compact.Options{Now: clock(24 * time.Hour)} }

func compactor(w *pipetest.World, b bucket.Bucket, o compact.Options) *compact.Compactor {
	return compact.New(archive.NewView(b), w.Manifests, w.Warehouse, o)
}

func once(w *pipetest.World, o compact.Options) *compact.Report {
	w.T.Helper()
	report, err := compactor(w, w.Archive, o).Once(ctx, "", func(int64) {})
	w.Check(err)
	return report
}

// rows are those of all tables of a warehouse.
func rows(w *pipetest.World) map[ikada.LogType][]map[string]any {
	w.T.Helper()
	tables, err := w.Warehouse.Tables(ctx)
	w.Check(err)
	all := map[ikada.LogType][]map[string]any{}
	for _, t := range tables {
		all[t.Type] = warehousetest.Rows(w.T, w.Warehouse, t.Type)
	}
	return all
}

// refilled are the tables of a new warehouse that is filled from the archive.
func refilled(w *pipetest.World) map[ikada.LogType][]map[string]any {
	w.T.Helper()
	old := w.Warehouse
	defer func() { w.Warehouse = old }()
	w.Warehouse = mem.New(w.View)
	w.Load()
	return rows(w)
}

// check holds that nothing is lost or doubled: every file of every manifest is
// somewhere, and a warehouse that is filled from there is the same.
func check(w *pipetest.World, want map[ikada.LogType][]map[string]any) {
	w.T.Helper()
	if got := refilled(w); !reflect.DeepEqual(got, want) {
		for t := range want {
			w.T.Errorf("%s: a new warehouse has %d rows, the old one %d", t, len(got[t]), len(want[t]))
		}
	}
	empty := int64(len(archive.Empty()))
	moved := map[string]bool{}
	for key := range w.Objects(w.Manifests, "") {
		data, err := w.Manifests.Get(ctx, key, 0, -1, nil)
		w.Check(err)
		m, err := manifest.Decode(data)
		w.Check(err)
		located, err := archive.New(w.Archive).Files(ctx, m)
		w.Check(err)
		for _, f := range located {
			moved[f.File.Key] = f.Place.Moved()
		}
	}
	for key, size := range w.Objects(w.Archive, "") {
		if where, known := moved[key]; known && !where && size == empty {
			w.T.Errorf("%s is empty but holds its rows itself", key)
		}
	}
}

// aWorld has two hours of a few log types, in many small files, some with one
// row only, and hard rows.
func aWorld(t testing.TB, rounds int) (*pipetest.World, map[ikada.LogType][]map[string]any) {
	w := pipetest.New(t)
	for i := range rounds {
		w.Append("app.access", records(1+i%5, "2026-11-20T07", 40)...)
		w.Append("app.access", records(8, "2026-11-20T06", 1200)...)
		if i%3 != 1 {
			w.Append("db.slow", `{"time":"2026-11-20T06:00:00Z","n":1e400,"text":"hard"}`, `{"time":"2026-11-20T06:00:00Z","n":1.5}`)
		}
		if i%4 != 1 {
			w.Append("rare", records(1, "2026-11-01T06", 10)...)
		}
		w.Route()
	}
	w.Load()
	return w, rows(w)
}

func TestCompact(t *testing.T) {
	w, want := aWorld(t, 12)
	report := once(w, options())
	files := 0
	for _, r := range report.Types {
		files += r.Files
		if r.NewFiles == 0 || r.NewBytes > r.Bytes {
			t.Errorf("%+v", r)
		}
	}
	if files != 24+16+9 {
		t.Errorf("%d files were bound, want all 49: %+v", files, report)
	}
	check(w, want)
	// The archive's objects that are not empty hold all rows, once.
	live := 0
	for key, size := range w.Objects(w.Archive, "") {
		if _, _, err := archive.ParseKey(key); err == nil && size > 20 {
			live++
		}
	}
	if live != 2+2+1 {
		t.Errorf("%d files hold rows, want one for each hour and class: 5", live)
	}
	if again := once(w, options()); len(again.Types) != 0 {
		t.Errorf("again: %+v", again)
	}
	// A day later the empty files are deleted, and nothing else.
	o := options()
	o.Now = clock(49 * time.Hour)
	deleted := 0
	for _, r := range once(w, o).Types {
		deleted += r.Deleted
	}
	if left := len(w.Objects(w.Archive, "")); deleted != 49 || left != 5+3*5 {
		t.Errorf("%d files are deleted, %d objects left; want 49, and 5 files with 3 objects of the map for each", deleted, left)
	}
	check(w, want)
}

func TestLateRowsAreBoundToo(t *testing.T) {
	w, _ := aWorld(t, 12)
	once(w, options())
	for range 3 {
		w.Send(of, records(200, "2026-11-20T07", 900)...)
	}
	w.Load()
	want := rows(w)
	report := once(w, options())
	if len(report.Types) != 1 || report.Types[0].Files != 4 || report.Types[0].NewFiles != 1 {
		t.Errorf("got %+v, want the compacted file and three late ones in one", report)
	}
	check(w, want)
	o := options()
	o.Now = clock(49 * time.Hour)
	once(w, o)
	check(w, want)
}

func TestOnlyWhatIsOldAndLoaded(t *testing.T) {
	w := pipetest.New(t)
	for range 4 {
		w.Send(of, records(3, "2026-11-20T06", 40)...)
	}
	if r := once(w, options()); len(r.Types) != 1 || r.Types[0].NewFiles != 0 || r.Types[0].Waiting != 4 {
		t.Errorf("nothing is loaded yet: %+v", r)
	}
	w.Load()
	want := rows(w)
	young := options()
	young.Now = clock(time.Hour) // the hour is old, the plans are not
	if r := once(w, young); len(r.Types) != 0 {
		t.Errorf("plans of an hour ago: %+v", r)
	}
	if r := once(w, options()); len(r.Types) != 1 || r.Types[0].NewFiles != 1 {
		t.Errorf("got %+v", r)
	}
	check(w, want)
}

// TestCrashAnywhere kills a compaction before and after each of its writes. The
// next one, a while later, does what is left.
func TestCrashAnywhere(t *testing.T) {
	for _, outcome := range []fault.Outcome{fault.CrashBefore, fault.CrashAfter, fault.FailAfter} {
		for n := 1; ; n++ {
			w, want := aWorld(t, 3)
			p := fault.NewProcess(n, outcome)
			if outcome == fault.FailAfter {
				var writes atomic.Int64 // several at once
				o := fault.Options{Hook: func(op fault.Op, _ string) fault.Outcome {
					if op.IsWrite() {
						if writes.Add(1) == int64(n) {
							return fault.FailAfter
						}
					}
					return fault.Pass
				}}
				_, err := compactor(w, fault.New(w.Archive, o), options()).Once(ctx, "", func(int64) {})
				if err == nil && writes.Load() < int64(n) {
					break
				}
			} else {
				_, err := compactor(w, fault.New(w.Archive, fault.Options{Process: p}), options()).Once(ctx, "", func(int64) {})
				if !p.Crashed() {
					w.Check(err)
					break
				}
			}
			check(w, want)
			o := options()
			o.Now = clock(25 * time.Hour)
			once(w, o)
			check(w, want)
			o.Now = clock(75 * time.Hour)
			once(w, o)
			once(w, o)
			check(w, want)
			for key, size := range w.Objects(w.Archive, "app.access/dt=2026-11-20/") {
				if strings.Contains(key, "/0000") && size > 20 {
					t.Fatalf("write %d, outcome %d: %s is left: %d bytes", n, outcome, key, size)
				}
			}
			if t.Failed() {
				t.Fatalf("at write %d, outcome %d", n, outcome)
			}
		}
	}
}

func TestTwoAtOnce(t *testing.T) {
	for range 5 {
		w, want := aWorld(t, 12)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := compactor(w, w.Archive, options()).Once(ctx, "", func(int64) {}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check(w, want)
		o := options()
		o.Now = clock(25 * time.Hour)
		once(w, o)
		check(w, want)
	}
}

func TestDamagedFilesStay(t *testing.T) {
	w, _ := aWorld(t, 12)
	var bad string
	for key := range w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=07/") {
		bad = max(bad, key)
	}
	data, err := w.Archive.Get(ctx, bad, 0, -1, nil)
	w.Check(err)
	data[len(data)/2] ^= 1
	w.Check(w.Archive.Put(ctx, bad, data))
	before := w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=07/")
	_, err = compactor(w, w.Archive, options()).Once(ctx, "", func(int64) {})
	if !errors.Is(err, ikada.ErrCorrupt) || !strings.Contains(err.Error(), bad) {
		t.Errorf("got %v, want ErrCorrupt, and which file", err)
	}
	if after := w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=07/"); !maps.Equal(before, after) {
		t.Errorf("the hour was\n%v, and is\n%v", before, after)
	}
	if n := len(w.Objects(w.Archive, "db.slow/_map/")); n == 0 {
		t.Error("other log types were not compacted")
	}
}

func TestALateExecutorChangesNothing(t *testing.T) {
	w, want := aWorld(t, 12)
	files := map[string][]byte{}
	for key := range w.Objects(w.Archive, "") {
		data, err := w.Archive.Get(ctx, key, 0, -1, nil)
		w.Check(err)
		files[key] = data
	}
	once(w, options())
	for key, data := range files { // create if absent, as a plan's executor does
		if err := w.Archive.Create(ctx, key, data); !errors.Is(err, ikada.ErrExists) {
			t.Fatalf("%s: %v", key, err)
		}
	}
	check(w, want)
}

func TestFilesAreFull(t *testing.T) {
	w := pipetest.New(t)
	for range 20 {
		w.Send(of, records(100, "2026-11-20T06", 900)...)
	}
	w.Load()
	want := rows(w)
	o := options()
	o.FileSize = 500 << 10
	report := once(w, o)
	if len(report.Types) != 1 || report.Types[0].NewFiles < 3 || report.Types[0].Recompressed != 0 {
		t.Errorf("got %+v", report)
	}
	check(w, want)
	sizes := slices.Sorted(maps.Values(w.Objects(w.Archive, "app.access/dt=2026-11-20/")))
	if most := sizes[len(sizes)-1]; most > o.FileSize {
		t.Errorf("a file has %d bytes, more than %d", most, o.FileSize)
	}
}

func TestNothingToDoIsAnEmptyList(t *testing.T) {
	text, err := json.Marshal(once(pipetest.New(t), options()))
	if err != nil || string(text) != `{"types":[]}` {
		t.Errorf("got %s, %v", text, err)
	}
}
