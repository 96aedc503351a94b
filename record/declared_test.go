package record

import (
	"crypto/hmac"
	"crypto/sha256"
	hexadecimal "encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/declare"
	"github.com/ikada-io/ikada/warehouse"
)

var testKey = []byte("a key of the tests")

// hashOf is what a hashed value becomes.
func hashOf(text string) string {
	m := hmac.New(sha256.New, testKey)
	m.Write([]byte(text))
	return hexOf(m.Sum(nil))
}

func hexOf(b []byte) string { return hexadecimal.EncodeToString(b) }

func declaredSet(t testing.TB, types []declare.Type, routes ...declare.Route) *Set {
	t.Helper()
	d, problems := declare.New(types, routes, testKey)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := newSet()
	s.Declare(d)
	return s
}

func drop(path string) declare.Guard { return declare.Guard{Path: path, Do: declare.Drop} }
func hashed(path string) declare.Guard {
	return declare.Guard{Path: path, Do: declare.HashValue}
}
func masked(path, text string, last int) declare.Guard {
	return declare.Guard{Path: path, Do: declare.MaskValue, Mask: declare.Mask{Text: text, KeepLast: last}}
}

func guardedType(guards ...declare.Guard) []declare.Type {
	return []declare.Type{{Name: "t", Guards: guards}}
}

func jsonPart(tag string, lines ...string) *batch.Part {
	return &batch.Part{Tag: tag, Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: []byte(strings.Join(lines, "\n"))}
}

func TestGuards(t *testing.T) {
	mail := hashOf("a@example.com")
	deep := strings.Repeat("[", 150) + `{"email":"a@example.com"}` + strings.Repeat("]", 150)
	tests := []struct {
		name, record, want string
		guards             []declare.Guard
	}{
		{"drop", `{"a":1,"password":"x","b":2}`, `{"a":1,"b":2}`, []declare.Guard{drop("password")}},
		{"drop all there is", `{"password":"x"}`, `{}`, []declare.Guard{drop("password")}},
		{"hash", `{"a":1,"email":"a@example.com"}`, `{"a":1,"email":"` + mail + `"}`, []declare.Guard{hashed("email")}},
		{"hash of an escaped text", `{"email":"a@example\u002ecom"}`, `{"email":"` + mail + `"}`, []declare.Guard{hashed("email")}},
		{"hash of what must be escaped", `{"v":"say \"日本\"\n"}`, `{"v":"` + hashOf("say \"日本\"\n") + `"}`, []declare.Guard{hashed("v")}},
		{"a number hashes as its text", `{"a":42,"b":"42"}`, `{"a":"` + hashOf("42") + `","b":"` + hashOf("42") + `"}`, []declare.Guard{hashed("a"), hashed("b")}},
		{"null stays null", `{"a":null,"b":null}`, `{"a":null,"b":null}`, []declare.Guard{hashed("a"), masked("b", "***", 0)}},
		{"mask", `{"card":"4111 1111 1111 1234","n":4111}`, `{"card":"***1234","n":"***"}`, []declare.Guard{masked("card", "***", 4), masked("n", "***", 0)}},
		{"mask keeps nothing of what is short", `{"pin":"1234","name":"日本語"}`, `{"pin":"*","name":"*本語"}`, []declare.Guard{masked("pin", "*", 4), masked("name", "*", 2)}},
		{"below", `{"user":{"id":7,"email":"a@example.com","token":"x"},"z":1}`, `{"user":{"id":7,"email":"` + mail + `"},"z":1}`, []declare.Guard{hashed("user.email"), drop("user.token")}},
		{"below, all dropped", `{"user":{"token":"x"}}`, `{"user":{}}`, []declare.Guard{drop("user.token")}},
		{"a whole object", `{"user":{"id":7}}`, `{"user":"***"}`, []declare.Guard{masked("user", "***", 4)}},
		{"in arrays", `{"users":[{"email":"a@example.com"},{"x":[]},3]}`, `{"users":[{"email":"` + mail + `"},{"x":[]},3]}`, []declare.Guard{hashed("users.email")}},
		{"each of an array", `{"mails":["a@example.com",null,["b"]]}`, `{"mails":["` + mail + `",null,["` + hashOf("b") + `"]]}`, []declare.Guard{hashed("mails")}},
		{"deep", `{"users":` + deep + `}`, `{"users":` + strings.ReplaceAll(deep, "a@example.com", mail) + `}`, []declare.Guard{hashed("users.email")}},
		{"a dot in a key", `{"user.email":"a@example.com","user":{"email":"a@example.com"},"a":{"b.c":1,"b":{"c":2}},"a.b":{"c":3},"a.b.c":4}`,
			`{"user.email":"` + mail + `","user":{"email":"` + mail + `"},"a":{"b":{}},"a.b":{}}`, []declare.Guard{hashed("user.email"), drop("a.b.c")}},
		{"twice", `{"k":"one","k":"two","n":{"k":"three","k":"four"}}`, `{"k":"***","n":{"k":"***","k":"***"},"_dup":[{"k":"***"}]}`, []declare.Guard{masked("k", "***", 0), masked("n.k", "***", 0)}},
		{"dropped twice", `{"k":"one","a":1,"k":"two"}`, `{"a":1}`, []declare.Guard{drop("k")}},
		{"a key in escapes", `{"\u0070assword":"x"}`, `{}`, []declare.Guard{drop("password")}},
		{"a key with a quote", `{"p\"w":{"x\\y":1}}`, `{"p\"w":{}}`, []declare.Guard{drop(`p"w.x\y`)}},
		{"a name like a system field's", `{"_id":"x","_time":1}`, `{"__time":1}`, []declare.Guard{drop("_id")}},
		{"an empty mask", `{"a":"x"}`, `{"a":""}`, []declare.Guard{masked("a", "", 0)}},
		{"nothing that is guarded", `{"a":{"b":1},"c":[1,{"d":"x"}]}`, `{"a":{"b":1},"c":[1,{"d":"x"}]}`, []declare.Guard{drop("x"), drop("a.x"), drop("c.x")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := declaredSet(t, guardedType(tt.guards...))
			s.Part(jsonPart("t", tt.record))
			if got := fieldsOf(t, s.text("t")); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			checkObserved(t, s)
		})
	}
}

