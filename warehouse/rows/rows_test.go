package rows

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

var columns = []warehouse.Column{
	{Field: "n", Name: "n", Type: warehouse.BigInt},
	{Field: "s", Name: "s", Type: warehouse.Text},
	{Field: "a\"b", Name: "a_b", Type: warehouse.JSON},
}

func reader(t *testing.T, text string) *Reader {
	t.Helper()
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader("k", &stored, columns)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const head = `{"_id":"i","_time":"2026-11-23T05:06:07.123456789Z"`

func TestNextSortsValues(t *testing.T) {
	tests := []struct{ line, values, rest string }{
		{head + `}`, "||", ""},
		{head + `,"n":1,"s":"x","a\"b":[1.10]}`, `1|"x"|[1.10]`, ""},
		{head + `,"n":1.5,"s":2,"a\u0022b":1e400}`, `||1e400`, `{"n":1.5,"s":2}`},
		{head + `,"n":null,"x":null,"a\"b":null}`, "||", ""},
		{head + `, "x" : { "y" : 1 } , "n" : 1 }`, `1||`, `{"x":{ "y" : 1 }}`},
		{head + `,"n":1,"n":2,"n":3}`, `1||`, `{"n":2,"n":3}`},
		{head + `,"N":1,"":"e"}`, `||`, `{"N":1,"":"e"}`},
	}
	for _, test := range tests {
		row, err := reader(t, test.line+"\n").Next()
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		if got := string(bytes.Join(row.Values, []byte("|"))); got != test.values || string(row.Rest) != test.rest {
			t.Errorf("%s: got %s and rest %s, want %s and %s", test.line, got, row.Rest, test.values, test.rest)
		}
	}
}

func TestNextRefusesWhatIsNoRow(t *testing.T) {
	for _, line := range []string{
		``, ` `, `1`, `null`, `[]`, `{`, `{"_id":"i"}`, `{"_time":"2026-11-23T05:06:07Z"}`, head, head + `}}`, head + `}{}`, head + `,"n":}`, head + `,"n":01}`,
		head + ",\"s\":\"\xff\"}", head + `,"s":"\ud800"}`, `{"_id":null,"_time":null}`,
	} {
		if row, err := reader(t, line+"\n").Next(); !errors.Is(err, ikada.ErrCorrupt) || errors.Is(err, io.EOF) {
			t.Errorf("%s: got %v, %v; want ErrCorrupt", line, row, err)
		}
	}
	if _, err := NewReader("k", strings.NewReader("no gzip"), nil); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

func TestNextCountsLines(t *testing.T) {
	r := reader(t, head+"}\n"+head+`,"s":"`+strings.Repeat("x", 1<<20)+"\"}\n"+head+"}") // the last has no end
	for range 3 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) || r.Lines() != 3 {
		t.Errorf("got %v after %d lines, want io.EOF after 3", err, r.Lines())
	}
}

func TestSystemCutsTimes(t *testing.T) {
	row, err := reader(t, head+`,"_hour":"2026-11-23T07:00:00Z","_dup":[{"n":1}],"x":1}`).Next()
	if err != nil {
		t.Fatal(err)
	}
	got, err := row.System()
	want := [5]any{
		"i", time.Date(2026, 11, 23, 5, 6, 7, 123456000, time.UTC), time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC), `[{"n":1}]`, `{"x":1}`,
	}
	if err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// Every value of a valid row is in a column or in the rest, as it was, but for
// nulls.
func FuzzNextKeepsEveryValue(f *testing.F) {
	f.Add(`"n":1,"s":"x"`)
	f.Add(`"n":1.5,"N":[1,{"a":"\u0001"}],"":null`)
	f.Add(`"n":1,"n":2`)
	f.Fuzz(func(t *testing.T, fields string) {
		row, err := reader(t, head+","+fields+"}\n").Next()
		if err != nil {
			if !errors.Is(err, ikada.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if row.Rest != nil && !json.Valid(row.Rest) {
			t.Fatalf("rest %s is no JSON", row.Rest)
		}
		kept := string(row.Rest)
		for i, value := range row.Values {
			if value == nil {
				continue
			}
			if _, err := Value(columns[i].Type, value); err != nil {
				t.Errorf("column %s holds %s: %v", columns[i].Name, value, err)
			}
			kept += string(value)
		}
		var sent map[string]json.RawMessage
		if err := json.Unmarshal(row.Line, &sent); err != nil {
			return // deeper than that package reads
		}
		for field, value := range sent {
			if text := string(bytes.TrimSpace(value)); field[:min(1, len(field))] != "_" && text != "null" && !strings.Contains(kept, text) {
				t.Errorf("field %q: value %s is lost", field, text)
			}
		}
	})
}
