package warehouse

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
)

var kindTests = []struct {
	value string
	kind  ikada.Kinds
}{
	{`null`, ikada.KindNull},
	{`true`, ikada.KindBool},
	{`false`, ikada.KindBool},
	{`{"a":1}`, ikada.KindObject},
	{`[]`, ikada.KindArray},
	{`0`, ikada.KindInt},
	{`-0`, ikada.KindDecimal},
	{`-7`, ikada.KindInt},
	{`9007199254740992`, ikada.KindInt},
	{`-9007199254740992`, ikada.KindInt},
	{`9007199254740993`, ikada.KindInt64},
	{`9223372036854775807`, ikada.KindInt64},
	{`-9223372036854775808`, ikada.KindInt64},
	{`9223372036854775808`, ikada.KindBigInt},
	{`-9223372036854775809`, ikada.KindBigInt},
	{`1.0`, ikada.KindDecimal},
	{`1e3`, ikada.KindDecimal},
	{`0.0`, ikada.KindDecimal},
	{`0e999`, ikada.KindDecimal},
	{`5e-324`, ikada.KindDecimal},
	{`0.00012345678901234567`, ikada.KindDecimal},
	{`0.123456789012345678`, ikada.KindBeyond},
	{`1.10000000000000000000000`, ikada.KindDecimal},
	{`1e400`, ikada.KindBeyond},
	{`-1e400`, ikada.KindBeyond},
	{`1e-400`, ikada.KindBeyond},
	{`""`, ikada.KindEmpty},
	{`"a"`, ikada.KindText},
	{`"2026-11-23T05:06:07Z"`, ikada.KindTimestamp},
	{`"2026-11-23T05:06:07.123456Z"`, ikada.KindTimestamp},
	{`"2026-11-23T05:06:07.1234567Z"`, ikada.KindText},
	{`"2026-11-23T05:06:07+09:00"`, ikada.KindTimestamp},
	{`"2026-11-23T05:06:07.5-15:59"`, ikada.KindTimestamp},
	{`"2026-11-23T05:06:07+16:00"`, ikada.KindText},
	{`"2026-11-23T05:06:07+09:60"`, ikada.KindText},
	{`"2026-11-23T05:06:07+0900"`, ikada.KindText},
	{`"2026-11-23T05:06:07"`, ikada.KindText},
	{`"2026-11-23T05:06:07."`, ikada.KindText},
	{`"2026-11-23T05:06:07.Z"`, ikada.KindText},
	{`"2026-11-23 05:06:07Z"`, ikada.KindText},
	{`"2026-11-23t05:06:07z"`, ikada.KindText},
	{`"2026-11-23T24:00:00Z"`, ikada.KindText},
	{`"2026-11-23T05:06:60Z"`, ikada.KindText},
	{`"2026-02-29T05:06:07Z"`, ikada.KindText},
	{`"2024-02-29T05:06:07Z"`, ikada.KindTimestamp},
	{`"1900-02-29T05:06:07Z"`, ikada.KindText},
	{`"2000-02-29T05:06:07Z"`, ikada.KindTimestamp},
	{`"0000-01-01T00:00:00Z"`, ikada.KindText},
	{`"9999-12-31T23:59:59.999999-15:59"`, ikada.KindTimestamp},
	{`"2026\u002d11-23T05:06:07Z"`, ikada.KindTimestamp},
	{`"2026-11-23T05:06:07Z\u0000"`, ikada.KindText},
}

func TestKindOf(t *testing.T) {
	for _, test := range kindTests {
		if got := KindOf([]byte(test.value)); got != test.kind {
			t.Errorf("%s: got %s, want %s", test.value, got, test.kind)
		}
	}
}

func TestKindOfDoesNotAllocate(t *testing.T) {
	for _, test := range kindTests {
		if strings.Contains(test.value, `\`) || test.kind == ikada.KindBeyond || test.kind == ikada.KindBigInt {
			continue // rare
		}
		value := []byte(test.value)
		if n := testing.AllocsPerRun(10, func() { KindOf(value) }); n > 0 {
			t.Errorf("%s: %v allocations", test.value, n)
		}
	}
}

// A value of a kind is held without loss by the types that say so.
func FuzzKindOfKeepsItsPromise(f *testing.F) {
	for _, test := range kindTests {
		f.Add([]byte(test.value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if !json.Valid(value) {
			return
		}
		value = []byte(strings.Trim(string(value), " \t\r\n"))
		kind := KindOf(value)
		if kind == 0 || kind&(kind-1) != 0 {
			t.Fatalf("%s: %s is not one kind", value, kind)
		}
		if _, ok := TypeFor(kind); !ok && kind != ikada.KindNull {
			t.Fatalf("%s: kind %s has no type", value, kind)
		}
		if BigInt.Fits(kind) && kind != ikada.KindNull {
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || strconv.FormatInt(n, 10) != string(value) {
				t.Errorf("%s is no bigint", value)
			}
		}
		if Double.Fits(kind) && kind != ikada.KindNull {
			checkDouble(t, string(value))
		}
		if kind == ikada.KindTimestamp {
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				t.Fatal(err)
			}
			if at, err := time.Parse(time.RFC3339Nano, text); err != nil || at.Nanosecond()%1000 != 0 {
				t.Errorf("%s is no timestamp of microseconds: %v", value, err)
			}
		}
	})
}

// checkDouble holds that a number is neither beyond a double nor lost in its zero.
func checkDouble(t *testing.T, text string) {
	t.Helper()
	double, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Errorf("%s is no double: %v", text, err)
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	if (double == 0) == strings.ContainsAny(mantissa, "123456789") {
		t.Errorf("%s becomes %v", text, double)
	}
}
