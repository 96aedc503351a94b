package replay_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/replay"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/duckdb"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/mem"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

const of ikada.LogType = "app.access"

var ctx = context.Background()

func at(text string) time.Time {
	t, err := replay.ParseTime(text)
	if err != nil {
		panic(err)
	}
	return t
}

// request is one for the second of three hours.
func request() replay.Request {
	return replay.Request{Type: of, From: at("2026-11-20T06:00:00Z"), To: at("2026-11-20T07:00:00Z")}
}

func run(w *pipetest.World, q replay.Request) (*replay.Report, error) {
	r := &replay.Replayer{Archive: w.View, Manifests: w.Manifests, Warehouse: w.Warehouse}
	return r.Run(ctx, q, func(int64, int64) {})
}

func mustRun(w *pipetest.World, q replay.Request) *replay.Report {
	w.T.Helper()
	report, err := run(w, q)
	w.Check(err)
	return report
}

func rows(w *pipetest.World) []map[string]any { return warehousetest.Rows(w.T, w.Warehouse, of) }

// theWorld has rows of three hours by five plans: with a drift of a type, hard
// rows, and rows of a wild clock.
func theWorld(t testing.TB) *pipetest.World {
	w := pipetest.New(t)
	fill(w)
	w.Load()
	return w
}

func fill(w *pipetest.World) {
	for i := range 5 {
		for hour := 5; hour < 8; hour++ {
			w.Append(of, fmt.Sprintf(`{"time":"2026-11-20T%02d:59:59.9999999Z","n":%d}`, hour, i), fmt.Sprintf(`{"time":"2026-11-20T%02d:00:00Z","n":%d,"s":"text"}`, hour, i))
		}
		w.Append(of, fmt.Sprintf(`{"time":"2026-11-20T06:01:00Z","late%d":true,"n":"not a number"}`, i), `{"time":"2026-11-20T06:02:00Z","n":1e400}`)
		w.Append(of, `{"time":"1971-01-01T00:00:00Z","n":-1}`)
		w.Append("other", `{"time":"2026-11-20T06:00:00Z"}`)
		w.Route()
	}
}

func compacted(w *pipetest.World) {
	w.T.Helper()
	_, err := compact.New(w.View, w.Manifests, w.Warehouse, compact.Options{Now: func() time.Time { return pipetest.Arrival.Add(24 * time.Hour) }}).
		Once(ctx, "", func(int64) {})
	w.Check(err)
}

func TestReplayChangesNothing(t *testing.T) {
	for _, compact := range []bool{false, true} {
		w := theWorld(t)
		before := rows(w)
		if compact {
			compacted(w)
		}
		dry := request()
		dry.DryRun = true
		report := mustRun(w, dry)
		if report.Rows != 20 || report.Deleted != 20 || report.Inserted != 20 || compact != (report.Compacted == 2) || !compact && report.Files != 10 || report.Careful == 0 {
			t.Errorf("compacted %t: a dry run says %+v", compact, report)
		}
		for range 2 {
			if report := mustRun(w, request()); report.Deleted != 20 || report.Inserted != 20 || report.Table != "app_access" {
				t.Errorf("got %+v", report)
			}
			if after := rows(w); !reflect.DeepEqual(after, before) {
				t.Fatalf("the table was\n%v, and is\n%v", before, after)
			}
		}
		n := 0
		for e, err := range w.Warehouse.Journal(ctx, warehouse.JournalFilter{Type: of, Kind: replay.JournalKind}) {
			w.Check(err)
			if !strings.Contains(string(e.Detail), `"deleted":20`) {
				t.Errorf("the journal says %s", e.Detail)
			}
			n++
		}
		if n != 2 {
			t.Errorf("the journal has %d entries, want 2", n)
		}
	}
}

// The rows of 1971 are in their arrival's hour.
func TestReplayOfAWildClocksHour(t *testing.T) {
	w := theWorld(t)
	before := rows(w)
	q := request()
	q.From, q.To = at("2026-11-20T09:00:00Z"), at("2026-11-20T10:00:00Z")
	if report := mustRun(w, q); report.Deleted != 5 || report.Inserted != 5 {
		t.Errorf("got %+v", report)
	}
	q.From, q.To = at("1971-01-01"), at("1971-01-02")
	if report := mustRun(w, q); report.Deleted != 0 || report.Inserted != 0 {
		t.Errorf("got %+v", report)
	}
	if after := rows(w); !reflect.DeepEqual(after, before) {
		t.Errorf("the table was\n%v, and is\n%v", before, after)
	}
}

