package redshift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/duckdb"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// oddLoads are what real and hostile senders send, load by load.
func oddLoads() [][]string {
	long := func(n int) string { return strings.Repeat("x", n) }
	text := func(n int) string { return strings.Repeat("あ", n) }
	deep := strings.Repeat(`{"a":[`, 400) + "1" + strings.Repeat("]}", 400)
	return [][]string{
		{`{"s":"short","n":1,"t":"2026-01-02T03:04:05Z","d":1.5,"b":true,"j":{"a":1}}`, `{}`},
		// Texts that outgrow their column, which is widened, and Redshift's greatest.
		{`{"s":"` + long(64) + `"}`, `{"s":"` + long(65) + `"}`, `{"s":"` + long(129) + `"}`, `{"s":"` + text(300) + `"}`},
		{`{"s":"` + long(65_535) + `"}`, `{"s":"` + long(65_536) + `"}`, `{"s":"` + text(21_846) + `"}`, `{"new":"` + long(70_000) + `"}`},
		// Values that their column does not hold.
		{`{"s":1,"n":"x","t":"","d":{},"b":0,"j":"text"}`, `{"n":1e400}`, `{"n":9223372036854775808}`, `{"t":"9999-12-31T23:59:59-01:00"}`, `{"t":"0000-01-01T00:00:00Z"}`},
		{`{"j":[1e400,123456789012345678901234567890,0.1234567890123456789]}`, `{"j":{"a":{"b":18446744073709551615}}}`, `{"j":` + deep + `}`},
		{`{"j":"` + long(70_000) + `"}`, `{"j":{"k":"` + long(70_000) + `"}}`, `{"j":{"_ikada_json":["1"]}}`},
		// Rows that no table of Redshift holds, and such as just fit.
		{`{"s":"` + long(4<<20) + `","n":5}`, `{"n":6}`, `{"j":["` + text(1<<20) + `","` + long(2<<20) + `"]}`, `{"s":"` + long(3<<20) + `"}`},
		{`{"s":"nul \u0000","n":7}`, `{"j":{"a":"nul \u0000"}}`, `{"j":{"a":"no nul \\u0000"}}`},
		{`{"Ü ber":1,"select":2,"a b":3,"` + long(200) + `":4,"userId":5,"userid":6,"":7}`},
		{`{"n":1,"n":2,"x":1,"x":2}`},
		{"no JSON at all", `{"s":`, "", `{"n":8}`},
	}
}

// manifestOf stores lines, which need not be rows.
func manifestOf(t *testing.T, archive *s3, plan int, lines []string) warehouse.Manifest {
	t.Helper()
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "{"); ok {
			line = fmt.Sprintf(`{"_id":"%d-%d","_time":"2026-11-23T05:06:07.123456789Z"`, plan, i)
			if rest != "}" {
				line += ","
			}
			line += rest
		}
		_, _ = z.Write([]byte(line + "\n"))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f := warehouse.File{
		Key: fmt.Sprintf("app.access/%d.json.gz", plan), Size: int64(stored.Len()), Rows: int64(len(lines)),
		CRC32C: crc32.Checksum(stored.Bytes(), crc32.MakeTable(crc32.Castagnoli)),
	}
	if err := archive.Put(t.Context(), f.Key, stored.Bytes()); err != nil {
		t.Fatal(err)
	}
	return warehouse.Manifest{Key: fmt.Sprintf("app.access/%d.manifest", plan), Plan: uint64(plan), Rows: f.Rows, Files: []warehouse.File{f}}
}

// observed are the fields of lines that are JSON.
func observed(lines []string) (fields []ikada.Field) {
	at := map[string]int{}
	for _, line := range lines {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(line), &object) != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			seen := ikada.Field{Name: name, Kinds: warehouse.KindOf(object[name]), Rows: 1}
			var text string
			if json.Unmarshal(object[name], &text) == nil {
				seen.MaxBytes = uint32(len(text))
			}
			if i, ok := at[name]; ok {
				fields[i].Merge(seen)
			} else {
				at[name] = len(fields)
				fields = append(fields, seen)
			}
		}
	}
	return fields
}

// DuckDB with Redshift's rules and Redshift do the same with the same rows: the
// same columns, as wide, the same values in them and in _rest, the same in the quarantine.
func TestDuckDBWithRedshiftsRulesDoesAsRedshift(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := r.open(t)
	defer func() { _ = w.Close() }()
	duck, err := duckdb.Open(t.Context(), filepath.Join(t.TempDir(), "w.duckdb"), r.archive, duckdb.Options{RedshiftRules: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = duck.Close() }()
	for i, lines := range oddLoads() {
		m := manifestOf(t, r.archive, i+1, lines)
		var results []warehouse.Result
		for _, to := range []warehouse.Warehouse{w, duck} {
			table, err := to.Table(t.Context(), app)
			if err != nil && !errors.Is(err, ikada.ErrNotFound) {
				t.Fatal(err)
			}
			add, direct := warehouse.Resolve(table, err == nil, observed(lines))
			if err := to.Extend(t.Context(), app, add); err != nil {
				t.Fatal(err)
			}
			result, err := to.Load(t.Context(), warehouse.Job{Type: app, Direct: direct, Manifests: []warehouse.Manifest{m}})
			if err != nil {
				t.Fatalf("load %d: %v", i, err)
			}
			results = append(results, result)
		}
		if results[0] != results[1] {
			t.Errorf("load %d: Redshift %+v, DuckDB %+v", i, results[0], results[1])
		}
	}
	for _, of := range []ikada.LogType{app, ikada.Quarantine} {
		theirs, err := w.Table(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := duck.Table(t.Context(), of)
		for _, columns := range [][]warehouse.Column{theirs.Columns, ours.Columns} {
			for i := range columns {
				columns[i].Added = time.Time{}
			}
		}
		if err != nil || !reflect.DeepEqual(theirs.Columns, ours.Columns) || theirs.Rows != ours.Rows {
			t.Errorf("%s: Redshift has %d rows, columns %v\nDuckDB %d, columns %v, %v", of, theirs.Rows, theirs.Columns, ours.Rows, ours.Columns, err)
		}
		want, got := warehousetest.Rows(t, w, of), warehousetest.Rows(t, duck, of)
		if len(want) != len(got) {
			t.Fatalf("%s: Redshift has %d rows, DuckDB %d", of, len(want), len(got))
		}
		for i := range want {
			if of == ikada.Quarantine {
				delete(want[i], "_time") // of the load
				delete(got[i], "_time")
			}
			if !reflect.DeepEqual(want[i], got[i]) {
				t.Errorf("%s, row %v:\nRedshift %.300v\nDuckDB   %.300v", of, want[i]["_id"], want[i], got[i])
			}
		}
		t.Logf("%s: %d rows", of, len(want))
	}
}
