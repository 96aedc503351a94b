package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// widened undoes what narrowed has done.
func (f *fixture) widened() {
	f.t.Helper()
	if f.limits.Widen == nil {
		f.t.Fatal("the suite needs to know how somebody undoes a change of a table: Limits.Widen")
	}
	f.limits.Widen(f.t, f.w, f.of, f.column("n"))
}

// asideJob makes a job of all that loads of the log type have set aside.
func (f *fixture) asideJob() warehouse.PutBackJob {
	f.t.Helper()
	job := warehouse.PutBackJob{Type: f.of}
	for file, rows := range f.quarantine(f.of) {
		for _, r := range rows {
			job.Rows = append(job.Rows, warehouse.AsideRow{ID: r.id, Manifest: f.manifestOf(file), File: file, Line: r.line, Raw: []byte(r.raw)})
		}
	}
	return job
}

// balance checks that the ledger, the table and the quarantine agree, and
// returns how many rows there are.
func (f *fixture) balance(name string, rows, quarantined int64) {
	f.t.Helper()
	ctx := context.Background()
	var inLedger, asideInLedger int64
	aside := map[string]int64{}
	for file, some := range f.quarantine(f.of) {
		aside[f.manifestOf(file)] += int64(len(some))
	}
	for _, e := range collected(f.t, f.w.Ledger(ctx, warehouse.LedgerFilter{Type: f.of})) {
		inLedger += e.Rows
		asideInLedger += e.Quarantined
		if e.Quarantined != aside[e.Manifest] {
			f.t.Errorf("%s: the ledger says that %d rows of %s are set aside, the quarantine has %d", name, e.Quarantined, e.Manifest, aside[e.Manifest])
		}
	}
	counted, err := f.w.Recount(ctx, f.of)
	if err != nil || counted.Rows != rows || counted.Distinct != rows || counted.Ledger != rows || counted.Aside != quarantined || counted.LedgerAside != quarantined || inLedger != rows || asideInLedger != quarantined {
		f.t.Errorf("%s: the table has %+v, %v; the ledger %d rows and %d set aside; want %d and %d", name, counted, err, inLedger, asideInLedger, rows, quarantined)
	}
	if table, err := f.w.Table(ctx, f.of); err != nil || table.Rows != rows {
		f.t.Errorf("%s: the table is said to have %d rows, %v; want %d", name, table.Rows, err, rows)
	}
}

// refusedOnce loads rows of two manifests while the table refuses some.
func (f *fixture) refusedOnce(of ikada.LogType) (good, bad int64) {
	f.t.Helper()
	f.narrowed(of)
	isBad := func(i int) bool { return i%10 == 3 }
	lines := numbers(60, isBad)
	lines[13] = fmt.Sprintf(`{"n":%d,"s":"row 13","x":"%s"}`, tooMuch, strings.Repeat("長い", 20_000)) // in several pieces
	one, _ := f.manifest(lines[:20], lines[20:40])
	two, _ := f.manifest(lines[40:])
	if result := f.mustLoad(false, one, two); result.Rows != 54 || result.Quarantined != 6 {
		f.t.Fatalf("got %+v, want 54 rows and 6 set aside", result)
	}
	f.balance("loaded", 54, 6)
	return 54, 6
}

func putBackOnce(t *testing.T, f *fixture) {
	ctx := context.Background()
	good, bad := f.refusedOnce("back")
	job := f.asideJob()
	f.widened()
	done, err := f.w.PutBack(ctx, job)
	if err != nil || done.Rows != bad || done.Gone != 0 || done.Rest != 1 || len(done.Refused) != 0 {
		t.Fatalf("got %+v, %v; want %d rows, one of them with a _rest", done, err, bad)
	}
	f.balance("put back", good+bad, 0)
	long := 0
	for _, row := range f.rows() {
		if n, _ := row["n"].(int64); n >= tooMuch && row["_rest"] != nil {
			long++
		}
	}
	if long != 1 {
		t.Errorf("the row of several pieces is there %d times", long)
	}
	if done, err := f.w.PutBack(ctx, job); err != nil || !reflect.DeepEqual(done, warehouse.PutBack{Gone: bad}) {
		t.Errorf("again: got %+v, %v", done, err)
	}
	f.balance("again", good+bad, 0)
}

func putBackRefused(t *testing.T, f *fixture) {
	ctx := context.Background()
	good, bad := f.refusedOnce("again")
	before := f.quarantine(f.of)
	job := f.asideJob()
	if done, err := f.w.PutBack(ctx, job); err != nil || done.Rows != 0 || int64(len(done.Refused)) != bad || done.Refused[0].Reason == "" {
		t.Errorf("without a fix: got %+v, %v; want %d refused", done, err, bad)
	}
	f.balance("without a fix", good, bad)
	if after := f.quarantine(f.of); len(after) != len(before) {
		t.Errorf("the quarantine has\n%v, had\n%v", after, before)
	}
	// A line that is no row stays, whatever was mended.
	m := f.broken(line("fine", `,"n":1`), `{"_id":"none-x","n":`, "")
	f.mustLoad(false, m)
	f.balance("a broken line", good+1, bad+2)
	f.widened()
	done, err := f.w.PutBack(ctx, f.asideJob())
	if err != nil || done.Rows != bad || len(done.Refused) != 2 {
		t.Errorf("got %+v, %v; want two to stay", done, err)
	}
	f.balance("put back", good+bad+1, 2)
}