func TestReplayRepairsATable(t *testing.T) {
	w := theWorld(t)
	before := rows(w)
	// What a hand has deleted is there again.
	_, err := w.Warehouse.Replace(ctx, warehouse.ReplaceJob{
		Type: of, From: ikada.HourOf(request().From), To: ikada.HourOf(request().To), LedgerRows: int64(len(before)), Shrink: true,
	})
	w.Check(err)
	if n := len(rows(w)); n != len(before)-20 {
		t.Fatalf("%d rows are left", n)
	}
	if report := mustRun(w, request()); report.Deleted != 0 || report.Inserted != 20 {
		t.Errorf("got %+v", report)
	}
	if after := rows(w); !reflect.DeepEqual(after, before) {
		t.Errorf("the table was\n%v, and is\n%v", before, after)
	}
}

func TestReplayIntoAnotherTable(t *testing.T) {
	w := theWorld(t)
	before := rows(w)
	q := request()
	q.Into = "app_access_again"
	for range 2 {
		if report := mustRun(w, q); report.Inserted != 20 || report.Table != "app_access_again" {
			t.Errorf("got %+v", report)
		}
	}
	again := warehousetest.Rows(t, w.Warehouse, "app.access.again")
	var want []map[string]any
	for _, row := range before {
		if at, ok := row["_time"].(time.Time); ok && !at.Before(q.From) && at.Before(q.To) {
			want = append(want, row)
		}
	}
	if !reflect.DeepEqual(again, want) {
		t.Errorf("got\n%v, want\n%v", again, want)
	}
	if !reflect.DeepEqual(rows(w), before) {
		t.Error("the log type's own table has changed")
	}
	for _, taken := range []string{"other", "app_access", "App", "_quarantine", "x;drop"} {
		q.Into = taken
		if report, err := run(w, q); err == nil {
			t.Errorf("into %q: got %+v", taken, report)
		}
	}
}

// Files that wait to be loaded come by the load.
func TestReplayWhileLoadsWait(t *testing.T) {
	w := theWorld(t)
	w.Send(of, `{"time":"2026-11-20T06:30:00Z","n":99}`)
	report := mustRun(w, request())
	if report.Waiting != 1 || report.Inserted != 20 {
		t.Errorf("got %+v, want one file that waits", report)
	}
	w.Load()
	if got := len(rows(w)); got != w.Sent[of] {
		t.Errorf("the table has %d rows, %d were sent", got, w.Sent[of])
	}
	if report := mustRun(w, request()); report.Waiting != 0 || report.Inserted != 21 {
		t.Errorf("got %+v", report)
	}
	if got := len(rows(w)); got != w.Sent[of] {
		t.Errorf("the table has %d rows, %d were sent", got, w.Sent[of])
	}
}

// TestReplayWhileLoading lets a load come between the choice of files and the
// transaction.
func TestReplayWhileLoading(t *testing.T) {
	w := theWorld(t)
	inner := w.Warehouse
	loads := 0
	w.Warehouse = fault.New(inner, func(c fault.Call) fault.Outcome {
		if c.Op == "Replace" && loads < 3 {
			loads++
			w.Send(of, fmt.Sprintf(`{"time":"2026-11-20T06:30:00Z","n":%d}`, loads))
			own := *w
			own.Warehouse = inner
			own.Load()
		}
		return fault.Pass
	})
	if report := mustRun(w, request()); report.Deleted != 23 || report.Inserted != 23 {
		t.Errorf("got %+v", report)
	}
	w.Warehouse = inner
	if got := len(rows(w)); got != w.Sent[of] {
		t.Errorf("the table has %d rows, %d were sent", got, w.Sent[of])
	}
}

// TestReplayWhileCompacting lets a compaction take the files away that were chosen.
func TestReplayWhileCompacting(t *testing.T) {
	w := theWorld(t)
	before := rows(w)
	inner := w.Warehouse
	first := true
	w.Warehouse = fault.New(inner, func(c fault.Call) fault.Outcome {
		if c.Op == "Replace" && first {
			first = false
			own := *w
			own.Warehouse = inner
			compacted(&own)
		}
		return fault.Pass
	})
	if report := mustRun(w, request()); report.Compacted != 2 || report.Inserted != 20 {
		t.Errorf("got %+v", report)
	}
	w.Warehouse = inner
	if after := rows(w); !reflect.DeepEqual(after, before) {
		t.Errorf("the table was\n%v, and is\n%v", before, after)
	}
}

