package warehousetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// firstHour is that of the rows of these tests.
var firstHour = ikada.HourOf(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC))

// hourly stores a manifest with a file of an hour. Each line is a row, which
// lacks its _id only.
func (f *fixture) hourly(hour ikada.Hour, lines ...string) (warehouse.Manifest, []ikada.Field) {
	f.t.Helper()
	f.plan++
	m := warehouse.Manifest{Key: fmt.Sprintf("%s/%012d.manifest", f.of.PathName(), f.plan), Plan: f.plan}
	var raw bytes.Buffer
	var fields []ikada.Field
	for i, line := range lines {
		fmt.Fprintf(&raw, "{\"_id\":\"%d.%d\",%s\n", f.plan, i, line[1:])
		fields = f.observe(fields, line)
	}
	file := f.store(fmt.Sprintf("%s/%s/%012d-1.json.gz", f.of.PathName(), hour.Path(), f.plan), raw.Bytes())
	file.Rows = int64(len(lines))
	m.Files, m.Rows, m.Bytes = []warehouse.File{file}, file.Rows, file.Raw
	kept := fields[:0]
	for _, field := range fields {
		if field.Name != "_time" && field.Name != "_hour" {
			kept = append(kept, field)
		}
	}
	return m, kept
}

// replace makes the job for a range of one hour.
func (f *fixture) replace(hour ikada.Hour, direct bool, files ...warehouse.File) warehouse.ReplaceJob {
	f.t.Helper()
	table, err := f.w.Table(context.Background(), f.of)
	if err != nil {
		f.t.Fatal(err)
	}
	return warehouse.ReplaceJob{
		Type: f.of, From: hour, To: hour + 1, LedgerRows: table.Rows, Files: []warehouse.ReplaceFiles{{Direct: direct, Files: files}},
		Origins: f.origins(files...),
	}
}

// origins tell the manifests of files that this fixture has made: a file's name
// begins with that of its manifest.
func (f *fixture) origins(files ...warehouse.File) map[string][]warehouse.Origin {
	all := map[string][]warehouse.Origin{}
	for _, file := range files {
		all[file.Key] = []warehouse.Origin{{Manifest: f.manifestOf(file.Key), File: file.Key, Rows: file.Rows}}
	}
	return all
}

func (f *fixture) manifestOf(file string) string {
	name, _, _ := strings.Cut(path.Base(file), "-")
	return f.of.PathName() + "/" + name + ".manifest"
}

// ids are those of a table's rows.
func (f *fixture) ids(of ikada.LogType) (ids []string) {
	f.t.Helper()
	for _, row := range Rows(f.t, f.w, of) {
		ids = append(ids, fmt.Sprint(row["_id"]))
	}
	return ids
}

// threeHours loads rows of three hours. The second hour has two rows at its
// very ends, and one that a wild clock brought there.
func (f *fixture) threeHours() (files [3]warehouse.File) {
	f.t.Helper()
	lines := [3][]string{
		{`{"_time":"2026-11-23T05:59:59.999999999Z","a":1}`},
		{`{"_time":"2026-11-23T06:00:00Z","a":2}`, `{"_time":"2026-11-23T06:59:59.9999996Z","a":3}`, `{"_time":"1999-01-01T00:00:00Z","_hour":"2026-11-23T06:00:00Z","a":4}`},
		{`{"_time":"2026-11-23T07:00:00Z","a":5}`, `{"_time":"2026-11-23T06:30:00Z","_hour":"2026-11-23T07:00:00Z","a":6}`},
	}
	for i := range lines {
		m, fields := f.hourly(firstHour+ikada.Hour(i), lines[i]...)
		f.mustLoad(f.extend(fields), m)
		files[i] = m.Files[0]
	}
	return files
}

func replaceRange(t *testing.T, f *fixture) {
	ctx := context.Background()
	files := f.threeHours()
	before := Rows(t, f.w, f.of)
	dry := f.replace(firstHour+1, true, files[1])
	dry.DryRun = true
	if done, err := f.w.Replace(ctx, dry); err != nil || done != (warehouse.Replaced{Deleted: 3}) {
		t.Errorf("a dry run: got %+v, %v", done, err)
	}
	for _, direct := range []bool{true, false, true} {
		told := int64(0)
		job := f.replace(firstHour+1, direct, files[1])
		job.Progress = func(rows int64) { told = rows }
		done, err := f.w.Replace(ctx, job)
		if err != nil || done.Deleted != 3 || done.Inserted != 3 || told != 3 {
			t.Fatalf("direct %t: got %+v, told of %d, %v; want 3 rows for 3", direct, done, told, err)
		}
		if after := Rows(t, f.w, f.of); !reflect.DeepEqual(after, before) {
			t.Errorf("direct %t: the table was\n%v, and is\n%v", direct, before, after)
		}
	}
	if table, err := f.w.Table(ctx, f.of); err != nil || table.Rows != 6 {
		t.Errorf("the ledger says %d rows, %v; want 6", table.Rows, err)
	}
}

