package replay_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/replay"
)

// TestACompactionBetweenTheListings comes when a replay has read one of the two:
// the archive's files, or its map.
func TestACompactionBetweenTheListings(t *testing.T) {
	for _, part := range []string{"/_map/", "/dt="} {
		w := theWorld(t)
		before := rows(w)
		done := false
		hooked := fault.New(w.Archive, fault.Options{Hook: func(op fault.Op, key string) fault.Outcome {
			if op == fault.List && strings.Contains(key, part) && !done {
				done = true
				compacted(w)
			}
			return fault.Pass
		}})
		r := &replay.Replayer{Archive: archive.NewView(hooked), Manifests: w.Manifests, Warehouse: w.Warehouse}
		report, err := r.Run(ctx, request(), func(int64, int64) {})
		if err != nil || report.Compacted != 2 || report.Inserted != 20 {
			t.Errorf("at the listing of %s: got %+v, %v", part, report, err)
		}
		if after := rows(w); !reflect.DeepEqual(after, before) {
			t.Errorf("the table was\n%v, and is\n%v", before, after)
		}
	}
}
