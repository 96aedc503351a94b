package warehousetest

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/warehouse"
)

// bothWays runs a test of lines that a direct load takes, once directly and
// once carefully: the tables must come out the same.
func bothWays(test func(t *testing.T, f *fixture, load func(lines ...string))) func(*testing.T, *fixture) {
	return func(t *testing.T, f *fixture) {
		for _, direct := range []bool{true, false} {
			f.of = "careful"
			if direct {
				f.of = "direct"
			}
			test(t, f, func(lines ...string) {
				t.Helper()
				m, fields := f.manifest(lines)
				if safe := f.extend(fields); !safe {
					t.Fatalf("%s: a direct load is not safe", lines)
				}
				if result := f.mustLoad(direct, m); result != (warehouse.Result{Rows: int64(len(lines))}) {
					t.Errorf("direct %t: got %+v, want %d rows", direct, result, len(lines))
				}
			})
		}
	}
}

func (f *fixture) want(want ...map[string]any) {
	f.t.Helper()
	if got := f.rows(); !reflect.DeepEqual(got, want) {
		f.t.Errorf("%s:\ngot  %v\nwant %v", f.of, got, want)
	}
}

func everyType(t *testing.T, f *fixture, load func(...string)) {
	load(`{"b":true,"n":9007199254740993,"d":1.5,"s":"","t":"2026-01-02T03:04:05+09:00","j":[1,"a",null,{}]}`,
		`{"b":false,"n":-9223372036854775808,"d":7,"s":"2026-01-02","t":"2026-01-02T03:04:05.123456-15:59","j":{"k":"v"}}`,
		`{"d":-1e308,"s":"2026-01-02T03:04:05Z","t":"9999-12-31T23:59:59Z","n":0,"j":[]}`)
	f.want(
		map[string]any{
			"b": true, "n": int64(9007199254740993), "d": 1.5, "s": "", "t": time.Date(2026, 1, 1, 18, 4, 5, 0, time.UTC),
			"j": decode(t, `[1,"a",null,{}]`),
		},
		map[string]any{
			"b": false, "n": int64(-9223372036854775808), "d": 7.0, "s": "2026-01-02",
			"t": time.Date(2026, 1, 2, 19, 3, 5, 123456000, time.UTC), "j": decode(t, `{"k":"v"}`),
		},
		map[string]any{
			"d": -1e308, "s": "2026-01-02T03:04:05Z", "t": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "n": int64(0),
			"j": []any{},
		},
	)
	load(`{"d":5e-324,"n":42}`, `{"d":0.1234567890123456}`)
	if rows := f.rows(); len(rows) != 5 || rows[3]["d"] != 5e-324 || rows[4]["d"] != 0.1234567890123456 {
		t.Errorf("%s: got %v", f.of, rows)
	}
}

func nulls(_ *testing.T, f *fixture, load func(...string)) {
	load(`{"never":null}`, `{}`)
	load(`{"a":null,"j":{"x":null}}`, `{"a":"x","j":null,"never":null}`, `{"j":"null"}`, `{"a":"null"}`)
	f.want(map[string]any{}, map[string]any{},
		map[string]any{"j": map[string]any{"x": nil}}, map[string]any{"a": "x"}, map[string]any{"j": "null"}, map[string]any{"a": "null"})
}

func systemColumns(t *testing.T, f *fixture, load func(...string)) {
	load(`{"_hour":"2026-11-23T07:00:00Z","_dup":[{"a":1},{"a":1.5}],"a":2}`, `{"a":3}`)
	rows := Rows(t, f.w, f.of)
	at := time.Date(2026, 11, 23, 5, 6, 7, 123456000, time.UTC) // cut, not rounded
	id := fmt.Sprintf("%d.0.", f.plan)
	want := []map[string]any{
		{
			"_id": id + "0", "_time": at, "_hour": time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC),
			"_dup": decode(t, `[{"a":1},{"a":1.5}]`), "a": int64(2),
		},
		{"_id": id + "1", "_time": at, "a": int64(3)},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", f.of, rows, want)
	}
}

func oddKeys(t *testing.T, f *fixture, load func(...string)) {
	keys := []string{
		`a"b`, `a'b`, "日本語", "select", "a.b", "a b", `back\slash`, "new\nline", "\x01", "\u2400", "'); DROP TABLE x; --", "$1", "?", "*",
		"_Id2", "__id", "CamelCase", "0", "ünï", "filename", "dt", "hh", strings.Repeat("k", 300), strings.Repeat("あ", 100), "columns", "c0", "json", "rowid", "😀",
	}
	fields := make([]string, len(keys))
	for i, key := range keys {
		fields[i] = quoted(key) + ":" + strconv.Itoa(i)
	}
	load("{" + strings.Join(fields, ",") + "}")
	rows := f.rows()
	if len(rows) != 1 || len(rows[0]) != len(keys) {
		t.Fatalf("%s: got %v", f.of, rows)
	}
	for i, key := range keys {
		if got := rows[0][f.column(key)]; got != int64(i) {
			t.Errorf("%s: key %q: got %v, want %d", f.of, key, got, i)
		}
	}
}

