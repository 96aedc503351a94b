package duckdb

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/internal/pagecache/pagecachetest"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

func extendGenerated(t testing.TB, w *Warehouse, of ikada.LogType) {
	t.Helper()
	if err := w.Extend(t.Context(), of, warehousetest.GeneratedColumns); err != nil {
		t.Fatal(err)
	}
}

func TestDirectAndCarefulLoadsMakeTheSameTable(t *testing.T) {
	w, archive := openEmpty(t)
	job := warehousetest.Generate(t, openArchive(t, archive), "generated", 1, 5000, 3)
	for _, direct := range []bool{true, false} {
		job.Direct = direct
		if job.Type = "careful"; direct {
			job.Type = "direct"
		}
		job.Manifests[0].Key = string(job.Type)
		extendGenerated(t, w, job.Type)
		if _, err := w.Load(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if way := single(t, w, `SELECT direct FROM _ikada.ledger WHERE manifest = '`+string(job.Type)+`'`); way != direct {
			t.Errorf("the ledger says direct %v, want %t", way, direct)
		}
	}
	for _, query := range []string{`FROM direct EXCEPT ALL FROM careful`, `FROM careful EXCEPT ALL FROM direct`} {
		if n := single(t, w, `SELECT count(*) FROM (`+query+`)`); n != int64(0) {
			t.Errorf("%s: %v rows", query, n)
		}
	}
}

func TestADirectLoadThatIsRefusedIsDoneCarefully(t *testing.T) {
	w, archive := openEmpty(t)
	job := warehousetest.Generate(t, openArchive(t, archive), "generated", 1, 100, 1)
	columns := append([]warehouse.Column{}, warehousetest.GeneratedColumns...)
	for i := range columns {
		if columns[i].Field == "host" { // web-001 is no number, but the job says that all fits
			columns[i].Type = warehouse.BigInt
		}
	}
	if err := w.Extend(t.Context(), "generated", columns); err != nil {
		t.Fatal(err)
	}
	result, err := w.Load(t.Context(), job)
	if want := (warehouse.Result{Rows: 100, Rest: 100}); err != nil || result != want {
		t.Errorf("got %+v, %v; want %+v", result, err, want)
	}
	if got := single(t, w, `SELECT count(*) FROM generated_ WHERE host IS NULL AND (_rest->>'host') LIKE 'web-%'`); got != int64(100) {
		t.Errorf("%v rows keep their host in _rest, want 100", got)
	}
	if got := single(t, w, `SELECT rest FROM _ikada.ledger WHERE NOT direct`); got != int64(100) {
		t.Errorf("the ledger says %v rows have a _rest", got)
	}
}

func TestAFileDamagedInPlaceIsNamed(t *testing.T) {
	w, archive := openEmpty(t)
	job := warehousetest.Generate(t, openArchive(t, archive), "generated", 1, 1000, 2)
	extendGenerated(t, w, "generated")
	path := filepath.Join(archive, job.Manifests[0].Files[1].Key)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-6] ^= 1 // in gzip's own checksum, which DuckDB does not check
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = w.Load(t.Context(), job)
	if !errors.Is(err, ikada.ErrCorrupt) {
		t.Fatalf("got %v, want ErrCorrupt", err)
	}
	if want := job.Manifests[0].Files[1].Key; !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not name %s", err, want)
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `it's [a] "b" *{c} 日本`)
	archive := openArchive(t, filepath.Join(dir, "archive"))
	job := warehousetest.Generate(t, archive, "generated", 1, 10, 2)
	w, err := Open(t.Context(), filepath.Join(dir, "warehouse.db"), archive, Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	extendGenerated(t, w, "generated")
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got := single(t, w, `SELECT direct FROM _ikada.ledger`); got != true {
		t.Error("the load was not direct")
	}
}

