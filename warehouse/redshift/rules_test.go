package redshift

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
	"github.com/ikada-io/ikada/warehouse/rows"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

var wide = []warehouse.Column{
	{Field: "userId", Name: "userid", Type: warehouse.BigInt}, {Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: 6},
	{Field: "t", Name: "t", Type: warehouse.Timestamp}, {Field: "j", Name: "j", Type: warehouse.JSON},
}

const head = `{"_id":"i","_time":"2026-11-23T05:06:07.123456789Z"`

// rewrite gives a row's line as it is staged.
func rewrite(t *testing.T, fields string) (line string, rest bool) {
	t.Helper()
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	_, _ = z.Write([]byte(head + fields + "}\n"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := rows.NewReader("k", &stored, wide)
	if err != nil {
		t.Fatal(err)
	}
	row, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	out, rest, err := rules.NewWriter(wide).Write(row)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(out), `{"_id":"i","_time":"2026-11-23 05:06:07.123456+00"`), "}\n"), rest
}

func TestRowsAreWrittenAnew(t *testing.T) {
	for _, test := range []struct{ fields, want string }{
		{``, ``},
		{`,"userId":1,"s":"あい","j":[1.10]`, `,"userid":1,"s":"あい","j":[1.10]`},
		{`,"s":"\u3042\n"`, `,"s":"あ\n"`},
		{`,"s":"あいu"`, `,"_rest":{"s":"あいu"}`},
		{`,"userId":1.5,"userid":2`, `,"_rest":{"userId":1.5,"userid":2}`},
		{`,"userId":1e400`, `,"_rest":{"userId":{"_ikada_json":["1e400"]}}`},
		{`,"j":[1e400,"\""]`, `,"j":{"_ikada_json":["[1e400,\"\\\"\"]"]}`},
		{`,"j":{"_ikada_json":["1"]}`, `,"j":{"_ikada_json":["{\"_ikada_json\":[\"1\"]}"]}`},
		{`,"j":{"a":1,"a":2}`, `,"j":{"_ikada_json":["{\"a\":1,\"a\":2}"]}`},
		{`,"x":1,"x":2`, `,"_rest":{"_ikada_rest":{"_ikada_json":["{\"x\":1,\"x\":2}"]}}`},
		{`,"t":"2026-01-02T03:04:05.5+09:00"`, `,"t":"2026-01-01 18:04:05.500000+00"`},
		{`,"t":"9999-12-31T23:59:59-01:00"`, `,"_rest":{"t":"9999-12-31T23:59:59-01:00"}`},
		{`,"_dup":[{"s":"x"}],"_hour":"2026-11-23T07:00:00Z"`, `,"_hour":"2026-11-23 07:00:00.000000+00","_dup":[{"s":"x"}]`},
	} {
		line, rest := rewrite(t, test.fields)
		if line != test.want || rest != strings.Contains(test.want, `"_rest"`) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.fields, line, test.want)
		}
	}
}

func TestARowThatNoTableHoldsIsNotWritten(t *testing.T) {
	for _, fields := range []string{
		`,"userId":1,"j":"` + strings.Repeat("x", 4<<20) + `"`,
		`,"a":"` + strings.Repeat("x", 3<<20) + `","b":"` + strings.Repeat("x", 2<<20) + `"`,
	} {
		row, err := rows.NewParser(wide).Parse([]byte(head + fields + "}"))
		if err != nil {
			t.Fatal(err)
		}
		if line, _, err := rules.NewWriter(wide).Write(row); err == nil {
			t.Errorf("got %d bytes", len(line))
		}
	}
}

func TestSuperComesBackExactly(t *testing.T) {
	for _, value := range []string{
		`1`, `"a"`, `null`, `[]`, `{}`, `1e400`, `-1e-400`, `123456789012345678901234567890`, `0.1234567890123456789`, `[1,[1e400]]`,
		`{"a":{"b":9223372036854775808}}`, `{"_ikada_json":["1"]}`, `{"_ikada_json":["{}"],"a":1}`, `"` + strings.Repeat("あ", 30_000) + `"`, `"` + strings.Repeat(`\"`, 70_000) + `"`,
		strings.Repeat("[", 995) + strings.Repeat("]", 995),
	} {
		held, err := rules.AppendSuper(nil, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		plain := bytes.ReplaceAll(held, []byte(rules.TextKey), []byte("other"))
		again, err := rules.AppendSuper(nil, plain)
		if !json.Valid(held) || err != nil || !bytes.Equal(again, plain) {
			t.Errorf("%.50s: SUPER can't hold %.100s", value, held)
		}
		if got := decodeSuper(string(held)); !reflect.DeepEqual(got, decode(value)) {
			t.Errorf("%.50s: got %.50v from %.100s", value, got, held)
		}
	}
}

// Whatever a row has is in the staged line, exactly, once that is read back.
func FuzzRowsKeepEveryValue(f *testing.F) {
	f.Add(`,"userId":1,"s":"x"`)
	f.Add(`,"userId":1.5,"j":{"a":[1e400]},"":null,"x":"\u0001"`)
	f.Add(`,"t":"2026-01-02T03:04:05Z","t2":123456789012345678901234567890,"_ikada_rest":{"_ikada_json":["1"]}`)
	f.Fuzz(func(t *testing.T, fields string) {
		var stored bytes.Buffer
		z := gzip.NewWriter(&stored)
		_, _ = z.Write([]byte(head + fields + "}\n"))
		_ = z.Close()
		reader, err := rows.NewReader("k", &stored, wide)
		if err != nil {
			t.Fatal(err)
		}
		row, err := reader.Next()
		var sent map[string]json.RawMessage
		if err != nil || json.Unmarshal(row.Line, &sent) != nil {
			t.Skip()
		}
		line, _, err := rules.NewWriter(wide).Write(row)
		if err != nil {
			t.Skip() // a _time or _hour that is none
		}
		var staged map[string]json.RawMessage
		if err := json.Unmarshal(line, &staged); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rest, _ := decodeSuper(string(staged["_rest"])).(map[string]any)
		for field, value := range sent {
			if field == "t" || field == "" || field[0] == '_' || string(value) == "null" {
				continue
			}
			want, got := decode(string(value)), rest[field]
			for _, c := range wide {
				if in, ok := staged[c.Name]; c.Field == field && ok {
					got = decodeSuper(string(in))
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("field %q: got %v, want %v, in %s", field, got, want, line)
			}
		}
	})
}

func TestStagedFilesAreCutAndRemoved(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	table, err := w.describe(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	m := r.manifest(t, 1, `{"userId":1}`, `{"userId":2}`, `{"userId":3}`)
	s := w.newStaging(table.Columns)
	s.most = 1 // every row
	if err := s.add(t.Context(), m.Files[0]); err != nil {
		t.Fatal(err)
	}
	key, line, ok := s.origin(r.scratch.URL(s.parts[2].key), 1)
	if len(s.parts) != 3 || !ok || key != m.Files[0].Key || line != 3 {
		t.Errorf("got %d parts, the third from %s, line %d", len(s.parts), key, line)
	}
	if err := s.remove(t.Context()); err != nil || r.staged(t) != 0 {
		t.Errorf("got %v, %d left", err, r.staged(t))
	}
	m.Files[0].CRC32C++
	j := job(m)
	j.Direct = false
	if _, err := w.Load(t.Context(), j); err == nil || r.staged(t) != 0 {
		t.Errorf("damaged: got %v, %d left", err, r.staged(t))
	}
	if rows := warehousetest.Rows(t, w, app); len(rows) != 0 {
		t.Errorf("got %v", rows)
	}
}