func TestReplaySaysWhatIsMissing(t *testing.T) {
	spoil := map[string]func(w *pipetest.World, key string){
		"gone": func(w *pipetest.World, key string) { w.Check(w.Archive.Delete(ctx, key)) },
		"truncated": func(w *pipetest.World, key string) {
			data, err := w.Archive.Get(ctx, key, 0, 30, nil)
			w.Check(err)
			w.Check(w.Archive.Put(ctx, key, data))
		},
		"flipped": func(w *pipetest.World, key string) {
			data, err := w.Archive.Get(ctx, key, 0, -1, nil)
			w.Check(err)
			data[len(data)/2] ^= 4
			w.Check(w.Archive.Put(ctx, key, data))
		},
	}
	for _, compact := range []bool{false, true} {
		for name, spoil := range spoil {
			w := theWorld(t)
			before := rows(w)
			if compact {
				compacted(w)
			}
			bad := ""
			for key, size := range w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=06/") {
				if size > 20 && key > bad {
					bad = key
				}
			}
			spoil(w, bad)
			report, err := run(w, request())
			if !errors.Is(err, ikada.ErrCorrupt) && !errors.Is(err, ikada.ErrNotFound) || !strings.Contains(err.Error(), bad) {
				t.Errorf("compacted %t, %s: got %+v, %v; want an error that names %s", compact, name, report, err, bad)
			}
			if after := rows(w); !reflect.DeepEqual(after, before) {
				t.Errorf("compacted %t, %s: the table has changed", compact, name)
			}
		}
	}
	// All files of a plan are gone: there is only the ledger to tell.
	w := theWorld(t)
	for key := range w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=06/") {
		if strings.Contains(key, "/000000000003-") {
			w.Check(w.Archive.Delete(ctx, key))
		}
	}
	if report, err := run(w, request()); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("got %+v, %v", report, err)
	}
	// And a file behind all plans that were seen: the number of rows tells.
	w = theWorld(t)
	for key := range w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=06/") {
		if strings.Contains(key, "/000000000005-") {
			w.Check(w.Archive.Delete(ctx, key))
		}
	}
	if report, err := run(w, request()); !errors.Is(err, warehouse.ErrShrinks) {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestReplaySurvivesFaults(t *testing.T) {
	for _, outcome := range []fault.Outcome{fault.CrashBefore, fault.CrashAfter, fault.FailBefore, fault.FailAfter} {
		w := theWorld(t)
		before := rows(w)
		inner := w.Warehouse
		w.Warehouse = fault.New(inner, func(c fault.Call) fault.Outcome {
			if c.Op == "Replace" {
				return outcome
			}
			return fault.Pass
		})
		if report, err := run(w, request()); err == nil {
			t.Errorf("outcome %d: got %+v", outcome, report)
		}
		w.Warehouse = inner
		if after := rows(w); !reflect.DeepEqual(after, before) {
			t.Errorf("outcome %d: the table has changed", outcome)
		}
		mustRun(w, request())
		if after := rows(w); !reflect.DeepEqual(after, before) {
			t.Errorf("outcome %d, again: the table has changed", outcome)
		}
	}
}

// A restored warehouse may lack manifests whose files were compacted.
func TestReplayIntoAnOlderWarehouse(t *testing.T) {
	w := theWorld(t)
	full, all := w.Warehouse, rows(w)
	compacted(w)
	older := mem.New(w.View)
	w.Warehouse = fault.New(older, func(c fault.Call) fault.Outcome {
		if c.Op == "Load" && c.Job.Manifests[0].Plan > 2 {
			return fault.FailBefore
		}
		return fault.Pass
	})
	if err := load.New(w.Buffer, w.Manifests, w.Warehouse, load.Options{Archive: w.View, MaxManifests: 1}).Once(ctx); err == nil {
		t.Fatal("the load did not fail")
	}
	w.Warehouse = older
	if report := mustRun(w, request()); report.Inserted == 0 || report.Inserted >= 20 || report.Waiting == 0 {
		t.Errorf("got %+v, want the rows of some plans", report)
	}
	w.Load()
	if got := rows(w); !reflect.DeepEqual(got, all) {
		t.Errorf("got\n%v, want\n%v", got, all)
	}
	mustRun(w, request())
	if got := rows(w); !reflect.DeepEqual(got, all) {
		t.Errorf("replayed: got\n%v, want\n%v", got, all)
	}
	_ = full
}

func TestReplayLeavesOutWhatExpired(t *testing.T) {
	for _, compact := range []bool{false, true} {
		w := theWorld(t)
		if compact {
			compacted(w)
		}
		var gone []archive.Expired
		for key, size := range w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=06/") {
			if size > 20 && strings.Contains(key, "hard") {
				gone = append(gone, archive.Expired{File: manifest.File{Key: key, Size: size}})
				w.Check(w.Archive.Delete(ctx, key))
			}
		}
		day, err := w.View.Map.Day(ctx, of.PathName(), "2026-11-20")
		w.Check(err)
		n, _ := day.Next()
		w.Check(w.View.Map.Add(ctx, &archive.Record{Type: of, Day: "2026-11-20", Number: n, Created: 1, Expiry: &archive.Expiry{Reason: "a test", Files: gone}}))
		q := request()
		if _, err := run(w, q); !errors.Is(err, warehouse.ErrShrinks) {
			t.Errorf("got %v, want ErrShrinks", err)
		}
		q.Shrink = true
		if report := mustRun(w, q); report.Deleted != 20 || report.Inserted != 15 || report.Expired != 5 {
			t.Errorf("compacted %t: got %+v", compact, report)
		}
	}
}

func TestRequests(t *testing.T) {
	w := theWorld(t)
	for name, change := range map[string]func(*replay.Request){
		"no type":           func(q *replay.Request) { q.Type = "" },
		"an unknown type":   func(q *replay.Request) { q.Type = "none" },
		"an empty range":    func(q *replay.Request) { q.To = q.From },
		"a part of an hour": func(q *replay.Request) { q.To = q.To.Add(time.Minute) },
		"a very long range": func(q *replay.Request) { q.To = q.From.AddDate(3, 0, 0) },
	} {
		q := request()
		change(&q)
		if report, err := run(w, q); err == nil {
			t.Errorf("%s: got %+v", name, report)
		}
	}
	for text, ok := range map[string]bool{
		"2026-11-20": true, "2026-11-20T06:00:00Z": true, "2026-11-20T06:00:00+09:00": true,
		"2026-11-20T06:00:00+05:30": false, "2026-11-20T06:00": false, "2026-11-20T06:00:01Z": false, "yesterday": false, "": false,
	} {
		if got, err := replay.ParseTime(text); (err == nil) != ok {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

// TestDuckDB is the same with the real database, and files that are parts.
func TestDuckDB(t *testing.T) {
	w := pipetest.New(t)
	open := func(name string) {
		t.Helper()
		db, err := duckdb.Open(ctx, t.TempDir()+"/"+name, w.View, duckdb.Options{})
		w.Check(err)
		t.Cleanup(func() { _ = db.Close() })
		w.Warehouse = db
	}
	open("first")
	fill(w)
	w.Load()
	before := rows(w)
	for _, compact := range []bool{false, true} {
		if compact {
			compacted(w)
		}
		if report := mustRun(w, request()); report.Deleted != 20 || report.Inserted != 20 {
			t.Errorf("got %+v", report)
		}
		if after := rows(w); !reflect.DeepEqual(after, before) {
			t.Errorf("the table was\n%v, and is\n%v", before, after)
		}
	}
	table, err := w.Warehouse.Table(ctx, of)
	w.Check(err)
	open("second")
	w.Load()
	again, err := w.Warehouse.Table(ctx, of)
	w.Check(err)
	for _, columns := range [][]warehouse.Column{table.Columns, again.Columns} {
		for i := range columns {
			columns[i].Added = time.Time{}
		}
	}
	if after := rows(w); !reflect.DeepEqual(after, before) || !reflect.DeepEqual(table.Columns, again.Columns) || table.Rows != again.Rows {
		t.Errorf("a new warehouse has\n%+v\n%v, the old one\n%+v\n%v", again, after, table, before)
	}
}
