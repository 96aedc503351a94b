package redshift

import (
	"bytes"
	"log/slog"
	"regexp"
)

var changing = regexp.MustCompile(`'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00'(, \d+\.\d+)?`)

// masked hides what differs from run to run: times and durations.
func masked(sql string) string { return changing.ReplaceAllString(sql, "NOW") }

// logTo logs into a buffer what a load tells.
func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }
