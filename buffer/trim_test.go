package buffer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/fault"
	memstream "github.com/ikada-io/ikada/stream/mem"
)

// Under load a stream is trimmed now and then. A trim that failed is tried again
// with the next bundle.
func TestFailedTrimIsTriedAgainWithTheNextBundle(t *testing.T) {
	inner := memstream.New(memstream.Options{Shards: 1})
	for i := range 2*trimAfter + 1 {
		fill(t, inner, 0, chunk(i, i))
	}
	var trims atomic.Int32
	s := fault.Wrap(inner, func(op fault.Op, _ int) fault.Outcome {
		if op == fault.Trim && trims.Add(1) == 1 {
			return fault.FailBefore
		}
		return fault.Pass
	})
	drain(t, s, mem.New(), Options{BundleSize: 1}) // every bundle is full
	left, err := inner.Backlog(t.Context(), lanes(t, inner)[0], "")
	if err != nil || left.Messages != 0 || trims.Load() != 3 {
		t.Errorf("%d trims left %+v, %v; want 3, of bundles 4, 5 and 9, and nothing", trims.Load(), left, err)
	}
}

// A full bundle may be the last for now: a stream that is full of what is in it
// takes nothing until it is trimmed.
func TestFullBundlesAreTrimmedInALull(t *testing.T) {
	s := memstream.New(memstream.Options{Shards: 1})
	fill(t, s, 0, chunk(0, 9))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(s, mem.New(), Options{BundleSize: 1, Flush: time.Millisecond}).Run(ctx) }()
	for left, err := (stream.Backlog{Messages: 1}), error(nil); left.Messages > 0; left, err = s.Backlog(t.Context(), lanes(t, s)[0], "") {
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // or for ever: the test's time ends it
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
