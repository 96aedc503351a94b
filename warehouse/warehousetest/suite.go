// Package warehousetest is the suite of the warehouse contract, which every
// adapter passes.
package warehousetest

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Open returns an empty warehouse that loads from the archive. It is closed by
// the suite.
type Open func(t *testing.T, archive bucket.Bucket) warehouse.Warehouse

// Limits are what a warehouse can't hold in whole; 0: there is no limit.
type Limits struct {
	TextBytes int // of a text column: longer values go to _rest
	RowBytes  int // of a row: tests stay below

	// Narrow makes a column of a table hold small integers only (16 bits), as
	// somebody may do who has the rights: the warehouse then refuses rows that Ikada takes for good.
	Narrow func(t testing.TB, w warehouse.Warehouse, of ikada.LogType, column string)
	// Widen undoes it.
	Widen func(t testing.TB, w warehouse.Warehouse, of ikada.LogType, column string)
}

// RunWithin runs the suite for a warehouse that has limits. newArchive returns
// an empty bucket.
func RunWithin(t *testing.T, limits Limits, newArchive func(t *testing.T) bucket.Bucket, open Open) {
	tests := []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"a table that is not there", absentTable},
		{"extending twice is extending once", extendTwice},
		{"tables are listed in the order of log types", listTables},
		{"a load adds rows and ledger together", loadOnce},
		{"a manifest is loaded once", loadTwice},
		{"concurrent loads load once", loadConcurrently},
		{"an empty job and an empty manifest", loadNothing},
		{"damaged input loads nothing of its job", loadDamaged},
		{"a cancelled load loads nothing", loadCancelled},
		{"rows of several files and manifests", loadMany},
		{"queries only read", queryOnlyReads},
		{"a query gives no more rows than its limit", queryLimit},
		{"every type, directly and carefully", bothWays(everyType)},
		{"nulls and missing fields", bothWays(nulls)},
		{"system columns", bothWays(systemColumns)},
		{"keys of all sorts", bothWays(oddKeys)},
		{"the empty key", bothWays(emptyKey)},
		{"strings of all sorts", bothWays(oddStrings)},
		{"nested values", bothWays(nestedValues)},
		{"a thousand columns", bothWays(manyColumns)},
		{"keys that differ only in case", caseOnly},
		{"values that do not fit go to _rest", misfits},
		{"fields beyond the column limit go to _rest", beyondLimit},
		{"rows that drift keep every value", drifts},
		{"numbers keep their text in JSON and _rest", exactNumbers},
		{"long lines", longLines},
		{"the ledger tells what was loaded", ledgerHistory},
		{"the journal keeps an entry of each key", journal},
		{"rows of each cause that makes them hard", hardRows},
		{"a hard row of too many fields", manyFields},
		{"lines that are no rows are set aside", brokenLines},
		{"rows that the warehouse refuses are set aside", refusedRows},
		{"the quarantine itself is not set aside", quarantineRefused},
		{"a quarantine that somebody has changed", quarantineChanged},
		{"rows of several log types are set aside at once", rescueConcurrently},
		{"a range is replaced, and twice is once", replaceRange},
		{"a range is repaired, and shrinks only on demand", replaceRepairs},
		{"a load that comes between stops replacing", replaceStale},
		{"replacing by damaged files changes nothing", replaceDamaged},
		{"a range goes into another table", replaceInto},
		{"a range with rows of all kinds", replaceMixed},
		{"replacing sets rows aside, and takes back those that load by now", replaceRefused},
		{"a line that is no row stays aside when its range is replaced", replaceBroken},
		{"refused rows are left out of another table", replaceIntoRefused},
		{"a replay of the quarantine leaves alone what loads put there", replaceQuarantine},
		{"a row that the quarantine has lost is set aside again", replaceExpired},
		{"rows that were set aside are put back", putBackOnce},
		{"rows that are refused again stay aside", putBackRefused},
		{"rows are put back by several at once, once", putBackConcurrently},
		{"what can't be put back changes nothing", putBackNothing},
		{"a table is recounted", recount},
		{"rows expire, the oldest first", expire},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			archive := newArchive(t)
			w := open(t, archive)
			test.test(t, &fixture{t: t, w: w, archive: archive, of: "app.access", limits: limits})
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func absentTable(t *testing.T, f *fixture) {
	ctx := context.Background()
	if _, err := f.w.Table(ctx, f.of); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("Table: got %v, want ErrNotFound", err)
	}
	m, _ := f.manifest([]string{`{"a":1}`})
	if _, err := f.w.Load(ctx, f.job(false, m)); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("Load: got %v, want ErrNotFound", err)
	}
	if _, err := f.w.Table(ctx, f.of); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("a failed load made the table: %v", err)
	}
	if tables, err := f.w.Tables(ctx); err != nil || len(tables) != 0 {
		t.Errorf("Tables: got %v, %v", tables, err)
	}
}

