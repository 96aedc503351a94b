package buffer

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
)

// slowReads is a bucket each of whose Gets takes a second, and that notes how
// many there are at a time.
type slowReads struct {
	bucket.Bucket
	now, most, all atomic.Int64
}

func (s *slowReads) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	s.all.Add(1)
	for at := s.now.Add(1); at > s.most.Load(); {
		s.most.Store(at)
	}
	defer s.now.Add(-1)
	// The newest takes longest, so that reads end in another order.
	_, ordinal, err := bundle.ParseKey(key)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(time.Second + time.Duration(ordinal)*time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.Bucket.Get(ctx, key, off, n, buf)
}

// keyed is a record with a dedupe key.
func keyed(position int) Record {
	return at(position, batch.Part{Tag: "t", Format: batch.JSON, Arrival: time.Now().UnixNano(),
		Key: batch.KeyOf("t", fmt.Append(nil, position), nil, 0), Payload: fmt.Appendf(nil, `{"seq":%d}`, position-1)})
}

func TestColdStartReadsIndexesSideBySideAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New()
		warm := NewBatches(b, Options{})
		const bundles = 40
		for i := range bundles {
			takeAll(t, warm, []Record{keyed(i + 1)})
		}
		slow := &slowReads{Bucket: b}
		cold := NewBatches(slow, Options{Parallel: 8})
		start := time.Now()
		newest, found, err := cold.buffer.indexes(t.Context(), kinesisLane, 0)
		if err != nil || newest != bundles || len(found) != bundles {
			t.Fatalf("%d, %d, %v", newest, len(found), err)
		}
		if !slices.IsSortedFunc(found, func(a, b *bundle.Index) int { return int(b.Ordinal) - int(a.Ordinal) }) {
			t.Error("not the newest first")
		}
		if slow.most.Load() != 8 {
			t.Errorf("%d reads at a time", slow.most.Load())
		}
		if took := time.Since(start); took > 6*time.Second { // of synctest's clock: 40 reads would take 40 s
			t.Errorf("took %v", took)
		}
	})
}

// What was read ahead in vain is bounded, and a bundle without a part, which has
// no arrival, does not end the window.
func TestColdStartStopsWhereTheWindowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New()
		warm := NewBatches(b, Options{})
		for i := range 30 {
			takeAll(t, warm, []Record{keyed(i + 1)})
		}
		time.Sleep(2 * time.Hour)
		takeAll(t, warm, []Record{keyed(31)})
		takeAll(t, warm, []Record{at(32)}) // nothing in it
		slow := &slowReads{Bucket: b}
		cold := NewBatches(slow, Options{Parallel: 4})
		_, found, err := cold.buffer.indexes(t.Context(), kinesisLane, 0)
		if err != nil || len(found) != 3 {
			t.Errorf("%d indexes, %v", len(found), err)
		}
		synctest.Wait()
		if n := slow.all.Load(); n > 3+4 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestColdStartReadsLanesSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New()
		for shard := range 12 {
			name := ikada.Lane{Stream: "logs", Incarnation: "abcdefgh", Shard: shard}
			if err := NewBatches(b, Options{}).Take(t.Context(), name, []Record{keyed(1000*shard + 1), keyed(1000*shard + 2)}); err != nil {
				t.Fatal(err)
			}
		}
		slow := &slowReads{Bucket: b}
		cold := NewBatches(slow, Options{Parallel: 6})
		found, err := cold.buffer.readWindows(t.Context())
		if err != nil || len(found) != 12 || slow.most.Load() != 6 {
			t.Errorf("%d lanes, %d at a time, %v", len(found), slow.most.Load(), err)
		}
		// A chunk of any lane is recognised.
		if err := cold.Take(t.Context(), kinesisLane, []Record{keyed(5), at(20_000, keyed(7002).Parts()...)}); err != nil {
			t.Fatal(err)
		}
		if _, dropped := rows(t, b); dropped != 1 {
			t.Errorf("%d dropped", dropped)
		}
	})
}
