package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
)

var (
	lane    = ikada.Lane{Stream: "main", Incarnation: "abcdefgh", Shard: 2}
	arrival = time.Date(2026, 11, 23, 5, 30, 0, 0, time.UTC)
)

// ext8 is a fixext8 EventTime.
func ext8(sec, ns uint32) []byte {
	return []byte{0xd7, 0, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec), byte(ns >> 24), byte(ns >> 16), byte(ns >> 8), byte(ns)}
}

// entry is a Forward entry with the given time and record, both encoded.
func entry(at, record []byte) []byte { return append(append([]byte{0x92}, at...), record...) }

// packed encodes a record by tinylib/msgp.
func packed(t testing.TB, kv ...any) []byte {
	t.Helper()
	b := msgp.AppendMapHeader(nil, uint32(len(kv)/2))
	for i, v := range kv {
		if i%2 == 0 {
			b = msgp.AppendString(b, v.(string))
			continue
		}
		var err error
		if b, err = msgp.AppendIntf(b, v); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func newSet() *Set {
	s := NewSet(nil)
	s.Message(lane, "00000000000000000042")
	return s
}

// lines returns all rows of a log type, in the order of its segments.
func (s *Set) text(t ikada.LogType) string {
	var b strings.Builder
	for _, src := range s.Sources() {
		if src.Type == t {
			b.Write(rowsOf(src))
		}
	}
	return strings.TrimSpace(b.String())
}

// rowsOf returns a segment's rows.
func rowsOf(s bundle.Source) []byte {
	rows, err := bundle.Inflate(s.Extent, s.Pieces...)
	if err != nil {
		panic(err)
	}
	return rows
}

// fieldsOf strips the system fields from a line.
func fieldsOf(t *testing.T, line string) string {
	t.Helper()
	_, rest, ok := strings.Cut(line, `"_time":"`)
	if !ok {
		t.Fatalf("no _time in %s", line)
	}
	_, rest, _ = strings.Cut(rest, `"`)
	return "{" + strings.TrimPrefix(rest, ",")
}

var noon = uint32(arrival.Unix())

func TestMsgpackEntryBecomesLine(t *testing.T) {
	tests := []struct {
		name, want string
		at, record []byte
	}{
		{"fixext8 time", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00.000000001Z","a":1}`, ext8(noon, 1), packed(t, "a", 1)},
		{"ext8 time", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00.5Z","a":1}`, append([]byte{0xc7, 8, 0}, ext8(noon, 5e8)[2:]...), packed(t, "a", 1)},
		{"integer time", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00Z"}`, msgp.AppendUint32(nil, noon), packed(t)},
		{"float time", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00.25Z"}`, msgp.AppendFloat64(nil, float64(noon)+0.25), packed(t)},
		{"time zero is the arrival", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00Z"}`, []byte{0}, packed(t)},
		{"EventTime zero is the arrival", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00Z"}`, ext8(0, 0), packed(t)},
		{"nil time", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00Z"}`, []byte{0xc0}, packed(t)},
		{"time with empty metadata", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00Z","a":1}`, append(append([]byte{0x92}, ext8(noon, 0)...), 0x80), packed(t, "a", 1)},
		{"time with metadata", `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T05:30:00Z","a":1,"_meta":{"m":2}}`, append(append([]byte{0x92}, ext8(noon, 0)...), packed(t, "m", 2)...), packed(t, "a", 1)},
		{"implausible clock", `{"_id":"abcdefgh2-16-0","_time":"1970-01-01T00:01:00Z","_hour":"2026-11-23T05:00:00Z"}`, []byte{60}, packed(t)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSet()
			p := &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: entry(tt.at, tt.record)}
			if rows, bad := s.Part(p); rows != 1 || bad != 0 {
				t.Fatalf("%d rows, %d quarantined: %s", rows, bad, s.text(ikada.Quarantine))
			}
			if got := s.text("t"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMsgpackValues(t *testing.T) {
	deep := bytes.Repeat([]byte{0x91}, 200)
	tests := []struct {
		name, want string
		value      []byte
		kind       ikada.Kinds
		maxBytes   uint32
		hard       bool
	}{
		{"text", `"x"`, msgp.AppendString(nil, "x"), ikada.KindText, 1, false},
		{"empty", `""`, msgp.AppendString(nil, ""), ikada.KindEmpty, 0, false},
		{"bin is text", `"xyz"`, msgp.AppendBytes(nil, []byte("xyz")), ikada.KindText, 3, false},
		{"timestamp", `"2026-01-02T03:04:05Z"`, msgp.AppendString(nil, "2026-01-02T03:04:05Z"), ikada.KindTimestamp, 20, false},
		{"timestamp with nanoseconds is text", `"2026-01-02T03:04:05.123456789Z"`, msgp.AppendString(nil, "2026-01-02T03:04:05.123456789Z"), ikada.KindText, 30, false},
		{"no such day", `"2026-02-30T03:04:05Z"`, msgp.AppendString(nil, "2026-02-30T03:04:05Z"), ikada.KindText, 20, false},
		{"escapes", `"\"\\\n\r\t\u0001/` + "\x7f\"", msgp.AppendString(nil, "\"\\\n\r\t\x01/\x7f"), ikada.KindText, 8, false},
		{"NUL", `"a␀b"`, msgp.AppendString(nil, "a\x00b"), ikada.KindText, 5, false},
		{"Japanese", `"筏流し"`, msgp.AppendString(nil, "筏流し"), ikada.KindText, 9, false},
		{"CESU-8", `"😀"`, msgp.AppendString(nil, "\xed\xa0\xbd\xed\xb8\x80"), ikada.KindText, 4, false},
		{"positive", `127`, []byte{127}, ikada.KindInt, 0, false},
		{"negative", `-1`, []byte{0xff}, ikada.KindInt, 0, false},
		{"int8", `-128`, []byte{0xd0, 0x80}, ikada.KindInt, 0, false},
		{"int16", `-32768`, []byte{0xd1, 0x80, 0}, ikada.KindInt, 0, false},
		{"int64", `-9223372036854775808`, msgp.AppendInt64(nil, math.MinInt64), ikada.KindInt64, 0, false},
		{"2^53", `9007199254740992`, msgp.AppendInt64(nil, 1<<53), ikada.KindInt, 0, false},
		{"2^53+1", `9007199254740993`, msgp.AppendInt64(nil, 1<<53+1), ikada.KindInt64, 0, false},
		{"uint64", `18446744073709551615`, msgp.AppendUint64(nil, math.MaxUint64), ikada.KindBigInt, 0, false},
		{"double", `1.5`, msgp.AppendFloat64(nil, 1.5), ikada.KindDecimal, 0, false},
		{"whole double", `3.0`, msgp.AppendFloat64(nil, 3), ikada.KindDecimal, 0, false},
		{"great double", `1e+300`, msgp.AppendFloat64(nil, 1e300), ikada.KindDecimal, 0, false},
		{"negative zero", `-0.0`, msgp.AppendFloat64(nil, math.Copysign(0, -1)), ikada.KindDecimal, 0, false},
		{"float", `0.1`, msgp.AppendFloat32(nil, 0.1), ikada.KindDecimal, 0, false},
		{"null", `null`, []byte{0xc0}, ikada.KindNull, 0, false},
		{"true", `true`, []byte{0xc3}, ikada.KindBool, 0, false},
		{"array", `[1,"ab",[]]`, []byte{0x93, 1, 0xa2, 'a', 'b', 0x90}, ikada.KindArray, 2, false},
		{"object", `{"long":1,"5":{}}`, []byte{0x82, 0xa4, 'l', 'o', 'n', 'g', 1, 5, 0x80}, ikada.KindObject, 4, false},
		{"uint64 inside", `[18446744073709551615]`, msgp.AppendUint64([]byte{0x91}, math.MaxUint64), ikada.KindArray | ikada.KindBigInt, 0, false},
		{"EventTime", `"2026-11-23T05:30:00Z"`, ext8(noon, 0), ikada.KindTimestamp, 0, false},
		{"deep", strings.Repeat("[", 200) + "1" + strings.Repeat("]", 200), append(deep, 1), ikada.KindArray, 0, true},
		{"long text", `"` + strings.Repeat("x", 70_000) + `"`, msgp.AppendString(nil, strings.Repeat("x", 70_000)), ikada.KindText, 70_000, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSet()
			record := append(msgp.AppendString([]byte{0x81}, "v"), tt.value...)
			s.Part(&batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: entry(ext8(noon, 0), record)})
			src := s.Sources()
			if len(src) != 1 || src[0].Type != "t" {
				t.Fatalf("sources: %+v", src)
			}
			if got, want := fieldsOf(t, s.text("t")), `{"v":`+tt.want+`}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			want := ikada.Field{Name: "v", Kinds: tt.kind, MaxBytes: tt.maxBytes, Rows: 1}
			if tt.kind == ikada.KindNull {
				want.Nulls = 1
			}
			if got := src[0].Fields[0]; got != want {
				t.Errorf("field %+v, want %+v", got, want)
			}
			if hard := src[0].Class == ikada.Hard; hard != tt.hard {
				t.Errorf("hard is %t", hard)
			}
		})
	}
}

func TestBadEntriesAreQuarantinedAndNeighboursAreNot(t *testing.T) {
	good := entry(ext8(noon, 0), packed(t, "a", 1))
	tests := []struct {
		name, reason string
		bad          []byte
	}{
		{"not UTF-8", `field \"v\": the text is not UTF-8`, entry(ext8(noon, 0), packed(t, "v", "\xff"))},
		{"NaN", `field \"v\": NaN is no number in JSON`, entry(ext8(noon, 0), packed(t, "v", math.NaN()))},
		{"Inf", `field \"v\": +Inf is no number in JSON`, entry(ext8(noon, 0), packed(t, "v", math.Inf(1)))},
		{"not a map", `the record is not a map`, entry(ext8(noon, 0), []byte{0xa1, 'x'})},
		{"not an entry", `the entry is not an array of time and record`, []byte{0x81, 0xa1, 'x', 1}},
		{"extension", `extension of type 5`, entry(ext8(noon, 0), append(msgp.AppendString([]byte{0x81}, "v"), 0xd4, 5, 0))},
		{"too deep", `nested deeper than 1000`, entry(ext8(noon, 0), append(append(msgp.AppendString([]byte{0x81}, "v"), bytes.Repeat([]byte{0x91}, 1001)...), 1))},
		{"time is text", `the entry's time is neither`, entry([]byte{0xa1, 'x'}, packed(t))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSet()
			payload := bytes.Join([][]byte{good, tt.bad, good}, nil)
			rows, bad := s.Part(&batch.Part{Tag: "t", Origin: "forward 127.0.0.1:1", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: payload})
			if rows != 3 || bad != 1 {
				t.Fatalf("%d rows, %d quarantined", rows, bad)
			}
			if n := strings.Count(s.text("t"), "\n") + 1; n != 2 {
				t.Errorf("%d good rows: %s", n, s.text("t"))
			}
			var q struct {
				Reason, Origin, Type string
				Part, Parts          int
				Data                 []byte
			}
			if err := json.Unmarshal([]byte(s.text(ikada.Quarantine)), &q); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(s.text(ikada.Quarantine), tt.reason) {
				t.Errorf("reason %q, want %q", q.Reason, tt.reason)
			}
			if !bytes.Equal(q.Data, tt.bad) || q.Origin != "forward 127.0.0.1:1" || q.Type != "t" || q.Part != 1 || q.Parts != 1 {
				t.Errorf("quarantined %+v", q)
			}
		})
	}
}

func TestCutPayloadIsQuarantinedWhole(t *testing.T) {
	good := entry(ext8(noon, 0), packed(t, "a", strings.Repeat("x", 100_000)))
	s := newSet()
	rows, bad := s.Part(&batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: good[:len(good)-1]})
	if rows != 3 || bad != 3 {
		t.Fatalf("%d rows, %d quarantined", rows, bad)
	}
	var raw []byte
	for i, line := range strings.Split(s.text(ikada.Quarantine), "\n") {
		var q struct {
			Part, Parts int
			Data        []byte
		}
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		if q.Part != i+1 || q.Parts != 3 {
			t.Errorf("part %d of %d at %d", q.Part, q.Parts, i)
		}
		if n := len(line); n > 65_535 {
			t.Errorf("line of %d bytes", n)
		}
		raw = append(raw, q.Data...)
	}
	if !bytes.Equal(raw, good[:len(good)-1]) {
		t.Error("the raw bytes differ")
	}
}

func TestKeys(t *testing.T) {
	many := `{`
	for i := range 1600 {
		many += fmt.Sprintf(`"k%d":%d,`, i, i)
	}
	many = many[:len(many)-1] + `}`
	tests := []struct{ name, in, want string }{
		{"twice", `{"a":1,"b":2,"a":3}`, `{"b":2,"a":3,"_dup":[{"a":1}]}`},
		{"three times", `{"a":1,"a":2,"b":0,"a":3}`, `{"b":0,"a":3,"_dup":[{"a":1},{"a":2}]}`},
		{"only in case", `{"userId":1,"userid":2}`, `{"userId":1,"userid":2}`},
		{"empty", `{"":1}`, `{"":1}`},
		{"system names", `{"_id":1,"_time":2,"__id":3,"_rest":4,"_other":5}`, `{"__id":1,"__time":2,"___id":3,"__rest":4,"_other":5}`},
		{"escaped", `{"a\"b":1,"\u65e5":2}`, `{"a\"b":1,"日":2}`},
		{"escaped and plain are one key", `{"\u0061":1,"a":2}`, `{"a":2,"_dup":[{"a":1}]}`},
		{"beyond the limit", many, many},
		{"twice beyond the limit", many[:len(many)-1] + `,"k1599":7}`, strings.Replace(many[:len(many)-1]+`,"k1599":7,"_dup":[{"k1599":1599}]}`, `"k1599":1599,`, ``, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSet()
			p := &batch.Part{Tag: "t", Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: []byte(tt.in + "\n" + tt.in)}
			if rows, bad := s.Part(p); rows != 2 || bad != 0 {
				t.Fatalf("%d rows, %d quarantined: %s", rows, bad, s.text(ikada.Quarantine))
			}
			for line := range strings.SplitSeq(s.text("t"), "\n") {
				if got := fieldsOf(t, line); got != tt.want {
					t.Errorf("got  %.300s\nwant %.300s", got, tt.want)
				}
			}
		})
	}
}

func TestJSONTimes(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"time":"2026-11-23T04:00:00+09:00"}`, "2026-11-22T19:00:00Z"},
		{`{"time":"2026-11-23T04:00:00.123456789Z"}`, "2026-11-23T04:00:00.123456789Z"},
		{`{"time":1795392000}`, "2026-11-23T00:00:00Z"},
		{`{"timestamp":1795392000123}`, "2026-11-23T00:00:00.123Z"},
		{`{"@timestamp":1795392000.25}`, "2026-11-23T00:00:00.25Z"},
		{`{"@timestamp":"2026-11-23T01:00:00Z","time":"2026-11-23T02:00:00Z"}`, "2026-11-23T02:00:00Z"},
		{`{"time":"yesterday"}`, "2026-11-23T05:30:00Z"},
		{`{"time":5}`, "2026-11-23T05:30:00Z"},
		{`{"other":"2026-11-23T02:00:00Z"}`, "2026-11-23T05:30:00Z"},
	}
	for _, tt := range tests {
		s := newSet()
		s.Part(&batch.Part{Tag: "t", Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: []byte(tt.in)})
		var row struct {
			Time string `json:"_time"`
		}
		if err := json.Unmarshal([]byte(s.text("t")), &row); err != nil {
			t.Fatal(err)
		}
		if row.Time != tt.want {
			t.Errorf("%s: _time is %s, want %s", tt.in, row.Time, tt.want)
		}
	}
}

func TestJSONEntries(t *testing.T) {
	s := newSet()
	payload := "[1795392000,{\"a\":1}]\n[1795392000.5 , {\"a\":2}]\n[null,{}]\n[1795392000,5]\n"
	rows, bad := s.Part(&batch.Part{Tag: "t", Format: batch.JSONEntries, Arrival: arrival.UnixNano(), Payload: []byte(payload)})
	if rows != 4 || bad != 1 {
		t.Fatalf("%d rows, %d quarantined", rows, bad)
	}
	want := `{"_id":"abcdefgh2-16-0","_time":"2026-11-23T00:00:00Z","a":1}
{"_id":"abcdefgh2-16-1","_time":"2026-11-23T00:00:00.5Z","a":2}
{"_id":"abcdefgh2-16-2","_time":"2026-11-23T05:30:00Z"}`
	if got := s.text("t"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBadJSON(t *testing.T) {
	for _, in := range []string{`{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":01}`, `{"a":1.}`, `{"a":nul}`, `[1]`, `"x"`, `5`, `{"a":1}x`, `{"a":1}{"b":2}`,
		`{"a":"` + "\x01" + `"}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"` + "\xff" + `"}`, `{"a":[1,]}`, `{"a":{"b":}}`, `{"a":"`, `{a:1}`, `NaN`, `{"a":NaN}`, `{"a":+1}`, `{"a":.5}`} {
		if err := Check([]byte(in)); err == nil {
			t.Errorf("%s was taken", in)
		}
	}
}

func TestHoursOfOneTypeAreBounded(t *testing.T) {
	s := newSet()
	var payload []byte
	for h := range 200 {
		payload = append(payload, entry(ext8(noon-uint32(h)*3600, 0), packed(t, "h", h))...)
	}
	s.Part(&batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: payload})
	src := s.Sources()
	if len(src) > maxHours {
		t.Errorf("%d segments", len(src))
	}
	rows := int64(0)
	for _, g := range src {
		rows += g.Rows
	}
	if rows != 200 {
		t.Errorf("%d rows", rows)
	}
}

func TestResetKeepsNothingButMemory(t *testing.T) {
	s := newSet()
	p := &batch.Part{Tag: "t", Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: []byte(`{"a":1,"b":"x"}`)}
	s.Part(p)
	s.Reset()
	if s.Size() != 0 || s.Rows() != 0 || len(s.Sources()) != 0 {
		t.Fatal("the set is not empty")
	}
	s.Message(lane, "00000000000000000043")
	p.Payload = []byte(`{"b":null}`)
	s.Part(p)
	src := s.Sources()
	if len(src) != 1 || len(src[0].Fields) != 1 || src[0].Fields[0] != (ikada.Field{Name: "b", Kinds: ikada.KindNull, Rows: 1, Nulls: 1}) {
		t.Errorf("sources %+v", src)
	}
}

func TestFloatsReadBackAndAreShortest(t *testing.T) {
	check := func(v float64) {
		t.Helper()
		got := string(appendFloat(nil, v, 64))
		if back, err := strconv.ParseFloat(got, 64); err != nil || back != v {
			t.Fatalf("%v became %s", v, got)
		}
		want := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(want, ".") {
			want += ".0"
		}
		if v != 0 && math.Abs(v) < 1e17 && math.Abs(v) >= 1e-6 && got != want {
			t.Fatalf("%v became %s, want %s", v, got, want)
		}
	}
	for _, v := range []float64{0, 1, 0.1, 0.000001, 0.0000001, 123456.789, 999999999.999999, 1e9, 1e16, 1e17, -2.5, 0.30000000000000004, 1.0000005, 5e-324, math.MaxFloat64} {
		check(v)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		check(float64(r.Int64N(1e12)) / 1e3)
		check(float64(r.Int64N(1e15)) / 1e6)
		check(r.Float64() * 1e9)
		check(math.Nextafter(float64(r.Int64N(1e9))/1e3, 1e10))
	}
}