func extendTwice(t *testing.T, f *fixture) {
	ctx := context.Background()
	columns := []warehouse.Column{{Field: "b", Name: "b", Type: warehouse.BigInt}, {Field: "a", Name: "a", Type: warehouse.Text}}
	more := warehouse.Column{Field: "c", Name: "c", Type: warehouse.JSON}
	for _, add := range [][]warehouse.Column{nil, columns, columns, {columns[1], more}, nil} {
		if err := f.w.Extend(ctx, f.of, add); err != nil {
			t.Fatal(err)
		}
	}
	// A field that has a column keeps it.
	if err := f.w.Extend(ctx, f.of, []warehouse.Column{{Field: "a", Name: "a", Type: warehouse.Double}}); err != nil {
		t.Fatal(err)
	}
	table, err := f.w.Table(ctx, f.of)
	if err != nil {
		t.Fatal(err)
	}
	for i := range table.Columns {
		table.Columns[i].MaxBytes = 0 // how wide a text column is, is the warehouse's own affair
		if at := table.Columns[i].Added; time.Since(at) > time.Minute || time.Until(at) > time.Minute {
			t.Errorf("column %q was added at %v", table.Columns[i].Name, at)
		}
		table.Columns[i].Added = time.Time{}
	}
	if want := append(columns, more); !reflect.DeepEqual(table.Columns, want) {
		t.Errorf("got columns %v, want %v", table.Columns, want)
	}
	if table.Type != f.of || table.Name != f.of.TableName() || table.Rows != 0 || table.Created.IsZero() || !table.Loaded.IsZero() {
		t.Errorf("got %+v", table)
	}
	for _, taken := range []string{"a", "_id"} {
		if err := f.w.Extend(ctx, f.of, []warehouse.Column{{Field: "other", Name: taken, Type: warehouse.Text}}); err == nil {
			t.Errorf("a second column with the name %q was taken", taken)
		}
	}
}

