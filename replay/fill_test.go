package replay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/replay"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/mem"
)

// whole is a load of everything that the ledger does not have.
func whole(w *pipetest.World, live load.Options) *load.Loader {
	live.Archive, live.Whole = w.View, true
	return load.New(w.Buffer, w.Manifests, w.Warehouse, live)
}

// TestFillWhileAllGoesOn fills a new warehouse while it is loaded into, the
// archive is compacted, and ranges are replayed.
func TestFillWhileAllGoesOn(t *testing.T) {
	w := pipetest.New(t)
	for i := range 30 {
		w.Append(of, fmt.Sprintf(`{"time":"2026-11-20T06:00:00Z","n":%d}`, i), fmt.Sprintf(`{"time":"2026-11-20T07:00:00Z","n":%d}`, i), `{"time":"2026-11-20T06:00:00Z","n":1e400}`)
		w.Route()
	}
	old := *w
	old.Load()
	compacted(&old)
	w.Warehouse = mem.New(w.View) // a new one
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	live, stop := context.WithCancel(ctx)
	var running, working sync.WaitGroup
	running.Go(func() {
		l := load.New(w.Buffer, w.Manifests, w.Warehouse, load.Options{Archive: w.View, LoadAge: time.Millisecond, SweepInterval: 5 * time.Millisecond, MaxManifests: 3})
		if err := l.Run(live); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		working.Go(func() {
			if err := whole(w, load.Options{MaxManifests: 4}).Once(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	working.Go(func() {
		c := compact.New(w.View, w.Manifests, w.Warehouse, compact.Options{Now: func() time.Time { return pipetest.Arrival.Add(48 * time.Hour) }})
		for range 10 {
			if _, err := c.Once(ctx, "", func(int64) {}); err != nil {
				t.Error(err)
			}
		}
	})
	working.Go(func() {
		r := &replay.Replayer{Archive: w.View, Manifests: w.Manifests, Warehouse: w.Warehouse}
		for range 10 {
			_, err := r.Run(ctx, request(), func(int64, int64) {})
			// The table may not be there yet, or change all the while.
			if err != nil && !errors.Is(err, warehouse.ErrLedgerChanged) && !errors.Is(err, ikada.ErrNotFound) {
				t.Error(err)
			}
		}
	})
	for i := range 20 {
		w.Send(of, fmt.Sprintf(`{"time":"2026-11-20T06:30:00Z","late":%d}`, i))
	}
	working.Wait()
	stop()
	running.Wait()
	w.Check(whole(w, load.Options{}).Once(ctx))
	ids := map[any]int{}
	for _, row := range rows(w) {
		ids[row["_id"]]++
	}
	if len(ids) != w.Sent[of] {
		t.Errorf("the table has %d rows, %d were sent", len(ids), w.Sent[of])
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("row %v is in the table %d times", id, n)
		}
	}
}

// A fill that dies begins again where the ledger ends.
func TestFillThatDies(t *testing.T) {
	w := theWorld(t)
	want := rows(w)
	compacted(w)
	for n := range 12 {
		w.Warehouse = mem.New(w.View)
		var reads atomic.Int64
		broken := *w
		broken.SetArchive(fault.New(w.Archive, fault.Options{Hook: func(op fault.Op, _ string) fault.Outcome {
			if op == fault.Get && reads.Add(1) > int64(n) {
				return fault.CrashBefore
			}
			return fault.Pass
		}}))
		_ = whole(&broken, load.Options{MaxManifests: 1}).Once(ctx)
		w.Load()
		if got := rows(w); !reflect.DeepEqual(got, want) {
			t.Fatalf("after %d reads: %d rows, want %d", n, len(got), len(want))
		}
	}
}

// A warehouse that lacks older manifests than it has, as where a live load was
// faster than the fill.
func TestFillBehindALiveLoad(t *testing.T) {
	w := theWorld(t)
	want := len(rows(w))
	w.Warehouse = mem.New(w.View)
	w.Send(of, `{"time":"2026-11-20T06:30:00Z","n":5}`)
	newest := load.New(w.Buffer, later{w.Manifests}, w.Warehouse, load.Options{Archive: w.View})
	w.Check(newest.Once(ctx))
	if got := len(rows(w)); got != 1 {
		t.Fatalf("%d rows are loaded, want the newest one", got)
	}
	w.Check(whole(w, load.Options{}).Once(ctx))
	if got := len(rows(w)); got != want+1 {
		t.Errorf("%d rows are loaded, want %d", got, want+1)
	}
}

// later is a manifest bucket that lists the sixth plan and those behind it.
type later struct{ bucket.Bucket }

func (b later) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return b.Bucket.List(ctx, prefix, max(after, prefix+"000000000/000000000005.zzz"))
}
