package audit_test

import (
	"testing"
	"time"

	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/replay"
)

// What a gap's remedy says mends it.
func TestRemediesMendTheGap(t *testing.T) {
	again := func(w *world, shrink bool) {
		t.Helper()
		r := &replay.Replayer{Archive: archive.NewView(w.archive), Manifests: w.manifests, Warehouse: w.warehouse}
		hour := time.Now().UTC().Truncate(time.Hour)
		_, err := r.Run(t.Context(), replay.Request{Type: "type.1", From: hour.Add(-time.Hour), To: hour.Add(2 * time.Hour), Shrink: shrink}, func(int64, int64) {})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		damage func(*world)
		mend   func(*world)
	}{
		"rows deleted": {
			func(w *world) {
				w.rows("type.1", func(rows []map[string]any) []map[string]any { return rows[:len(rows)-7] })
			},
			func(w *world) { again(w, false) },
		},
		"a row doubled": {
			func(w *world) {
				w.rows("type.1", func(rows []map[string]any) []map[string]any { return append(rows, rows[0]) })
			},
			func(w *world) { again(w, true) },
		},
	} {
		w := newWorld(t)
		w.send(60)
		w.run()
		c.damage(w)
		if r := w.audit(audit.Options{Deep: true, Now: later}); r.Holds {
			t.Errorf("%s: not found", name)
		}
		c.mend(w)
		wantHolds(t, name, w.audit(audit.Options{Deep: true, Now: later}))
	}
}
