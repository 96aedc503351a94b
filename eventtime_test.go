package ikada

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-11-23T12:00:00Z":               noon,
		"2026-11-23T21:00:00+09:00":          noon,
		"2026-11-23T21:00:00.123456789+0900": noon.Add(123456789),
		"2026-11-23T12:00:00":                noon,
		"2026-11-23T12:00:00.5":              noon.Add(500 * time.Millisecond),
		"2026-11-23 12:00:00":                noon,
		"2026-11-23 05:00:00 -0700":          noon,
		"2026-11-23 12:00:00 UTC":            noon,
		"2026-11-23 12:00:00.25 +00:00":      noon.Add(250 * time.Millisecond),
		"1795435200":                         noon,
		"1795435200.25":                      noon.Add(250 * time.Millisecond),
		"1795435200123":                      noon.Add(123 * time.Millisecond),
	} {
		if ns, ok := ParseTime([]byte(text)); !ok || ns != want.UnixNano() {
			t.Errorf("%q is %v, %v; want %v", text, time.Unix(0, ns).UTC(), ok, want)
		}
	}
	for _, text := range []string{
		"", "soon", "2026-11-23", "2026-11-23T12:00", "2026-11-31T12:00:00", "2026-11-23x12:00:00", "2026-11-23T12:00:00.",
		"2026-11-23T12:00:00 CEST", "2026-11-23T12:00:00+9999", "2026-11-23T12:00:00+", "-1", "1e3", "1.2.3", "0x10", "Inf",
		"2026-11-23T12:00:00.1234567890", "2026-11-23T12:00:00ZZ", "2026-11-23T12:00:00                      Z",
	} {
		if ns, ok := ParseTime([]byte(text)); ok {
			t.Errorf("%q is %v", text, time.Unix(0, ns).UTC())
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add([]byte("2026-11-23 12:00:00.5 +0900"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if ns, _, ok := ParseTimestamp(text); ok {
			if lenient, ok := ParseTime(text); !ok || lenient != ns {
				t.Errorf("%q is %d, %v; want %d", text, lenient, ok, ns)
			}
		}
		_, _ = ParseTime(text)
	})
}
