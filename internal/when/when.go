// Package when reads the points in time that people write in flags and in
// requests.
package when

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads a time (RFC 3339, or a date), or how long ago it was ("24h",
// "7d"). Empty text is the zero time. Errors call the text by name.
func Parse(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	ago, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		ago = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%s %q: want how long ago, such as 24h or 7d, or a time, such as 2026-11-23 or 2026-11-23T05:00:00Z", name, text)
	}
	return now.UTC().Add(-ago), nil
}
