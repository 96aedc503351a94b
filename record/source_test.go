package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/declare"
)

var testRoutes = []declare.Route{
	{Tag: "app.*.access", Type: "access.$1"},
	{Tag: "app.**", Field: "event", Value: "login*", Type: "auth"},
	{Tag: "app.**", Field: "ctx.kind", Value: "/([a-z]+)-.*/", Type: "kind.$2"},
	{Tag: "app.**", Field: "size", Type: "sized"},
	{Tag: "old.**", Type: "new"},
}

// rowsByType counts the rows of each log type.
func (s *Set) rowsByType() map[ikada.LogType]int64 {
	n := map[ikada.LogType]int64{}
	for _, src := range s.Sources() {
		n[src.Type] += src.Rows
	}
	return n
}

func TestRoutes(t *testing.T) {
	s := declaredSet(t, guardedAuth, testRoutes...)
	parts := []*batch.Part{
		jsonPart("app.web.access", `{"a":1}`, `{"event":"login"}`),
		jsonPart("app.api.access", `{"a":1}`),
		jsonPart("app.web", `{"event":"login-failed","password":"hunter2","ctx":{"kind":"x-1"}}`, `{"a":1}`, `{"b":[1],"event":"logout","ctx":{"kind":"db-7"}}`,
			`{"ctx":{"kind":"DB-7"},"size":null}`, `{"size":7}`, `{"size":{"x":1}}`, `{"event":"login","event":"logout"}`),
		jsonPart("app", `{"event":"login"}`),
		jsonPart("old", `{}`), jsonPart("old.a.b", `{}`), jsonPart("older", `{}`),
	}
	counted := map[ikada.LogType]int64{}
	for range 2 { // the second time all is known already
		for _, p := range parts {
			if _, bad := s.Part(p); bad != 0 {
				t.Fatal(s.text(ikada.Quarantine))
			}
			s.Count(p, func(of ikada.LogType, n int64) { counted[of] += n })
		}
	}
	want := map[ikada.LogType]int64{"access.web": 4, "access.api": 2, "auth": 4, "kind.db": 2, "app.web": 8, "sized": 2, "new": 4, "older": 2}
	if got := s.rowsByType(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !maps.Equal(counted, want) {
		t.Errorf("duplicates would be counted as %v, want %v", counted, want)
	}
	checkObserved(t, s)
	checkRows(t, s, s.Rows())
	if strings.Contains(s.text("auth"), "hunter2") {
		t.Error("the guard of the log type that a field chose does not hold")
	}
	s.Reset()
	s.Part(parts[2])
	checkObserved(t, s)
}

var guardedAuth = []declare.Type{{Name: "auth", Guards: []declare.Guard{drop("password")}}}

func TestARouteThatLeadsNowhereIsQuarantined(t *testing.T) {
	s := declaredSet(t, nil, declare.Route{Tag: "t", Field: "k", Value: "**", Type: "$1"})
	s.Part(jsonPart("t", `{"k":""}`, `{"k":"`+strings.Repeat("x", ikada.MaxLogTypeBytes+1)+`"}`, `{"k":"_quarantine"}`, `{"k":"x"}`))
	want := map[ikada.LogType]int64{ikada.Quarantine: 2, "__quarantine": 1, "x": 1}
	if got := s.rowsByType(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Bytes that are no record are not kept where they may hold a guarded field.
func TestQuarantineWithholdsWhatMayHoldAGuardedField(t *testing.T) {
	const secret = `{"password":"hunter2`
	bad := batch.AppendBad(nil, "cut off", 1, 1, []byte(secret))
	for _, tt := range []struct {
		name, tag string
		format    batch.Format
		types     []declare.Type
		kept      bool
	}{
		{"its log type", "auth", batch.JSON, guardedAuth, false},
		{"a tag whose fields may lead there", "app.web", batch.JSON, guardedAuth, false},
		{"another log type", "other", batch.JSON, guardedAuth, true},
		{"no record at all", "other", batch.Bad, guardedAuth, false},
		{"no tag", strings.Repeat("x", 2000), batch.JSON, guardedAuth, false},
		{"told to keep", "auth", batch.JSON, []declare.Type{{Name: "auth", Guards: guardedAuth[0].Guards, Raw: declare.RawKeep}}, true},
		{"told to withhold", "auth", batch.JSON, []declare.Type{{Name: "auth", Raw: declare.RawWithhold}}, false},
		{"nothing declared", "auth", batch.Bad, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := declaredSet(t, tt.types, testRoutes...)
			p := jsonPart(tt.tag, secret)
			if p.Format = tt.format; tt.format == batch.Bad {
				p.Payload = bad
			}
			if _, n := s.Part(p); n != 1 {
				t.Fatalf("%d rows in quarantine, want 1", n)
			}
			var row struct {
				Reason, Data string
				Withheld     int
			}
			if err := json.Unmarshal([]byte(s.text(ikada.Quarantine)), &row); err != nil {
				t.Fatal(err)
			}
			want, withheld := base64.StdEncoding.EncodeToString([]byte(secret)), 0
			if !tt.kept {
				want, withheld = "", len(secret)
			}
			if row.Data != want || row.Withheld != withheld || row.Reason == "" {
				t.Errorf("got %+v, want data %q and %d withheld", row, want, withheld)
			}
		})
	}
}

// What is declared costs no memory per record.
func TestDeclaredTypesAllocateNothingPerRecord(t *testing.T) {
	at, err := declare.NewTime("ts", "%Y-%m-%d %H:%M:%S")
	if err != nil {
		t.Fatal(err)
	}
	types := []declare.Type{{Name: "auth", Time: at, Guards: []declare.Guard{hashed("user.email"), drop("password"), masked("card", "***", 4)}}}
	s := declaredSet(t, types, testRoutes...)
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf(`{"event":"login","ts":"2026-11-23 05:00:%02d","user":{"email":"u%d@example.com","id":%d},"password":"hunter2","card":"4111111111111%03d"}`, i%60, i, i, i))
	}
	p := jsonPart("app.web", lines...)
	s.Part(p)
	s.Reset()
	if per := testing.AllocsPerRun(20, func() { s.Part(p); s.Reset() }); per > 100 { // of a bundle, not of its 500 records
		t.Errorf("%.0f allocations for %d records", per, len(lines))
	}
	if rows := s.rowsByType(); len(rows) != 0 {
		t.Fatal(rows)
	}
	s.Part(p)
	if n := s.rowsByType()["auth"]; n != 500 {
		t.Fatalf("%d rows, want 500", n)
	}
}