func listTables(t *testing.T, f *fixture) {
	ctx := context.Background()
	types := []ikada.LogType{"b", "a.b", "a", "日本語", "A", ikada.Quarantine}
	for _, of := range types {
		if err := f.w.Extend(ctx, of, nil); err != nil {
			t.Fatal(err)
		}
	}
	tables, err := f.w.Tables(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []ikada.LogType
	for _, table := range tables {
		got = append(got, table.Type)
	}
	if want := []ikada.LogType{"A", "_quarantine", "a", "a.b", "b", "日本語"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func loadOnce(t *testing.T, f *fixture) {
	ctx := context.Background()
	m, fields := f.manifest([]string{`{"a":1}`, `{"a":2}`})
	absent := "app.access/999999999999.manifest"
	if loaded, err := f.w.Loaded(ctx, f.of, []string{m.Key, absent}); err != nil || loaded[m.Key] || loaded[absent] {
		t.Errorf("before: loaded %v, %v", loaded, err)
	}
	result := f.mustLoad(f.extend(fields), m)
	if want := (warehouse.Result{Rows: 2}); result != want {
		t.Errorf("got %+v, want %+v", result, want)
	}
	loaded, err := f.w.Loaded(ctx, f.of, []string{m.Key, absent})
	if err != nil || !loaded[m.Key] || loaded[absent] {
		t.Errorf("after: loaded %v, %v", loaded, err)
	}
	table, err := f.w.Table(ctx, f.of)
	if err != nil || table.Rows != 2 || table.Bytes != m.Bytes || table.Loaded.IsZero() {
		t.Errorf("got %+v, %v", table, err)
	}
}

func loadTwice(t *testing.T, f *fixture) {
	first, fields := f.manifest([]string{`{"a":1}`})
	second, _ := f.manifest([]string{`{"a":2}`})
	direct := f.extend(fields)
	f.mustLoad(direct, first)
	result := f.mustLoad(direct, first, second, second)
	if want := (warehouse.Result{Rows: 1, Skipped: 2}); result != want {
		t.Errorf("an overlapping job: got %+v, want %+v", result, want)
	}
	if result := f.mustLoad(!direct, second, first); result != (warehouse.Result{Skipped: 2}) {
		t.Errorf("again: got %+v", result)
	}
	if rows := f.rows(); !reflect.DeepEqual(rows, []map[string]any{{"a": int64(1)}, {"a": int64(2)}}) {
		t.Errorf("got %v", rows)
	}
}

func loadConcurrently(t *testing.T, f *fixture) {
	m, fields := f.manifest([]string{`{"a":1}`, `{"a":2}`})
	direct := f.extend(fields)
	var wg sync.WaitGroup
	results := make([]warehouse.Result, 6)
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = f.w.Load(context.Background(), f.job(direct, m)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rows := int64(0)
	for _, r := range results {
		rows += r.Rows
	}
	if got := len(f.rows()); rows != 2 || got != 2 {
		t.Errorf("the loads say %d rows, the table has %d; want 2", rows, got)
	}
}

func loadNothing(t *testing.T, f *fixture) {
	f.extend(nil)
	if result := f.mustLoad(true); result != (warehouse.Result{}) {
		t.Errorf("an empty job: got %+v", result)
	}
	none, _ := f.manifest()
	empty, _ := f.manifest([]string{})
	for _, m := range []warehouse.Manifest{none, empty} {
		if result := f.mustLoad(true, m); result != (warehouse.Result{}) {
			t.Errorf("got %+v", result)
		}
		if result := f.mustLoad(true, m); result != (warehouse.Result{Skipped: 1}) {
			t.Errorf("again: got %+v", result)
		}
	}
}

func loadDamaged(t *testing.T, f *fixture) {
	good, fields := f.manifest([]string{`{"a":1}`})
	direct := f.extend(fields)
	damage := map[string]func(*warehouse.Manifest){
		"another checksum":   func(m *warehouse.Manifest) { m.Files[0].CRC32C++ },
		"another size":       func(m *warehouse.Manifest) { m.Files[0].Size++ },
		"more rows":          func(m *warehouse.Manifest) { m.Files[0].Rows++; m.Rows++ },
		"fewer rows":         func(m *warehouse.Manifest) { m.Files[0].Rows--; m.Rows-- },
		"a file that is not": func(m *warehouse.Manifest) { m.Files[0].Key = "app.access/none.json.gz" },
	}
	for name, spoil := range damage {
		for _, direct := range []bool{direct, false} {
			m, _ := f.manifest([]string{`{"a":2}`, `{"a":3}`})
			spoil(&m)
			_, err := f.w.Load(context.Background(), f.job(direct, good, m))
			if !errors.Is(err, ikada.ErrCorrupt) && !errors.Is(err, ikada.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrCorrupt or ErrNotFound", name, err)
			}
		}
	}
	if rows := f.rows(); len(rows) != 0 {
		t.Errorf("there are rows: %v", rows)
	}
	if loaded, err := f.w.Loaded(context.Background(), f.of, []string{good.Key}); err != nil || loaded[good.Key] {
		t.Errorf("the ledger has the manifest: %v, %v", loaded, err)
	}
	if result := f.mustLoad(direct, good); result.Rows != 1 {
		t.Errorf("the good manifest alone: got %+v", result)
	}
}

func loadCancelled(t *testing.T, f *fixture) {
	m, fields := f.manifest([]string{`{"a":1}`})
	direct := f.extend(fields)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.w.Load(ctx, f.job(direct, m)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if result := f.mustLoad(direct, m); result.Rows != 1 || len(f.rows()) != 1 {
		t.Errorf("then: got %+v", result)
	}
}

func loadMany(t *testing.T, f *fixture) {
	var manifests []warehouse.Manifest
	direct := true
	for range 5 {
		m, fields := f.manifest([]string{`{"a":1}`, `{"a":2}`}, []string{`{"a":3}`})
		direct = f.extend(fields) && direct
		manifests = append(manifests, m)
	}
	if result := f.mustLoad(direct, manifests...); result != (warehouse.Result{Rows: 15}) {
		t.Errorf("got %+v", result)
	}
	sum := int64(0)
	for _, row := range f.rows() {
		sum += row["a"].(int64)
	}
	if sum != 30 {
		t.Errorf("the sum is %d, want 30", sum)
	}
}

func queryLimit(t *testing.T, f *fixture) {
	f.load(`{"a":1}`, `{"a":2}`, `{"a":3}`)
	for limit, want := range map[int64]int{0: 3, 1: 1, 2: 2, 3: 3, 4: 3} {
		rows, err := f.w.Query(context.Background(), `SELECT * FROM "`+f.of.TableName()+`"`, limit)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			_, err = rows.Next()
		}
		if n--; n != want || !errors.Is(err, io.EOF) {
			t.Errorf("limit %d: got %d rows and %v, want %d", limit, n, err, want)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

func queryOnlyReads(t *testing.T, f *fixture) {
	ctx := context.Background()
	f.load(`{"a":1}`)
	name := f.of.TableName()
	for _, sql := range []string{
		"INSERT INTO " + name + " (a) VALUES (2)", "DELETE FROM " + name, "UPDATE " + name + " SET a = 2",
		"DROP TABLE " + name, "CREATE TABLE x (a INT)",
	} {
		if rows, err := f.w.Query(ctx, sql, 0); !errors.Is(err, warehouse.ErrNotReadOnly) {
			t.Errorf("%s: got %v, %v; want ErrNotReadOnly", sql, rows, err)
		}
	}
	for _, sql := range []string{"SELECT 1; SELECT 2", "SELECT 1; DROP TABLE " + name} {
		if rows, err := f.w.Query(ctx, sql, 0); !errors.Is(err, warehouse.ErrSeveral) {
			t.Errorf("%s: got %v, %v; want ErrSeveral", sql, rows, err)
		}
	}
	if rows, err := f.w.Query(ctx, "SELECT * FROM no_such_table", 0); err == nil {
		t.Errorf("a table that is not there: got %v", rows)
	}
	if rows := f.rows(); len(rows) != 1 {
		t.Errorf("got %v", rows)
	}
}
