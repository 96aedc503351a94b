package plan

import (
	"testing"
	"time"

	"github.com/ikada-io/ikada"
)

func TestArchiveKeysAndTheirParts(t *testing.T) {
	hour := ikada.HourOf(time.Date(2026, 11, 23, 5, 59, 0, 0, time.UTC))
	for _, test := range []struct {
		key  string
		want ArchiveName
	}{
		{ArchiveKey("app.access", hour, ikada.Plain, 12, 1), ArchiveName{"app.access", hour, 1, ikada.Plain, 12, 1, 0}},
		{ArchiveKey("app.access", hour, ikada.Hard, 12, 30), ArchiveName{"app.access", hour, 1, ikada.Hard, 12, 30, 0}},
		{DayArchiveKey("app.access", hour, ikada.Plain, 7, 2), ArchiveName{"app.access", hour - 5, 24, ikada.Plain, 7, 2, 0}},
		{amendedKey(DayArchiveKey("A b", hour, ikada.Hard, 7, 2), 3), ArchiveName{ikada.LogType("A b").PathName(), hour - 5, 24, ikada.Hard, 7, 2, 3}},
	} {
		got, err := ParseArchiveKey(test.key)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.key, got, err, test.want)
		}
	}
	if got, want := DayArchiveKey("app.access", hour, ikada.Plain, 12, 1), "app.access/dt=2026-11-23/000000000012-1.json.gz"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for before, first := range map[ikada.Hour]ikada.Hour{0: 0, 23: 0, 24: 24, -1: -24, -24: -24, -25: -48} {
		if got := FirstHour(before); got != first {
			t.Errorf("the day of hour %d begins with %d, want %d", before, got, first)
		}
	}
}

func TestForeignKeysAreNoArchiveKeys(t *testing.T) {
	for _, key := range []string{
		"", "a", "a/b/c", "a/dt=2026-11-23/hh=24/000000000012-1.json.gz", "a/dt=2026-02-30/000000000012-1.json.gz",
		"a/dt=2026-11-23/12-1.json.gz", "a/dt=2026-11-23/000000000012-0.json.gz", "a/dt=2026-11-23/000000000012-01.json.gz",
		"a/dt=2026-11-23/000000000012-1.json", "a/dt=2026-11-23/000000000012-1.a0.json.gz", "a/dt=2026-11-23/000000000012-1.a1.hard.json.gz",
		"/dt=2026-11-23/000000000012-1.json.gz", "a/dt=2026-11-23/hh=05/x/000000000012-1.json.gz", "a/dt=2026-11-23/000000000012.json.gz",
	} {
		if got, err := ParseArchiveKey(key); err == nil {
			t.Errorf("%q: got %+v, want an error", key, got)
		}
	}
}

func FuzzArchiveKey(f *testing.F) {
	f.Add("app.access/dt=2026-11-23/hh=05/000000000012-1.json.gz")
	f.Add("app.access/dt=2026-11-23/000000000012-1.hard.a2.json.gz")
	f.Fuzz(func(t *testing.T, key string) {
		a, err := ParseArchiveKey(key)
		if err != nil {
			return
		}
		if a.Key() != key {
			t.Fatalf("%q is %+v, whose key is %q", key, a, a.Key())
		}
		if again, err := ParseArchiveKey(a.Key()); err != nil || again != a {
			t.Fatalf("%q: %+v, then %+v, %v", key, a, again, err)
		}
	})
}
