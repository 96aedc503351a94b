package ikada

import (
	"testing"
	"time"
)

func TestNumberKinds(t *testing.T) {
	for text, want := range map[string]Kinds{
		"0": KindInt, "-0": KindDecimal, "9007199254740992": KindInt, "9007199254740993": KindInt64,
		"-9223372036854775808": KindInt64, "9223372036854775808": KindBigInt, "1.0": KindDecimal, "1e3": KindDecimal,
		"0.1": KindDecimal, "1e400": KindBeyond, "1e-400": KindBeyond, "0e5": KindDecimal, "0.0": KindDecimal,
		"0.12345678901234567": KindDecimal, "0.123456789012345678": KindBeyond, "100000000000000000000.0": KindDecimal,
	} {
		if got := NumberKind([]byte(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestEpochNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"1795392000": "2026-11-23T00:00:00Z", "1795392000123": "2026-11-23T00:00:00.123Z", "1795392000123456": "2026-11-23T00:00:00.123456Z",
		"1795392000123456789": "2026-11-23T00:00:00.123456789Z", "1795392000.25": "2026-11-23T00:00:00.25Z", "0": "1970-01-01T00:00:00Z",
		"-1": "", "9300000000": "", "1e10": "", "99999999999": "", "1e400": "",
	} {
		got := ""
		if ns, ok := ParseEpoch([]byte(text)); ok {
			got = time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// time.Time's own parser is the yardstick.
func FuzzTimestamp(f *testing.F) {
	f.Add([]byte("2026-11-23T05:30:00.123+09:00"))
	f.Add([]byte("2026-02-29T05:30:00Z"))
	f.Fuzz(func(t *testing.T, s []byte) {
		ns, _, ok := ParseTimestamp(s)
		if !ok {
			if TextKind(s) == KindTimestamp {
				t.Fatalf("%q is a timestamp that cannot be read", s)
			}
			return
		}
		want, err := time.Parse(time.RFC3339Nano, string(s))
		if err != nil {
			t.Fatalf("%q was read as %d, but: %v", s, ns, err)
		}
		if y := want.Year(); y > 1678 && y < 2261 && ns != want.UnixNano() {
			t.Fatalf("%q is %d, want %d", s, ns, want.UnixNano())
		}
	})
}
