package record

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// checkRows asserts that every row is valid JSON, has an identity of its own,
// and is counted.
func checkRows(t *testing.T, s *Set, rows int64) {
	t.Helper()
	ids := map[string]bool{}
	for _, src := range s.Sources() {
		n := int64(0)
		for line := range bytes.SplitSeq(bytes.TrimSuffix(rowsOf(src), []byte{'\n'}), []byte{'\n'}) {
			var row struct {
				ID string `json:"_id"`
			}
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if !utf8.Valid(line) || bytes.Contains(line, []byte(`\u0000`)) {
				t.Fatalf("line is not clean: %q", line)
			}
			if ids[row.ID] {
				t.Fatalf("_id %s twice", row.ID)
			}
			ids[row.ID] = true
			n++
		}
		if n != src.Rows {
			t.Fatalf("%d lines, %d rows", n, src.Rows)
		}
	}
	if int64(len(ids)) != rows {
		t.Fatalf("%d lines, %d rows", len(ids), rows)
	}
}

func FuzzMsgpackEntries(f *testing.F) {
	f.Add(entry(ext8(noon, 1), packed(f, "a", 1, "b", "x", "c", []any{1.5, nil, true}, "a", "again")))
	f.Add(entry([]byte{0xc0}, packed(f, "", "\xff")))
	f.Add([]byte{0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0x80})
	f.Add(bytes.Repeat([]byte{0x91}, 2000))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := newSet()
		p := &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: payload}
		rows, _ := s.Part(p)
		checkRows(t, s, rows)
	})
}

func FuzzJSONLine(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[true,null,{"c":"\u00e9\ud83d\ude00\ud800"}],"time":1.5e9}`))
	f.Add([]byte(`{"a":1e400,"a":"` + strings.Repeat("x", 300) + `"}`))
	f.Add([]byte("{\"\x00\":1}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		s := newSet()
		p := &batch.Part{Tag: "t", Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: line}
		rows, bad := s.Part(p)
		checkRows(t, s, rows)
		err := Check(line)
		if rows > 0 && (err != nil) != (bad > 0) {
			t.Fatalf("Check says %v, but %d of %d rows are quarantined", err, bad, rows)
		}
		if bad == 0 && rows == 1 && utf8.Valid(line) {
			sameValues(t, line, s.text("t"))
		}
	})
}

// sameValues compares a record with its row by encoding/json, where that
// keeps all: it does not where keys repeat or names are the system's.
func sameValues(t *testing.T, in []byte, row string) {
	t.Helper()
	var want, got map[string]any
	if json.Unmarshal(in, &want) != nil {
		return // such as 1e400, which encoding/json does not take
	}
	if err := json.Unmarshal([]byte(row), &got); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(in, []byte(`\u0000`)) || got[FieldDup] != nil || strings.Contains(row, `"__`) {
		return
	}
	for name := range got {
		if ikada.IsSystemField(name) {
			delete(got, name)
		}
	}
	if !reflect.DeepEqual(got, want) && len(want)+len(got) > 0 {
		t.Fatalf("row %v\nrecord %v", got, want)
	}
}