func replaceRepairs(t *testing.T, f *fixture) {
	ctx := context.Background()
	files := f.threeHours()
	// Fewer rows than there are: only if that is wanted.
	job := f.replace(firstHour+1, true)
	if _, err := f.w.Replace(ctx, job); !errors.Is(err, warehouse.ErrShrinks) {
		t.Errorf("fewer rows: got %v, want ErrShrinks", err)
	}
	if n := len(f.ids(f.of)); n != 6 {
		t.Errorf("the table has %d rows, want 6", n)
	}
	job.Shrink = true
	if done, err := f.w.Replace(ctx, job); err != nil || done.Deleted != 3 || done.Inserted != 0 {
		t.Errorf("got %+v, %v", done, err)
	}
	if got := f.ids(f.of); !reflect.DeepEqual(got, []string{"1.0", "3.0", "3.1"}) {
		t.Errorf("got %v", got)
	}
	if done, err := f.w.Replace(ctx, f.replace(firstHour+1, true, files[1])); err != nil || done.Deleted != 0 || done.Inserted != 3 {
		t.Errorf("got %+v, %v", done, err)
	}
	if n := len(f.ids(f.of)); n != 6 {
		t.Errorf("the table has %d rows, want 6", n)
	}
}

func replaceStale(t *testing.T, f *fixture) {
	ctx := context.Background()
	files := f.threeHours()
	job := f.replace(firstHour+1, true, files[1])
	m, fields := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:10:00Z","a":7}`)
	f.mustLoad(f.extend(fields), m)
	if _, err := f.w.Replace(ctx, job); !errors.Is(err, warehouse.ErrLedgerChanged) {
		t.Errorf("a load came between: got %v, want ErrLedgerChanged", err)
	}
	if n := len(f.ids(f.of)); n != 7 {
		t.Errorf("the table has %d rows, want 7", n)
	}
	if done, err := f.w.Replace(ctx, f.replace(firstHour+1, true, files[1], m.Files[0])); err != nil || done.Deleted != 4 || done.Inserted != 4 {
		t.Errorf("got %+v, %v", done, err)
	}
}

func replaceDamaged(t *testing.T, f *fixture) {
	ctx := context.Background()
	files := f.threeHours()
	before := Rows(t, f.w, f.of)
	spoil := map[string]func(*warehouse.File){
		"another checksum": func(f *warehouse.File) { f.CRC32C++ },
		"more rows":        func(f *warehouse.File) { f.Rows++ },
		"gone":             func(f *warehouse.File) { f.Key += "x" },
	}
	for name, spoil := range spoil {
		for _, direct := range []bool{true, false} {
			bad := files[2]
			spoil(&bad)
			job := f.replace(firstHour+1, direct, files[1], bad)
			job.To++
			if _, err := f.w.Replace(ctx, job); !errors.Is(err, ikada.ErrCorrupt) && !errors.Is(err, ikada.ErrNotFound) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	if after := Rows(t, f.w, f.of); !reflect.DeepEqual(after, before) {
		t.Errorf("the table was\n%v, and is\n%v", before, after)
	}
}

func replaceInto(t *testing.T, f *fixture) {
	ctx := context.Background()
	files := f.threeHours()
	job := f.replace(firstHour+1, true, files[1])
	job.Into, job.LedgerRows = "app.again", -1
	if _, err := f.w.Replace(ctx, job); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("a table that is not there: got %v, want ErrNotFound", err)
	}
	if err := f.w.Extend(ctx, job.Into, []warehouse.Column{{Field: "a", Name: "a", Type: warehouse.BigInt}}); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if done, err := f.w.Replace(ctx, job); err != nil || done.Deleted != int64(3*i) || done.Inserted != 3 {
			t.Errorf("got %+v, %v", done, err)
		}
	}
	if got, own := f.ids(job.Into), f.ids(f.of); len(got) != 3 || len(own) != 6 {
		t.Errorf("got rows %v, and in the log type's own table %v", got, own)
	}
}

// replaceMixed has files of every kind: plain ones that fit, one with a value
// that does not, and hard rows.
func replaceMixed(t *testing.T, f *fixture) {
	ctx := context.Background()
	files := f.threeHours()
	odd, _ := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:01:00Z","a":"text","b":1}`)
	hard, _ := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:02:00Z","a":1e400}`)
	wrong, _ := f.hourly(firstHour+1, `{"_time":"2026-11-23T06:03:00Z","a":"said to fit"}`)
	job := f.replace(firstHour+1, true, files[1], wrong.Files[0])
	job.Files = append(job.Files,
		warehouse.ReplaceFiles{Files: odd.Files}, warehouse.ReplaceFiles{Class: ikada.Hard, Files: hard.Files}, warehouse.ReplaceFiles{Direct: true})
	done, err := f.w.Replace(ctx, job)
	if err != nil || done.Deleted != 3 || done.Inserted != 6 || done.Rest != 3 {
		t.Fatalf("got %+v, %v; want 6 rows for 3, and 3 with a _rest", done, err)
	}
	rest := 0
	for _, row := range f.rows() {
		if row["_rest"] != nil {
			rest++
		}
	}
	if n := len(f.ids(f.of)); n != 9 || rest != 3 {
		t.Errorf("the table has %d rows, %d with a _rest; want 9 and 3", n, rest)
	}
}