func TestFetchedFilesAreRemoved(t *testing.T) {
	archive := mem.New()
	path := filepath.Join(t.TempDir(), "warehouse.db")
	temp := path + ".tmp"
	if err := os.MkdirAll(temp, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(temp, "fetched-1.json.gz"), nil, 0o600); err != nil {
		t.Fatal(err) // as a killed process leaves it
	}
	w, err := Open(t.Context(), path, archive, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	extendGenerated(t, w, "generated")
	good := warehousetest.Generate(t, archive, "generated", 1, 10, 2)
	bad := warehousetest.Generate(t, archive, "generated", 2, 10, 2)
	bad.Manifests[0].Files[1].CRC32C++
	if _, err := w.Load(t.Context(), good); err != nil {
		t.Error(err)
	}
	if _, err := w.Load(t.Context(), bad); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What was loaded is hardly read again, so it is not to fill the machine's memory.
func TestLoadedFilesAreForgotten(t *testing.T) {
	w, archive := openEmpty(t)
	job := warehousetest.Generate(t, openArchive(t, archive), "generated", 1, 1000, 2)
	file := filepath.Join(archive, job.Manifests[0].Files[0].Key)
	if pagecachetest.Held(t, file) == 0 {
		t.Error("the file was forgotten before it was loaded")
	}
	extendGenerated(t, w, "generated")
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if n := pagecachetest.Held(t, file); n > 0 {
		t.Errorf("%d pages of the file are held", n)
	}
}

func TestACatalogOutlivesItsProcess(t *testing.T) {
	archive, path := t.TempDir(), filepath.Join(t.TempDir(), "warehouse.db")
	job := warehousetest.Generate(t, openArchive(t, archive), "generated", 1, 10, 1)
	w, err := Open(t.Context(), path, openArchive(t, archive), Options{})
	if err != nil {
		t.Fatal(err)
	}
	extendGenerated(t, w, "generated")
	if err := w.Extend(t.Context(), "it's \"odd\"", []warehouse.Column{{Field: "a'b", Name: "a_b", Type: warehouse.JSON}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	before, err := w.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err = Open(t.Context(), path, openArchive(t, archive), Options{}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	after, err := w.Tables(t.Context())
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v\n%v", before, after, err)
	}
	if result, err := w.Load(t.Context(), job); err != nil || result != (warehouse.Result{Skipped: 1}) {
		t.Errorf("loaded again: got %+v, %v", result, err)
	}
}

func TestAPathThatTheDriverWouldMisreadIsRefused(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "a?b.db"), filepath.Join(t.TempDir(), "a%20b.db")} {
		if w, err := Open(t.Context(), path, mem.New(), Options{}); err == nil {
			t.Errorf("%q was opened", path)
			_ = w.Close()
		}
	}
}

// A thousand columns need memory by the column, not only by the row.
func TestWideTablesLoadWithinTheMemoryLimit(t *testing.T) {
	w, root := openEmpty(t)
	const rows = 2500
	var columns []warehouse.Column
	for i := range warehouse.MaxColumns {
		name := fmt.Sprintf("f%d", i)
		columns = append(columns, warehouse.Column{Field: name, Name: name, Type: []warehouse.Type{warehouse.Text, warehouse.BigInt}[i%2]})
	}
	if err := w.Extend(t.Context(), "wide", columns); err != nil {
		t.Fatal(err)
	}
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	for row := range rows {
		fmt.Fprintf(z, `{"_id":"%d","_time":"2026-11-23T05:06:07Z"`, row)
		for i := range columns {
			if i%2 == 0 {
				fmt.Fprintf(z, `,"f%d":"some text %d"`, i, i*row)
			} else {
				fmt.Fprintf(z, `,"f%d":%d`, i, i*row)
			}
		}
		fmt.Fprintln(z, "}")
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openArchive(t, root).Create(t.Context(), "wide.json.gz", stored.Bytes()); err != nil {
		t.Fatal(err)
	}
	file := warehouse.File{
		Key: "wide.json.gz", Size: int64(stored.Len()), Rows: rows,
		CRC32C: crc32.Checksum(stored.Bytes(), crc32.MakeTable(crc32.Castagnoli)),
	}
	for i, direct := range []bool{true, false} {
		m := warehouse.Manifest{Key: fmt.Sprint(i), Rows: rows, Files: []warehouse.File{file}}
		result, err := w.Load(t.Context(), warehouse.Job{Type: "wide", Direct: direct, Manifests: []warehouse.Manifest{m}})
		if err != nil || result.Rows != rows {
			t.Errorf("direct %t: got %+v, %v", direct, result, err)
		}
	}
	if got := single(t, w, `SELECT count(*) FROM wide WHERE f999 = 999 * _id::BIGINT AND f0 = 'some text 0'`); got != int64(2*rows) {
		t.Errorf("%v rows are right, want %d", got, 2*rows)
	}
}

// A log type is bytes from the network. A NUL ends an SQL statement.
func TestALogTypeWithANULKeepsItsNameAndItsColumns(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "nul.duckdb")
	const name = "a\x00b'c"
	columns := []warehouse.Column{
		{Field: "x", Name: "x", Type: warehouse.BigInt},
		{Field: "y\x00'z", Name: "y_z", Type: warehouse.Text},
	}
	for range 2 { // the second time it is read back
		w, err := Open(t.Context(), path, openArchive(t, root), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Extend(t.Context(), name, columns); err != nil {
			t.Fatal(err)
		}
		table, err := w.Table(t.Context(), name)
		for i := range table.Columns {
			table.Columns[i].Added = time.Time{}
		}
		if err != nil || !slices.Equal(table.Columns, columns) {
			t.Errorf("the catalog has %+v, %v", table, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// DuckDB would make a dictionary of identities at each checkpoint, and throw it
// away. What it is told instead outlives the process.
func TestIdentitiesAreNotTriedInADictionary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warehouse.db")
	for range 2 {
		w, err := Open(t.Context(), path, mem.New(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		extendGenerated(t, w, "generated")
		for _, statement := range []string{
			"INSERT INTO generated_ (_id, host) SELECT 'alike, so a dictionary is best', 'and this' FROM range(5000)",
			"CHECKPOINT",
		} {
			if _, err := w.db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for column, want := range map[string]bool{"_id": true, "host": false} {
			query := fmt.Sprintf("SELECT bool_and(compression = 'FSST') FROM pragma_storage_info('generated_') WHERE column_name = '%s' AND segment_type = 'VARCHAR'", column)
			if got := single(t, w, query); got != want {
				t.Errorf("%s is compressed by FSST: %v, want %v", column, got, want)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
