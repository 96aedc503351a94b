package quarantine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/quarantine"
	"github.com/ikada-io/ikada/warehouse/fault"
)

func (w *world) compact() {
	w.T.Helper()
	_, err := compact.New(w.View, w.Manifests, w.Warehouse, compact.Options{Now: func() time.Time { return pipetest.Arrival.Add(24 * time.Hour) }}).
		Once(context.Background(), "", func(int64) {})
	w.Check(err)
}

// namedByParts is a new warehouse, filled from an archive that was compacted: 8
// rows are loaded, and 4 refused, which have the names of parts.
func namedByParts(t *testing.T) *world {
	w := onDuckDB(t)
	for i := range 6 {
		w.Send(of, fmt.Sprintf(`{"time":"2026-11-20T06:00:00Z","n":%d}`, 32_766+i), fmt.Sprintf(`{"time":"2026-11-20T06:0%d:00Z","n":1}`, i))
	}
	w.Load()
	w.compact()
	w.fresh()
	inner := w.Warehouse
	w.Warehouse = fault.New(inner, func(c fault.Call) fault.Outcome {
		if c.Op == "Load" && c.Job.Manifests[0].Plan > 1 {
			return fault.FailBefore
		}
		return fault.Pass
	})
	if err := load.New(w.Buffer, w.Manifests, w.Warehouse, load.Options{Archive: w.View, MaxManifests: 1}).Once(t.Context()); err == nil {
		t.Fatal("the load did not fail")
	}
	w.Warehouse = inner
	w.change(w.retype("SMALLINT")...)
	w.Load()
	w.holds("refused", 8, 4)
	for _, r := range w.list(4) {
		if !strings.Contains(r.File, "/_map/") {
			t.Errorf("%s is no part", r.File)
		}
	}
	return w
}

// TestRowsOfFilesThatWereCompactedTwice: rows have the names of parts of a file
// that has become part of another.
func TestRowsOfFilesThatWereCompactedTwice(t *testing.T) {
	w := namedByParts(t)
	for range 2 {
		text := make([]byte, 2000)
		for i := range text {
			text[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[rand.N(36)]
		}
		w.Send(of, fmt.Sprintf(`{"time":"2026-11-20T06:30:00Z","s":%q}`, text))
	}
	w.Load()
	w.holds("late rows", 10, 4)
	w.compact()
	day, err := w.View.Map.Day(t.Context(), string(of), "2026-11-20")
	w.Check(err)
	if len(day.Entries) != 2 || len(day.Objects()) != 1 {
		t.Fatalf("the map has %d records and %d files, want 2 and 1", len(day.Entries), len(day.Objects()))
	}
	w.holds("compacted again", 10, 4)
	w.change(w.retype("BIGINT")...)
	w.replay(4)
	w.holds("replayed", 14, 0)
	w.list(0)
	w.retry("again", quarantine.Retry{Filter: quarantine.Filter{Type: string(of)}}, 0, 0, 0)
	w.holds("again", 14, 0)
}