// Whatever a sender sends, a guarded field's value is in no row.
func FuzzGuards(f *testing.F) {
	f.Add(`{"a":{"b":["s3cr3t",{"c":1}]},"p":"s3cr3t","p":2}`)
	f.Add(`{"a.b":"s3cr3t","a":[{"b":{"x":"s3cr3t"}}]}`)
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n") {
			return
		}
		s := declaredSet(t, guardedType(drop("p"), masked("a.b", "***", 3), hashed("h")))
		rows, _ := s.Part(jsonPart("t", line))
		checkRows(t, s, rows)
		checkObserved(t, s)
		var sent map[string]any
		if json.Unmarshal([]byte(line), &sent) != nil {
			return
		}
		var kept map[string]any
		if text := s.text("t"); text == "" || json.Unmarshal([]byte(text), &kept) != nil {
			return
		}
		if _, there := kept["p"]; there {
			t.Errorf("a dropped field is kept: %v", kept)
		}
		if text, ok := kept["h"].(string); kept["h"] != nil && (!ok || len(text) != 64) {
			if _, array := kept["h"].([]any); !array {
				t.Errorf("a hashed field is %v", kept["h"])
			}
		}
		if text, ok := kept["a.b"].(string); ok && !strings.HasPrefix(text, "***") {
			t.Errorf("a masked field is %q", text)
		}
	})
}
