package load_test

import (
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/load"
)

// The quarantine's table is made whole once, before anything is set aside.
func TestTheQuarantinesTableIsMadeBeforehand(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.check(w.loader(load.Options{}).Once(ctx))
	}
	table, err := w.inner.Table(ctx, ikada.Quarantine)
	if err != nil || len(table.Columns) != len(ikada.QuarantineFields()) {
		t.Errorf("got %+v, %v", table, err)
	}
	if n := w.ops("Extend"); n != 1 {
		t.Errorf("it was made %d times", n)
	}
}