func emptyKey(t *testing.T, f *fixture, load func(...string)) {
	load(`{"":1}`, `{"":2,"a":3}`)
	if rows := f.rows(); rows[0][f.column("")] != int64(1) || rows[1][f.column("")] != int64(2) || rows[1]["a"] != int64(3) {
		t.Errorf("%s: got %v", f.of, rows)
	}
}

// quoted writes a JSON string with the fewest escapes, as archive files have it.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < 0x20:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func oddStrings(t *testing.T, f *fixture, load func(...string)) {
	var all strings.Builder
	for r := rune(1); r < 0x20; r++ {
		all.WriteRune(r)
	}
	texts := []string{
		all.String(), `"\/`, "日本語 😀 \u2028\u2029\ufeff\u007f\u0085", strings.Repeat("x", 60_000), "null", "true", "1", "{}", " ", "NaN", "'", "\\N",
	}
	var lines []string
	for _, text := range texts {
		lines = append(lines, `{"s":`+quoted(text)+`,"j":[`+quoted(text)+`]}`)
	}
	lines = append(lines, `{"s":"\b\f\n\r\t\/\"\\\u3042\ud83d\ude00"}`)
	texts = append(texts, "\b\f\n\r\t/\"\\あ😀")
	load(lines...)
	got := map[any]bool{}
	nested := 0
	for _, row := range f.rows() {
		got[row["s"]] = true
		if list, ok := row["j"].([]any); ok && len(list) == 1 && list[0] == row["s"] {
			nested++
		}
	}
	for _, text := range texts {
		if !got[text] {
			t.Errorf("%s: text %.50q is not there", f.of, text)
		}
	}
	if nested != len(texts)-1 {
		t.Errorf("%s: %d nested texts are as the plain ones, want %d", f.of, nested, len(texts)-1)
	}
}

func nestedValues(t *testing.T, f *fixture, load func(...string)) {
	deep := strings.Repeat(`{"a":[`, 300) + "1" + strings.Repeat("]}", 300)
	load(`{"j":{"a":1,"A":2,"a.b":{"":[]}}}`, `{"j":`+deep+`}`, `{"j":[9223372036854775808,12345678901234567890123]}`)
	rows := f.rows()
	if len(rows) != 3 {
		t.Fatalf("%s: got %v", f.of, rows)
	}
	for i, want := range []string{`{"a":1,"A":2,"a.b":{"":[]}}`, deep, `[9223372036854775808,12345678901234567890123]`} {
		if !reflect.DeepEqual(rows[i]["j"], decode(t, want)) {
			t.Errorf("%s: got %v, want %s", f.of, rows[i]["j"], want)
		}
	}
}

func manyColumns(t *testing.T, f *fixture, load func(...string)) {
	fields := make([]string, warehouse.MaxColumns)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"field_%d":%d`, i, i)
	}
	load("{" + strings.Join(fields, ",") + "}")
	rows := f.rows()
	if len(rows) != 1 || len(rows[0]) != len(fields) {
		t.Fatalf("%s: got %d rows", f.of, len(rows))
	}
	for i := range fields {
		if got := rows[0][fmt.Sprintf("field_%d", i)]; got != int64(i) {
			t.Errorf("%s: field %d: got %v", f.of, i, got)
		}
	}
}

func caseOnly(t *testing.T, f *fixture) {
	f.load(`{"userId":1,"userid":2,"USERID":"x","_ID":4}`)
	f.load(`{"userid":5}`, `{"USERID":"y","userId":6}`)
	for i, want := range []map[string]any{
		{"userId": int64(1), "userid": int64(2), "USERID": "x", "_ID": int64(4)}, {"userid": int64(5)}, {"USERID": "y", "userId": int64(6)},
	} {
		row := f.rows()[i]
		for field, value := range want {
			if got := row[f.column(field)]; got != value {
				t.Errorf("row %d, field %s: got %v, want %v", i, field, got, value)
			}
		}
		if len(row) != len(want) {
			t.Errorf("row %d: got %v, want %v", i, row, want)
		}
	}
	if table, err := f.w.Table(context.Background(), f.of); err != nil || len(table.Columns) != 4 {
		t.Errorf("got %v, %v", table, err)
	}
}
