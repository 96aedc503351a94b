package when

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	now := time.Date(2026, 11, 23, 5, 0, 0, 0, time.FixedZone("", 9*3600))
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "90m": now.Add(-90 * time.Minute), "7d": now.Add(-7 * 24 * time.Hour), "0d": now,
		"2026-11-20":                time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		"2026-11-20T09:00:00+09:00": time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := Parse("since", text, now); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"d", "soon", "-1h", "-1d", "NaNd", "1e3d", "99999999999d", "7", "2026-11", "2026-11-23 05:00"} {
		if got, err := Parse("since", text, now); err == nil || !strings.Contains(err.Error(), `since "`+text+`"`) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}
