package warehousetest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// aside is a row that was set aside, as the quarantine has it.
type aside struct {
	line           int64
	raw            string
	row            string
	reason, column string
	id             string // of its first piece
}

// quarantine returns what of the log type is in the quarantine, by file, in the
// order of lines. The pieces of a row are put together again.
func (f *fixture) quarantine(of ikada.LogType) map[string][]aside {
	f.t.Helper()
	table, err := f.w.Table(context.Background(), ikada.Quarantine)
	if errors.Is(err, ikada.ErrNotFound) {
		return nil
	}
	if err != nil {
		f.t.Fatal(err)
	}
	names := map[string]string{}
	for _, c := range table.Columns {
		names[c.Field] = c.Name
	}
	type place struct {
		file string
		line int64
	}
	pieces, found, ids := map[place][]string{}, map[place]aside{}, map[any]bool{}
	for _, row := range Rows(f.t, f.w, ikada.Quarantine) {
		text := func(field string) string { s, _ := row[names[field]].(string); return s }
		number := func(field string) int64 { n, _ := row[names[field]].(int64); return n }
		if text("type") != string(of) {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(text("data"))
		if err != nil || ids[row["_id"]] || row["_time"] == nil || row["_rest"] != nil || text("origin") == "" {
			f.t.Errorf("a row of the quarantine: %v, %v", row, err)
		}
		ids[row["_id"]] = true
		at := place{text("file"), number("line")}
		if pieces[at] == nil {
			pieces[at] = make([]string, number("parts"))
		}
		pieces[at][number("part")-1] = string(data)
		one := aside{line: at.line, row: text("row"), reason: text("reason"), column: text("column"), id: found[at].id}
		if number("part") == 1 {
			one.id, _ = row["_id"].(string)
		}
		found[at] = one
	}
	all := map[string][]aside{}
	for _, at := range slices.SortedFunc(maps.Keys(found), func(a, b place) int { return int(a.line - b.line) }) {
		one := found[at]
		one.raw = strings.Join(pieces[at], "")
		all[at.file] = append(all[at.file], one)
	}
	return all
}

// broken makes a manifest of one file of lines, whatever they are. Good ones
// begin with their _id.
func (f *fixture) broken(lines ...string) warehouse.Manifest {
	f.t.Helper()
	f.plan++
	key := fmt.Sprintf("%s/dt=2026-11-23/hh=05/%012d-0.json.gz", f.of.PathName(), f.plan)
	file := f.store(key, []byte(strings.Join(lines, "\n")+"\n"))
	file.Rows = int64(len(lines))
	return warehouse.Manifest{
		Key: fmt.Sprintf("%s/%012d.manifest", f.of.PathName(), f.plan), Plan: f.plan,
		Rows: file.Rows, Bytes: file.Raw, Files: []warehouse.File{file},
	}
}

// line is a row of the archive.
func line(id, fields string) string {
	return `{"_id":"` + id + `","_time":"2026-11-23T05:06:07Z"` + fields + `}`
}

// brokenLines are lines that are no rows, in files that are what their manifest says.
func brokenLines(t *testing.T, f *fixture) {
	for _, direct := range []bool{true, false} {
		f.of = ikada.LogType(fmt.Sprintf("broken.%t", direct))
		f.extend([]ikada.Field{{Name: "a", Kinds: ikada.KindInt}})
		long := `{"_id":"4-x","_time":"2026-11-23T05:06:07Z","s":"` + strings.Repeat("長い", 20_000)
		bad := []string{`{"_id":"2-x",`, `no JSON`, long, `[1]`, ``, line("7-x", ",\"s\":\"\xff\""), line("8-x", `,"a":01`)}
		m := f.broken(slices.Concat([]string{line("1", `,"a":1`)}, bad, []string{line("9", `,"a":9`)})...)
		good := f.broken(line("10", `,"a":10`))
		result, err := f.w.Load(context.Background(), f.job(direct, m, good))
		if want := (warehouse.Result{Rows: 3, Quarantined: int64(len(bad))}); err != nil || result != want {
			t.Fatalf("direct %t: got %+v, %v; want %+v", direct, result, err, want)
		}
		if got := len(f.rows()); got != 3 {
			t.Errorf("direct %t: the table has %d rows, want 3", direct, got)
		}
		found := f.quarantine(f.of)
		if len(found) != 1 || len(found[m.Files[0].Key]) != len(bad) {
			t.Fatalf("direct %t: the quarantine has %d files, of this %d lines", direct, len(found), len(found[m.Files[0].Key]))
		}
		for i, one := range found[m.Files[0].Key] {
			row := ""
			if strings.Contains(bad[i], "-x") {
				row = fmt.Sprintf("%d-x", i+2)
			}
			if one.line != int64(i+2) || one.raw != bad[i] || one.reason == "" || one.row != row {
				t.Errorf("direct %t: line %d of the quarantine is %d, %.40q, row %q: %s", direct, i+2, one.line, one.raw, one.row, one.reason)
			}
		}
		table, err := f.w.Table(context.Background(), f.of)
		if err != nil || table.Rows != 3 {
			t.Errorf("direct %t: the ledger says %d rows, %v; want 3", direct, table.Rows, err)
		}
		if result := f.mustLoad(direct, m, good); result != (warehouse.Result{Skipped: 2}) {
			t.Errorf("direct %t, again: got %+v", direct, result)
		}
	}
}

// tooMuch is more than a column holds that Limits.Narrow has changed.
const tooMuch = 32_768

// narrowed makes a log type whose column n refuses tooMuch and more.
func (f *fixture) narrowed(of ikada.LogType) {
	f.t.Helper()
	f.of = of
	f.extend([]ikada.Field{{Name: "n", Kinds: ikada.KindInt}, {Name: "s", Kinds: ikada.KindText, MaxBytes: 20}})
	if f.limits.Narrow == nil {
		f.t.Fatal("the suite needs to know how somebody makes a column of this warehouse narrower: Limits.Narrow")
	}
	f.limits.Narrow(f.t, f.w, of, f.column("n"))
}

// numbers makes the lines of a file: those that bad says are refused.
func numbers(n int, bad func(i int) bool) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"n":%d,"s":"row %d"}`, i%1000, i)
		if bad(i) {
			lines[i] = fmt.Sprintf(`{"n":%d,"s":"row %d"}`, tooMuch+i, i)
		}
	}
	return lines
}

// refusedRows are rows that the warehouse itself refuses, for a reason that only it knows.
func refusedRows(t *testing.T, f *fixture) {
	const rows = 300
	for name, bad := range map[string]func(i int) bool{
		"none": func(int) bool { return false },
		"one":  func(i int) bool { return i == 217 },
		"some": func(i int) bool { return i%50 == 7 || i > 290 },
		"most": func(i int) bool { return i%50 != 7 },
		"all":  func(int) bool { return true },
	} {
		for _, direct := range []bool{true, false} {
			f.narrowed(ikada.LogType(fmt.Sprintf("%s.%t", name, direct)))
			lines := numbers(rows, bad)
			m, _ := f.manifest(lines[:150], lines[150:])
			more, _ := f.manifest([]string{`{"n":1}`})
			want := warehouse.Result{Rows: 1}
			for i := range rows {
				if bad(i) {
					want.Quarantined++
				} else {
					want.Rows++
				}
			}
			result, err := f.w.Load(context.Background(), f.job(direct, m, more))
			if err != nil || result != want {
				t.Errorf("%s bad, direct %t: got %+v, %v; want %+v", name, direct, result, err, want)
				continue
			}
			if got := len(f.rows()); int64(got) != want.Rows {
				t.Errorf("%s bad, direct %t: the table has %d rows, want %d", name, direct, got, want.Rows)
			}
			table, err := f.w.Table(context.Background(), f.of)
			if err != nil || table.Rows != want.Rows {
				t.Errorf("%s bad, direct %t: the ledger says %d rows, %v; want %d", name, direct, table.Rows, err, want.Rows)
			}
			f.checkAside(t, m, lines, bad, want.Quarantined)
			if result := f.mustLoad(!direct, m, more); result != (warehouse.Result{Skipped: 2}) {
				t.Errorf("%s bad, again: got %+v", name, result)
			}
		}
	}
}

// checkAside compares the quarantine with the bad lines of a manifest of two files.
func (f *fixture) checkAside(t *testing.T, m warehouse.Manifest, lines []string, bad func(i int) bool, count int64) {
	t.Helper()
	n, first, column := int64(0), m.Files[0].Rows, f.column("n")
	found := f.quarantine(f.of)
	for i := range m.Files {
		for _, one := range found[m.Files[i].Key] {
			n++
			at := int(one.line) - 1 + i*int(first)
			id := fmt.Sprintf("%d.%d.%d", m.Plan, i, one.line-1)
			if !bad(at) || !strings.HasSuffix(one.raw, strings.TrimPrefix(lines[at], "{")) || one.row != id || one.reason == "" || one.column != column {
				t.Errorf("%s: file %d, line %d, row %s is set aside for %q: %s", f.of, i, one.line, one.row, one.reason, one.raw)
			}
		}
	}
	if n != count {
		t.Errorf("%s: %d rows are set aside, want %d", f.of, n, count)
	}
}

// quarantineRefused: there is no quarantine for the quarantine.
func quarantineRefused(t *testing.T, f *fixture) {
	f.of = ikada.Quarantine
	f.extend([]ikada.Field{{Name: "reason", Kinds: ikada.KindText, MaxBytes: 20}})
	m := f.broken(line("1", `,"reason":"why"`), `{"_id":"2"`)
	for _, direct := range []bool{true, false} {
		if result, err := f.w.Load(context.Background(), f.job(direct, m)); !errors.Is(err, warehouse.ErrQuarantineRefused) {
			t.Errorf("direct %t: got %+v, %v; want ErrQuarantineRefused", direct, result, err)
		}
	}
	if rows := f.rows(); len(rows) != 0 {
		t.Errorf("there are rows: %v", rows)
	}
	good := f.broken(line("1", `,"reason":"why"`))
	if result := f.mustLoad(true, good); result != (warehouse.Result{Rows: 1}) {
		t.Errorf("a good one: got %+v", result)
	}
}

// rescueConcurrently sets rows of several log types aside at once, while the
// quarantine is loaded itself.
func rescueConcurrently(t *testing.T, f *fixture) {
	ctx, jobs := context.Background(), []warehouse.Job{}
	for i := range 3 {
		f.of = ikada.LogType(fmt.Sprintf("type.%d", i))
		f.extend([]ikada.Field{{Name: "a", Kinds: ikada.KindInt}})
		jobs = append(jobs, f.job(true, f.broken(line(fmt.Sprintf("%d.1", i), `,"a":1`), `{"_id":"`+fmt.Sprint(i)+`-2",`)))
	}
	f.of = ikada.Quarantine
	f.extend(ikada.QuarantineFields())
	own := f.broken(line("own", `,"reason":"why","type":"other"`))
	jobs = append(jobs, f.job(true, own))
	var wg sync.WaitGroup
	for _, job := range jobs {
		wg.Go(func() {
			want := warehouse.Result{Rows: 1, Quarantined: 1}
			if job.Type == ikada.Quarantine {
				want.Quarantined = 0
			}
			if result, err := f.w.Load(ctx, job); err != nil || result != want {
				t.Errorf("%s: got %+v, %v; want %+v", job.Type, result, err, want)
			}
		})
	}
	wg.Wait()
	if rows := Rows(t, f.w, ikada.Quarantine); len(rows) != 4 {
		t.Errorf("the quarantine has %d rows, want 4: %v", len(rows), rows)
	}
	if table, err := f.w.Table(ctx, ikada.Quarantine); err != nil || table.Rows != 1 {
		t.Errorf("the quarantine's ledger says %d rows, %v; want 1", table.Rows, err)
	}
}

// quarantineChanged: where somebody has changed the quarantine's table, rows that
// are to be set aside have no place. That is an error, and other loads go on.
func quarantineChanged(t *testing.T, f *fixture) {
	f.of = ikada.Quarantine
	f.extend(ikada.QuarantineFields())
	f.limits.Narrow(t, f.w, ikada.Quarantine, f.column("line"))
	f.narrowed("app")
	var lines []string
	for i := range tooMuch { // the last line's number is more than the quarantine holds now
		lines = append(lines, line(fmt.Sprint(i), ""))
	}
	good, _ := f.manifest([]string{`{"n":1}`})
	bad := f.broken(append(lines[1:], `{"_id":"none"`)...)
	refused := f.broken(append(lines[1:], line("refused", fmt.Sprintf(`,"n":%d`, tooMuch)))...)
	for _, m := range []warehouse.Manifest{bad, refused} {
		if result, err := f.w.Load(context.Background(), f.job(false, m)); !errors.Is(err, warehouse.ErrQuarantineRefused) {
			t.Errorf("%s: got %+v, %v; want ErrQuarantineRefused", m.Key, result, err)
		}
	}
	if result := f.mustLoad(true, good); result != (warehouse.Result{Rows: 1}) || len(f.rows()) != 1 {
		t.Errorf("a good manifest gives %+v, %v", result, f.rows())
	}
	if rows := Rows(t, f.w, ikada.Quarantine); len(rows) != 0 {
		t.Errorf("the quarantine has %v", rows)
	}
}
