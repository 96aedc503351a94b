package warehousetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// fixture is a warehouse with its archive, and one log type to load.
type fixture struct {
	t       testing.TB
	w       warehouse.Warehouse
	archive bucket.Bucket
	of      ikada.LogType
	plan    uint64
	limits  Limits
}

// manifest stores files of lines in the archive and describes them as a
// routing run would. Each line lacks its _id and _time, which it gets here:
// ids are KEY.FILE.LINE.
func (f *fixture) manifest(files ...[]string) (warehouse.Manifest, []ikada.Field) {
	f.t.Helper()
	f.plan++
	m := warehouse.Manifest{Key: fmt.Sprintf("%s/%012d.manifest", f.of.PathName(), f.plan), Plan: f.plan}
	var fields []ikada.Field
	for i, lines := range files {
		var raw bytes.Buffer
		for j, line := range lines {
			rest := strings.TrimPrefix(line, "{")
			if rest != "}" {
				rest = "," + rest
			}
			fmt.Fprintf(&raw, "{\"_id\":\"%d.%d.%d\",\"_time\":\"2026-11-23T05:06:07.123456789Z\"%s\n", f.plan, i, j, rest)
			fields = f.observe(fields, line)
		}
		key := fmt.Sprintf("%s/dt=2026-11-23/hh=05/%012d-%d.json.gz", f.of.PathName(), f.plan, i)
		file := f.store(key, raw.Bytes())
		file.Rows = int64(len(lines))
		m.Files = append(m.Files, file)
		m.Rows += file.Rows
		m.Bytes += file.Raw
	}
	return m, fields
}

// store compresses and stores an archive file.
func (f *fixture) store(key string, raw []byte) warehouse.File {
	f.t.Helper()
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	if _, err := z.Write(raw); err != nil {
		f.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		f.t.Fatal(err)
	}
	if err := f.archive.Put(context.Background(), key, stored.Bytes()); err != nil {
		f.t.Fatal(err)
	}
	return warehouse.File{
		Key: key, Size: int64(stored.Len()), Raw: int64(len(raw)),
		CRC32C: crc32.Checksum(stored.Bytes(), crc32.MakeTable(crc32.Castagnoli)),
	}
}

// observe merges what a line's fields look like.
func (f *fixture) observe(fields []ikada.Field, line string) []ikada.Field {
	f.t.Helper()
	d := jsontext.NewDecoder(strings.NewReader(line), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		f.t.Fatal(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			f.t.Fatalf("%s: %v", line, err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			f.t.Fatalf("%s: %v", line, err)
		}
		if key == "_dup" || key == "_hour" {
			continue // in no list of fields
		}
		seen := ikada.Field{Name: key, Kinds: warehouse.KindOf(value), MaxBytes: longest(f.t, value), Rows: 1}
		at := slices.IndexFunc(fields, func(has ikada.Field) bool { return has.Name == key })
		if at < 0 {
			fields = append(fields, seen)
		} else {
			fields[at].Merge(seen)
		}
	}
	return fields
}

// longest returns the length of the longest string in a value, as a bundle's
// index has it.
func longest(t testing.TB, value jsontext.Value) uint32 {
	t.Helper()
	most := 0
	for d := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true)); ; {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return uint32(most)
		}
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		if token.Kind() == '"' {
			most = max(most, len(token.String()))
		}
	}
}

// extend folds the fields into the table, as a load does, and reports whether
// a direct load is safe.
func (f *fixture) extend(fields []ikada.Field) bool {
	f.t.Helper()
	ctx := context.Background()
	table, err := f.w.Table(ctx, f.of)
	add, direct := warehouse.Resolve(table, err == nil, fields)
	if err := f.w.Extend(ctx, f.of, add); err != nil {
		f.t.Fatal(err)
	}
	return direct
}

// load extends the table and loads the lines as one manifest.
func (f *fixture) load(lines ...string) warehouse.Result {
	f.t.Helper()
	m, fields := f.manifest(lines)
	return f.mustLoad(f.extend(fields), m)
}

func (f *fixture) job(direct bool, manifests ...warehouse.Manifest) warehouse.Job {
	return warehouse.Job{Type: f.of, Manifests: manifests, Direct: direct}
}

func (f *fixture) mustLoad(direct bool, manifests ...warehouse.Manifest) warehouse.Result {
	f.t.Helper()
	result, err := f.w.Load(context.Background(), f.job(direct, manifests...))
	if err != nil {
		f.t.Fatal(err)
	}
	return result
}

// Rows returns the rows of a log type's table, ordered by _id: values by
// column name, without nulls.
func Rows(t testing.TB, w warehouse.Warehouse, of ikada.LogType) []map[string]any {
	t.Helper()
	rows, err := w.Query(context.Background(), `SELECT * FROM "`+of.TableName()+`"`, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []map[string]any
	for {
		values, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, name := range rows.Columns() {
			if values[i] != nil {
				row[name] = values[i]
			}
		}
		all = append(all, row)
	}
	slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a["_id"]), fmt.Sprint(b["_id"])) })
	return all
}

// rows returns the table's rows without _id and _time.
func (f *fixture) rows() []map[string]any {
	f.t.Helper()
	all := Rows(f.t, f.w, f.of)
	for _, row := range all {
		maps.DeleteFunc(row, func(name string, _ any) bool { return name == "_id" || name == "_time" })
	}
	return all
}

// column returns the name of the column of a field.
func (f *fixture) column(field string) string {
	f.t.Helper()
	table, err := f.w.Table(context.Background(), f.of)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range table.Columns {
		if c.Field == field {
			return c.Name
		}
	}
	f.t.Fatalf("field %q has no column", field)
	return ""
}

// decode reads JSON text as a warehouse's rows hold it.
func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
