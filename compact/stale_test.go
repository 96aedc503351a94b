package compact_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/replay"
)

// asking does something before the ledger is asked for the first time.
type asking struct {
	compact.Ledger
	first func()
	once  sync.Once
}

func (l *asking) Loaded(ctx context.Context, t ikada.LogType, manifests []string) (map[string]bool, error) {
	l.once.Do(l.first)
	return l.Ledger.Loaded(ctx, t, manifests)
}

// TestACompactedFileIsBoundAgainOnce: a compactor has chosen a compacted file and
// late ones. While it asks the ledger, another binds that file and an older one,
// and is killed before it empties them.
func TestACompactedFileIsBoundAgainOnce(t *testing.T) {
	w := pipetest.New(t)
	for _, n := range []int{40, 40, 20, 20} {
		w.Send(of, records(n, "2026-11-20T06", 900)...)
	}
	w.Load()
	stored := func() (all []int64) {
		for _, size := range w.Objects(w.Archive, "app.access/dt=2026-11-20/hh=06/") {
			if size > 20 {
				all = append(all, size)
			}
		}
		return all
	}
	o := options()
	for _, size := range stored() {
		o.FileSize = max(o.FileSize, 2*size+1000)
	}
	once(w, o) // two files: one of 80 rows, one of 40
	var large int64
	if sizes := stored(); len(sizes) != 2 {
		t.Fatalf("there are %d files, want 2", len(sizes))
	} else {
		large = max(sizes[0], sizes[1])
	}
	for range 2 {
		w.Send(of, records(55, "2026-11-20T06", 900)...)
	}
	w.Load()
	want := rows(w)

	rival, own := options(), options()
	rival.FileSize, own.FileSize = 2*large, 2*large-2
	killed := fault.New(w.Archive, fault.Options{Hook: func(op fault.Op, _ string) fault.Outcome {
		if op == fault.Put {
			return fault.CrashBefore
		}
		return fault.Pass
	}})
	ledger := &asking{Ledger: w.Warehouse, first: func() {
		if _, err := compactor(w, killed, rival).Once(ctx, "", func(int64) {}); !errors.Is(err, fault.ErrCrashed) {
			t.Errorf("the rival ended with %v", err)
		}
	}}
	_, err := compact.New(archive.NewView(w.Archive), w.Manifests, ledger, own).Once(ctx, "", func(int64) {})
	w.Check(err)

	day, err := archive.New(w.Archive).Day(ctx, "app.access", "2026-11-20")
	w.Check(err)
	held := map[string]string{}
	for i := range day.Entries {
		e := &day.Entries[i]
		for _, f := range day.Objects() {
			if e.Compaction == nil || e.Compaction.File.Key != f.Key {
				continue
			}
			for _, s := range e.Compaction.Sources {
				if other, twice := held[s.File.Key]; twice {
					t.Errorf("%s is in %s and in %s", s.File.Key, other, f.Key)
				}
				held[s.File.Key] = f.Key
			}
		}
	}
	if _, err := (&replay.Replayer{Archive: archive.NewView(w.Archive), Manifests: w.Manifests, Warehouse: w.Warehouse}).Run(ctx, replay.Request{
		Type: of, From: pipetest.Arrival.Truncate(24 * 3600e9), To: pipetest.Arrival.Truncate(24 * 3600e9).Add(24 * 3600e9),
	}, func(int64, int64) {}); err != nil {
		t.Error(err)
	}
	if got := rows(w); len(got[of]) != len(want[of]) {
		t.Errorf("after a replay the table has %d rows, it had %d", len(got[of]), len(want[of]))
	}
	check(w, want)
	for key := range held {
		if !strings.HasPrefix(key, "app.access/") {
			t.Error(key)
		}
	}
}