// checkObserved asserts that the index knows each field's kinds, no more and no
// less, and no length below the true one.
func checkObserved(t *testing.T, s *Set) {
	t.Helper()
	for _, src := range s.Sources() {
		kinds, rows := map[string]ikada.Kinds{}, map[string]uint64{}
		for line := range strings.Lines(string(rowsOf(src))) {
			var row map[string]json.RawMessage
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			for name, value := range row {
				if name == FieldID || name == FieldTime || name == FieldHour || name == FieldDup {
					continue
				}
				kinds[name] |= warehouse.KindOf(value)
				rows[name]++
			}
		}
		for _, f := range src.Fields {
			if f.Kinds != kinds[f.Name] || f.Rows != rows[f.Name] {
				t.Errorf("field %s is %v in %d rows, the index says %v in %d", f.Name, kinds[f.Name], rows[f.Name], f.Kinds, f.Rows)
			}
			delete(kinds, f.Name)
		}
		if len(kinds) > 0 {
			t.Errorf("the index of %s lacks %v", src.Type, kinds)
		}
	}
}

func TestGuardsHoldForMsgpackToo(t *testing.T) {
	s := declaredSet(t, guardedType(hashed("email"), drop("user.token"), masked("_meta.host", "***", 0), masked("n", "***", 0)))
	record := packed(t, "email", "a@example.com", "user", map[string]any{"token": "x"}, "n", 1.5)
	withMeta := append(append([]byte{0x92}, ext8(noon, 0)...), packed(t, "host", "web-1")...)
	s.Part(&batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: entry(withMeta, record)})
	want := `{"email":"` + hashOf("a@example.com") + `","user":{},"n":"***","_meta":{"host":"***"}}`
	if got := fieldsOf(t, s.text("t")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	checkObserved(t, s)
}

func TestGuardsHoldBeyondTheShape(t *testing.T) {
	var b strings.Builder
	for i := range maxFields + 10 {
		fmt.Fprintf(&b, `"f%d":%d,`, i, i)
	}
	s := declaredSet(t, guardedType(drop("password")))
	s.Part(jsonPart("t", "{"+b.String()+`"password":"hunter2"}`))
	if got := s.text("t"); strings.Contains(got, "hunter2") || strings.Contains(got, "password") {
		t.Error("a guarded field that has no slot is kept")
	}
}

func TestDeclaredTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 21, 4, 5, 0, time.UTC)
	for _, tt := range []struct{ name, path, format, record, want string }{
		{"milliseconds", "ts", "unix_ms", fmt.Sprintf(`{"time":"2026-11-23T01:00:00Z","ts":%d}`, at.UnixMilli()), "2026-11-22T21:04:05Z"},
		{"milliseconds as text", "ts", "unix_ms", fmt.Sprintf(`{"ts":"%d"}`, at.UnixMilli()), "2026-11-22T21:04:05Z"},
		{"below", "meta.ts", "unix", fmt.Sprintf(`{"meta":{"ts":%d.25}}`, at.Unix()), "2026-11-22T21:04:05.25Z"},
		{"layout", "when", "%d/%b/%Y:%H:%M:%S %z", `{"when":"23/Nov/2026:06:04:05 +0900"}`, "2026-11-22T21:04:05Z"},
		{"missing: the record's own", "ts", "unix_ms", `{"time":"2026-11-23T01:00:00Z"}`, "2026-11-23T01:00:00Z"},
		{"bad: the record's own", "ts", "unix_ms", `{"ts":"soon","timestamp":"2026-11-23T01:00:00Z"}`, "2026-11-23T01:00:00Z"},
		{"implausible: the arrival", "ts", "unix_ms", `{"ts":12}`, "2026-11-23T05:30:00Z"},
		{"null: the arrival", "ts", "rfc3339", `{"ts":null}`, "2026-11-23T05:30:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, err := declare.NewTime(tt.path, tt.format)
			if err != nil {
				t.Fatal(err)
			}
			s := declaredSet(t, []declare.Type{{Name: "t", Time: at, Guards: []declare.Guard{drop("ts")}}})
			s.Part(jsonPart("t", tt.record))
			_, got, _ := strings.Cut(s.text("t"), `"_time":"`)
			if got, _, _ = strings.Cut(got, `"`); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if strings.Contains(s.text("t"), `"ts":`) && tt.path == "ts" {
				t.Errorf("the field was to be dropped when it was used: %s", s.text("t"))
			}
		})
	}
}
