// Package history tells what became of the log types: which there are and how
// their tables look (Types, Show), what was loaded when, and which loads failed
// (Loads, Failures). It reads the warehouse's catalog, ledger and journal, and
// manifests, and changes nothing.
package history

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// History reads what is stored.
type History struct {
	Manifests bucket.Bucket
	Warehouse warehouse.Warehouse
	// Declared returns the columns that an operator wants for a log type; nil: none.
	Declared func(ikada.LogType) []warehouse.Column
	Now      func() time.Time // nil: time.Now
}

func (h *History) now() time.Time {
	if h.Now == nil {
		return time.Now().UTC()
	}
	return h.Now().UTC()
}

// ParseSince reads how far back a question goes: a time (RFC 3339, or a date),
// or a duration before now ("24h", "7d").
func ParseSince(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		d = time.Duration(n * 24 * float64(time.Hour))
	}
	if err != nil || d < 0 {
		return time.Time{}, fmt.Errorf("since %q: want a time such as 2026-11-23T05:00:00Z or 2026-11-23, or how long ago, such as 24h or 7d", text)
	}
	return now.UTC().Add(-d), nil
}