func putBackConcurrently(t *testing.T, f *fixture) {
	good, bad := f.refusedOnce("at.once")
	job := f.asideJob()
	f.widened()
	more, _ := f.manifest([]string{`{"n":7}`})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum warehouse.PutBack
	for range 3 {
		wg.Go(func() {
			done, err := f.w.PutBack(context.Background(), job)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Rows, sum.Gone = sum.Rows+done.Rows, sum.Gone+done.Gone
		})
	}
	wg.Go(func() {
		if _, err := f.w.Load(context.Background(), f.job(false, more)); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if sum.Rows != bad || sum.Gone != 2*bad {
		t.Errorf("all together: %+v, want each row once", sum)
	}
	f.balance("put back", good+bad+1, 0)
}

func putBackNothing(t *testing.T, f *fixture) {
	ctx := context.Background()
	good, bad := f.refusedOnce("nothing")
	f.widened()
	job := f.asideJob()
	for i := range job.Rows {
		job.Rows[i].Manifest += ".unknown"
	}
	if done, err := f.w.PutBack(ctx, job); err == nil {
		t.Errorf("manifests that the ledger does not have: got %+v", done)
	}
	f.balance("unknown manifests", good, bad)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if done, err := f.w.PutBack(cancelled, f.asideJob()); err == nil {
		t.Errorf("a cancelled call: got %+v", done)
	}
	f.balance("cancelled", good, bad)
	job = f.asideJob()
	job.Type = "none"
	if done, err := f.w.PutBack(ctx, job); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("without a table: got %+v, %v", done, err)
	}
	if done, err := f.w.PutBack(ctx, warehouse.PutBackJob{Type: f.of}); err != nil || !reflect.DeepEqual(done, warehouse.PutBack{}) {
		t.Errorf("no rows: got %+v, %v", done, err)
	}
	f.balance("nothing", good, bad)
}

// replaceRefused: what a load has set aside comes into the table when its range
// is replaced after a fix, and goes into quarantine when the table refuses it anew.
func replaceRefused(t *testing.T, f *fixture) {
	ctx := context.Background()
	for _, direct := range []bool{true, false} {
		f.narrowed(ikada.LogType(fmt.Sprintf("refused.%t", direct)))
		m, _ := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:01:00Z","n":1}`, `{"_time":"2026-11-23T06:02:00Z","n":40000}`, `{"_time":"2026-11-23T06:03:00Z","n":50000}`)
		other, _ := f.hourly(firstHour+2, `{"_time":"2026-11-23T07:01:00Z","n":60000}`)
		f.mustLoad(false, m, other)
		f.balance("loaded", 1, 3)
		replace := func(name string, want warehouse.Replaced) {
			t.Helper()
			job := f.replace(firstHour+1, direct, m.Files...)
			job.Shrink = true
			if done, err := f.w.Replace(ctx, job); err != nil || done != want {
				t.Errorf("%s, direct %t: got %+v, %v; want %+v", name, direct, done, err, want)
			}
		}
		before := f.quarantine(f.of)
		replace("still refused", warehouse.Replaced{Deleted: 1, Inserted: 1, Refused: 2})
		f.balance("still refused", 1, 3)
		if after := f.quarantine(f.of); len(after) != len(before) || after[m.Files[0].Key][0].id != before[m.Files[0].Key][0].id {
			t.Errorf("the quarantine has\n%v, had\n%v", after, before)
		}
		f.widened()
		replace("mended", warehouse.Replaced{Deleted: 1, Inserted: 3, PutBack: 2})
		f.balance("mended", 3, 1)
		replace("again", warehouse.Replaced{Deleted: 3, Inserted: 3})
		f.balance("again", 3, 1)
		if _, err := f.w.PutBack(ctx, f.asideJob()); err != nil {
			t.Error(err)
		}
		f.balance("the other hour is put back", 4, 0)
	}
}

// replaceBroken has a line that is no row. The load has set it aside, and so does
// a replay, even if the quarantine lost it.
func replaceBroken(t *testing.T, f *fixture) {
	ctx := context.Background()
	f.threeHours()
	m, _ := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:04:00Z","a":8}`)
	m.Files[0] = f.store(m.Files[0].Key, []byte("{\"_id\":\"x\",\"_time\":\"2026-11-23T06:04:00Z\",\"a\":8}\n{\"_id\":\"x-bad\",\"_time\":\n"))
	m.Files[0].Rows, m.Rows, m.Bytes = 2, 2, m.Files[0].Raw
	if result := f.mustLoad(true, m); result.Rows != 1 || result.Quarantined != 1 {
		t.Fatalf("got %+v, want one row, and one set aside", result)
	}
	for _, direct := range []bool{true, false} {
		job := f.replace(firstHour+1, direct, m.Files...)
		job.Shrink = true
		if done, err := f.w.Replace(ctx, job); err != nil || done.Inserted != 1 || done.Refused != 1 || done.PutBack != 0 {
			t.Errorf("direct %t: got %+v, %v", direct, done, err)
		}
	}
	if n := len(Rows(t, f.w, ikada.Quarantine)); n != 1 {
		t.Errorf("the quarantine has %d rows, want 1", n)
	}
	before := len(f.ids(f.of))
	job := f.replace(firstHour+1, true, m.Files...)
	job.Shrink, job.Origins = true, nil
	if done, err := f.w.Replace(ctx, job); err == nil || !strings.Contains(err.Error(), "which manifest") {
		t.Errorf("a row of nobody: got %+v, %v", done, err)
	}
	if n := len(f.ids(f.of)); n != before {
		t.Errorf("the table has %d rows, want %d", n, before)
	}
}

// replaceIntoRefused: what is beside the log type's own table concerns neither
// the ledger nor the quarantine.
func replaceIntoRefused(t *testing.T, f *fixture) {
	ctx := context.Background()
	good, bad := f.refusedOnce("into")
	own, column := f.of, f.column("n")
	f.widened()
	var files []warehouse.File
	for i, n := range []string{"1", "40000", "2"} {
		m, _ := f.hourly(firstHour+1, fmt.Sprintf(`{"_time":"2026-11-23T06:0%d:00Z","n":%s}`, i, n))
		files = append(files, m.Files...)
	}
	job := f.replace(firstHour+1, true, files...)
	job.Into = "app.again"
	if err := f.w.Extend(ctx, job.Into, []warehouse.Column{{Field: "n", Name: column, Type: warehouse.BigInt}}); err != nil {
		t.Fatal(err)
	}
	f.limits.Narrow(t, f.w, job.Into, column)
	for i := range 2 {
		if done, err := f.w.Replace(ctx, job); err != nil || done != (warehouse.Replaced{Deleted: int64(2 * i), Inserted: 2, Refused: 1}) {
			t.Errorf("got %+v, %v", done, err)
		}
	}
	f.of = own
	f.balance("another table", good, bad)
	if n := len(f.quarantine(job.Into)); n != 0 {
		t.Errorf("%d files of the other table have rows in quarantine", n)
	}
}

// replaceQuarantine: a replay of the quarantine's own records leaves the rows
// that loads put there alone.
func replaceQuarantine(t *testing.T, f *fixture) {
	good, bad := f.refusedOnce("kept")
	own := f.of
	f.of = ikada.Quarantine
	m, fields := f.hourly(firstHour, `{"_time":"2026-11-23T05:01:00Z","reason":"why","type":"other","origin":"test","part":1,"parts":1,"data":""}`)
	f.mustLoad(f.extend(fields), m)
	now := ikada.HourOf(time.Now())
	job := f.replace(firstHour, false, m.Files...)
	job.From, job.To, job.Shrink = min(firstHour, now-1), max(firstHour, now)+2, true
	if done, err := f.w.Replace(context.Background(), job); err != nil || done != (warehouse.Replaced{Deleted: 1, Inserted: 1}) {
		t.Errorf("got %+v, %v; want one row for one", done, err)
	}
	f.of = own
	f.balance("kept", good, bad)
}

// replaceExpired: the ledger has counted a row once, even if the quarantine has
// lost it since.
func replaceExpired(t *testing.T, f *fixture) {
	ctx := context.Background()
	f.narrowed("expired")
	m, _ := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:01:00Z","n":1}`, `{"_time":"2026-11-23T06:02:00Z","n":40000}`)
	other, _ := f.hourly(firstHour+2, `{"_time":"2026-11-23T07:01:00Z","n":60000}`)
	f.mustLoad(false, m, other)
	if _, err := f.w.Expire(ctx, ikada.Quarantine, ikada.HourOf(time.Now())+2); err != nil {
		t.Fatal(err)
	}
	job := f.replace(firstHour+1, false, m.Files...)
	job.Shrink = true
	if done, err := f.w.Replace(ctx, job); err != nil || done != (warehouse.Replaced{Deleted: 1, Inserted: 1, Refused: 1}) {
		t.Errorf("got %+v, %v", done, err)
	}
	if counted, err := f.w.Recount(ctx, f.of); err != nil || counted.Rows != 1 || counted.Ledger != 1 || counted.Aside != 1 || counted.LedgerAside != 2 {
		t.Errorf("got %+v, %v; want one row aside again, and the ledger as it was", counted, err)
	}
}
