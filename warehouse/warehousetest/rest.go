package warehousetest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

func misfits(t *testing.T, f *fixture) {
	f.load(`{"b":true,"n":1,"d":1.5,"s":"a","t":"2026-01-02T03:04:05Z"}`)
	fits := map[string][]string{
		"b": {`false`}, "n": {`9223372036854775807`, `-5`}, "d": {`3`, `1e3`}, "s": {`""`, `"2026-01-02T03:04:05Z"`},
		"t": {`"2026-01-02T03:04:05.5+09:00"`},
	}
	odd := map[string][]string{
		"b": {`1`, `"true"`, `[]`}, "n": {`1.5`, `9223372036854775808`, `-9223372036854775809`, `1e3`, `1.0`, `"1"`, `true`, `1e400`, `-0`},
		"d": {`9007199254740993`, `0.1234567890123456789`, `1e400`, `1e-400`, `"1.5"`, `{}`}, "s": {`1`, `false`, `{"a":"b"}`, `[1.10]`},
		"t": {
			`""`, `"2026-01-02T03:04:05.123456789Z"`, `"2026-01-02"`, `"2026-01-02T03:04:05"`, `"2026-02-30T03:04:05Z"`, `1767322800`,
			`"2026-01-02T03:04:60Z"`, `"2026-01-02T03:04:05+0900"`,
		},
	}
	for field, values := range fits {
		for _, value := range values {
			if result := f.load(fmt.Sprintf(`{"%s":%s}`, field, value)); result.Rest != 0 {
				t.Errorf("%s in column %s went to _rest", value, field)
			}
		}
	}
	loaded := len(f.rows())
	var want []any
	for field, values := range odd {
		for _, value := range values {
			line := fmt.Sprintf(`{"%s":%s}`, field, value)
			if result := f.load(line); result != (warehouse.Result{Rows: 1, Rest: 1}) {
				t.Errorf("%s: got %+v, want one row with a _rest", line, result)
			}
			want = append(want, decode(t, line))
		}
	}
	counted := 0
	for _, row := range f.rows() {
		if row["_rest"] == nil {
			continue
		}
		counted++
		if len(row) != 1 {
			t.Errorf("beside _rest the row has %v", row)
		}
		found := false
		for _, w := range want {
			found = found || reflect.DeepEqual(row["_rest"], w)
		}
		if !found {
			t.Errorf("_rest %v was never sent", row["_rest"])
		}
	}
	if counted != len(want) || len(f.rows()) != loaded+len(want) {
		t.Errorf("%d rows have a _rest of %d rows, want %d", counted, len(f.rows()), len(want))
	}
	f.mixed(t)
}

// mixed holds that what fits in a row stays in its columns.
func (f *fixture) mixed(t *testing.T) {
	f.of = "mixed"
	f.load(`{"n":1,"s":"a","t":"2026-01-02T03:04:05Z"}`)
	if result := f.load(`{"n":1.5,"s":"b","t":"","more":true}`, `{"n":2}`); result.Rest != 1 {
		t.Errorf("got %+v, want one row with a _rest", result)
	}
	f.want(
		map[string]any{"n": int64(1), "s": "a", "t": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		map[string]any{"s": "b", "more": true, "_rest": decode(t, `{"n":1.5,"t":""}`)},
		map[string]any{"n": int64(2)},
	)
}

func beyondLimit(t *testing.T, f *fixture) {
	var fields []string
	for i := range warehouse.MaxColumns + 3 {
		fields = append(fields, fmt.Sprintf(`"f%d":%d`, i, i))
	}
	if result := f.load("{" + strings.Join(fields, ",") + "}"); result != (warehouse.Result{Rows: 1, Rest: 1}) {
		t.Errorf("got %+v", result)
	}
	row := f.rows()[0]
	if len(row) != warehouse.MaxColumns+1 || !reflect.DeepEqual(row["_rest"], decode(t, `{"f1000":1000,"f1001":1001,"f1002":1002}`)) {
		t.Errorf("got %d columns, _rest %v", len(row), row["_rest"])
	}
}

// exactNumbers is of rows that the hard class is for, whose numbers a double
// does not hold, at whatever depth.
func exactNumbers(t *testing.T, f *fixture) {
	const numbers = `[1.10,1e3,-0,-0.0,0.1234567890123456789012,1e400,1e-400,123456789012345678901234567890]`
	m, fields := f.manifest([]string{`{"j":` + numbers + `,"n":1}`, `{"n":0.1234567890123456789012,"j":{"a":` + numbers + `,"a":1.10}}`})
	f.extend(fields)
	job := f.job(true, m)
	job.Class = ikada.Hard
	if _, err := f.w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	rows := f.rows()
	if !reflect.DeepEqual(rows[0]["j"], decode(t, numbers)) {
		t.Errorf("got %v, want %s", rows[0]["j"], numbers)
	}
	if want := decode(t, `{"a":1.10}`); !reflect.DeepEqual(rows[1]["j"], want) {
		t.Errorf("got %v, want %v", rows[1]["j"], want)
	}
	if fmt.Sprint(rows[1]["n"]) != "0.1234567890123456789012" {
		t.Errorf("got %v", rows[1]["n"])
	}
}

func longLines(t *testing.T, f *fixture) {
	size := 9 << 20
	if f.limits.RowBytes > 0 {
		size = f.limits.RowBytes * 7 / 8
	}
	long := strings.Repeat("あ", size/3)
	m, fields := f.manifest([]string{`{"s":"` + long + `"}`, `{"s":"short"}`, `{"s":"b` + long + `"}`})
	f.extend(fields)
	job := f.job(false, m)
	job.Class = ikada.Hard
	if _, err := f.w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	rows := f.rows()
	if limit := f.limits.TextBytes; limit > 0 && limit < size {
		for _, row := range rows {
			if rest, ok := row["_rest"].(map[string]any); ok {
				row["s"] = rest["s"]
			}
		}
	}
	if len(rows) != 3 || rows[0]["s"] != long || rows[1]["s"] != "short" || rows[2]["s"] != "b"+long {
		t.Errorf("got %d rows", len(rows))
	}
}
