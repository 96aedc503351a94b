package warehousetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// drifting are log types whose first rows make a table that later rows drift
// from, each in its way. Lines with a quoted or nested name are there to mislead
// who looks for names alone.
var drifting = map[string]struct{ first, later []string }{
	"int to float":      {[]string{`{"n":1}`}, []string{`{"n":2}`, `{"n":1.5}`, `{"n":-0}`, `{"n":3,"o":{"n":1.5}}`, `{"n":4,"s":"\"n\":1.5"}`}},
	"number to text":    {[]string{`{"n":1}`}, []string{`{"n":"x"}`, `{"n":2}`, `{"n":""}`, `{"s":"n","n":3}`, `{"n":"a\"n\\"}`}},
	"scalar to object":  {[]string{`{"n":1,"t":"x"}`}, []string{`{"n":{"a":1},"t":"y"}`, `{"n":[1,2],"t":"z"}`, `{"n":2,"t":{"n":3}}`, `{"n":3,"t":"w"}`}},
	"object to scalar":  {[]string{`{"o":{"a":1}}`}, []string{`{"o":1}`, `{"o":{"a":2}}`, `{"o":"x"}`, `{"o":[1.5]}`}},
	"bool":              {[]string{`{"b":true}`}, []string{`{"b":0}`, `{"b":false}`, `{"b":"true"}`, `{"b":null}`}},
	"large numbers":     {[]string{`{"n":1,"d":1.5}`}, []string{`{"n":123456789012345678901,"d":9007199254740993}`, `{"n":2,"d":2}`, `{"n":9223372036854775807,"d":2.5}`}},
	"new and only null": {[]string{`{"a":1}`}, []string{`{"a":2,"new":"x"}`, `{"a":3,"none":null}`, `{"a":4}`, `{"a":"x","new":5,"none":null}`}},
	"letter case":       {[]string{`{"userId":1}`}, []string{`{"userid":"u"}`, `{"userId":2}`, `{"USERID":[3]}`, `{"userId":3,"userid":"v"}`, `{"_ID":4,"userId":5}`}},
	"timestamp formats": {[]string{`{"t":"2026-11-23T05:06:07Z"}`}, []string{`{"t":"2026-11-23 05:06:07"}`, `{"t":"2026-11-23T05:06:08Z"}`, `{"t":1795411800}`, `{"t":""}`, `{"t":"2026-11-23T05:06:07.1234567Z"}`}},
	"growing strings":   {[]string{`{"s":"x"}`}, []string{`{"s":"` + strings.Repeat("長", 300) + `"}`, `{"s":"y"}`, `{"s":"` + strings.Repeat("z", 20_000) + `"}`}},
	"escaped names":     {[]string{`{"n":1,"s":"x"}`}, []string{`{"\u006e":1.5,"s":"y"}`, `{"n":2,"s":"\u0041\\"}`, `{"n":"text","s":"\\\"n\":1"}`}},
	"odd names":         {[]string{`{"a\"b":1,"a/b":1,"日本":1,"x y":1}`}, []string{`{"a\"b":"x","a/b":2,"日本":3,"x y":4}`, `{"a\"b":2,"a\/b":"x","日本":"y","x y":1.5}`, `{"x y" : 2, "日本" : 5 }`}},
}

// drifts loads what drifts with all rows carefully, and sifted: nothing is lost,
// and it makes no difference.
func drifts(t *testing.T, f *fixture) {
	for name, c := range drifting {
		base := f.of
		var want []map[string]any
		for _, sifted := range []bool{false, true} {
			f.of, f.plan = base+ikada.LogType(fmt.Sprintf(".%s.%t", strings.ReplaceAll(name, " ", ""), sifted)), 0
			f.load(c.first...)
			m, fields := f.manifest(c.later, c.first, c.later)
			clean, cleanFields := f.manifest(c.first)
			f.extend(fields)
			result := f.loadJob(sifted, map[string][]ikada.Field{m.Key: fields, clean.Key: cleanFields}, m, clean)
			if n := int64(2*len(c.later) + 2*len(c.first)); result.Rows != n {
				t.Errorf("%s, sifted %t: got %d rows, want %d", name, sifted, result.Rows, n)
			}
			got := f.rows()
			f.same(name, got, c.first, c.later, c.first, c.later, c.first)
			if want == nil {
				want = got
			} else if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: sifted %v, carefully %v", name, got, want)
			}
		}
		f.of = base
	}
}

// loadJob loads manifests as the load stage has them loaded if they drift.
func (f *fixture) loadJob(sifted bool, fields map[string][]ikada.Field, manifests ...warehouse.Manifest) warehouse.Result {
	f.t.Helper()
	table, err := f.w.Table(f.t.Context(), f.of)
	if err != nil {
		f.t.Fatal(err)
	}
	readable := warehouse.Readable(table.Columns)
	for i := range manifests {
		manifests[i].Misfits = warehouse.Misfits(readable, fields[manifests[i].Key])
	}
	job := f.job(false, manifests...)
	job.Sifted = sifted
	result, err := f.w.Load(f.t.Context(), job)
	if err != nil {
		f.t.Fatal(err)
	}
	return result
}

// same checks that rows hold every value that was sent, in a column or in _rest.
func (f *fixture) same(name string, rows []map[string]any, sent ...[]string) {
	f.t.Helper()
	table, err := f.w.Table(f.t.Context(), f.of)
	if err != nil {
		f.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, row := range rows {
		values := map[string]any{}
		for _, c := range table.Columns {
			if v, ok := row[c.Name]; ok {
				values[c.Field] = v
			}
		}
		if rest, ok := row["_rest"].(map[string]any); ok {
			for field, v := range rest {
				values[field] = v
			}
		}
		counts[canonical(values)]++
	}
	for _, lines := range sent {
		for _, line := range lines {
			values, _ := decode(f.t, line).(map[string]any)
			for field, v := range values {
				if v == nil {
					delete(values, field) // every column is null without it
				}
			}
			counts[canonical(values)]--
		}
	}
	for text, n := range counts {
		if n != 0 {
			f.t.Errorf("%s: %+d rows of %.200s", name, n, text)
		}
	}
}

// canonical writes values as they compare equal: numbers and times by value.
func canonical(values map[string]any) string {
	for field, v := range values {
		values[field] = plainValue(v)
	}
	return fmt.Sprint(values)
}

func plainValue(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseFloat(string(v), 64); err == nil && strings.ContainsAny(string(v), ".eE") {
			return strconv.FormatFloat(n, 'g', -1, 64)
		}
		return string(v)
	}
	return v
}
