package main

import (
	"strconv"
	"strings"
	"time"
)

// when reads a point in time: how long ago ("24h", "7d"), a date, or RFC 3339.
// Empty text is the zero time.
func when(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usage("--%s %q: want how long ago, such as 24h or 7d, or a time, such as 2026-11-23 or 2026-11-23T05:00:00Z", flag, text)
}
