package config

import (
	"testing"
	"time"
)

func TestSizesAreReadAndWrittenExactly(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "17B": 17, "1KiB": 1024, "128MiB": 128 << 20, "10 GiB": 10 << 30, "2TB": 2e12, "5kB": 5000, "1536MiB": 1536 << 20,
	} {
		n, err := parseSize(text)
		if err != nil || n != want {
			t.Errorf("%s: got %d, %v, want %d", text, n, err, want)
		}
		if again, err := parseSize(formatSize(n)); err != nil || again != n {
			t.Errorf("%s is written %s, which is read as %d, %v", text, formatSize(n), again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "1 M", "9999999999999999999", "9999999TiB", "0x10", "1mib"} {
		if n, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, n)
		}
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Second: "1s", 1500 * time.Millisecond: "1.5s", time.Hour + time.Second: "1h0m1s", 10 * time.Minute: "10m",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestClosestFindsSlipsAndNothingElse(t *testing.T) {
	names := []string{"forward.listen", "http.listen", "load.age", "data"}
	for name, want := range map[string]string{
		"forward.listn": "forward.listen", "http.listen": "http.listen", "load.aeg": "load.age", "dat": "data", "load.foo": "", "x": "", "": "",
	} {
		if got := closest(name, names); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1KiB", "9223372036854775807", "8EiB", " 7 B", "1TiBMiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s)
		if err != nil {
			return
		}
		if again, err := parseSize(formatSize(n)); err != nil || again != n || n < 0 {
			t.Errorf("%q: %d became %d, %v", s, n, again, err)
		}
	})
}
