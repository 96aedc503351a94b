package quarantine_test

import (
	"context"
	"testing"

	"github.com/ikada-io/ikada/quarantine"
	"github.com/ikada-io/ikada/warehouse"
)

// between does something just before rows are put back.
type between struct {
	warehouse.Warehouse
	w     *world
	first func()
}

func (b between) PutBack(ctx context.Context, job warehouse.PutBackJob) (warehouse.PutBack, error) {
	b.first()
	return b.w.Warehouse.PutBack(ctx, job)
}

// TestAReplayComesBetween: a retry has read the quarantine when a replay names its
// rows by other files.
func TestAReplayComesBetween(t *testing.T) {
	for _, mended := range []bool{true, false} {
		w := namedByParts(t)
		store := w.store()
		store.Warehouse = between{w.Warehouse, w, func() {
			w.replay(0)
			if mended {
				w.change(w.retype("BIGINT")...)
			}
		}}
		got, err := store.Retry(t.Context(), quarantine.Retry{Filter: quarantine.Filter{Type: string(of)}}, func(int64, int64) {})
		if want := map[bool]quarantine.Result{true: {PutBack: 4}, false: {Refused: 4}}[mended]; err != nil || got.PutBack != want.PutBack || got.Refused != want.Refused {
			t.Errorf("mended %t: got %+v, %v; want %+v", mended, got, err, want)
		}
		if mended {
			w.holds("put back", 12, 0)
			w.list(0)
		} else {
			w.holds("refused again", 8, 4)
			w.list(4)
		}
	}
}
