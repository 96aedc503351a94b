package load_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/warehouse/fault"
)

func TestOnceOfLoadsTheTypesThatAreNamed(t *testing.T) {
	w := newWorld(t)
	const other = ikada.LogType("other.type")
	w.plain(1, access, `{"a":1}`)
	w.plain(2, other, `{"a":1}`)
	w.plain(3, access, `{"a":2}`)
	l := w.loader(load.Options{})
	w.check(l.OnceOf(ctx, access.PathName(), "nothing.there"))
	if got := w.ids(other); len(got) != 0 {
		t.Errorf("rows %v of a type that was not named", got)
	}
	if got := w.ids(access); len(got) != 2 {
		t.Errorf("rows %v", got)
	}
	w.check(w.loader(load.Options{}).OnceOf(ctx, access.PathName())) // again, in another process
	w.check(l.Once(ctx))
	w.complete()
}

// With loads of 10 s and 45 s of time, the fourth would be cut off.
func TestOnceBeginsNoLoadThatItsTimeWouldCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for n := range uint64(6) {
			w.plain(n+1, access, `{"a":1}`)
		}
		w.failWith(func(c fault.Call) fault.Outcome {
			if c.Op == "Load" {
				time.Sleep(10 * time.Second)
			}
			return fault.Pass
		})
		limited, cancel := context.WithTimeout(ctx, 45*time.Second)
		defer cancel()
		l := w.loader(load.Options{MaxManifests: 1})
		w.check(l.Once(limited))
		if got, want := w.jobs(access), []string{"plain 1", "plain 2", "plain 3"}; !slices.Equal(got, want) {
			t.Errorf("loaded %v, want %v", got, want)
		}
		w.check(l.Once(ctx))
		w.complete()
	})
}
