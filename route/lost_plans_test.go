package route

import (
	"strings"
	"sync"
	"testing"

	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/plan"
)

// TestNewBufferBucket loses the buffer bucket, plans and all. What is archived
// stays as it is, and what comes next is archived beside it.
func TestNewBufferBucket(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	w.once(w.router(w.options()))
	before := len(w.archived())
	w.buffer = newMemory()
	w.deliver(laneB, 1, 2)
	w.once(w.router(w.options()))
	w.deliver(laneB, 3, 3)
	w.once(w.router(w.options()))
	w.conserved(nil)
	if after := len(w.archived()); after <= before {
		t.Errorf("%d lines were archived, and are %d", before, after)
	}
	n, done, err := plan.Newest(t.Context(), w.buffer)
	if err != nil || !done || n != 4 {
		t.Errorf("the newest plan is %d, done %t, %v; want 4: number 2 may have begun", n, done, err)
	}
	for key := range w.manifests.objects(t) {
		if strings.Contains(key, "000000000002") {
			t.Errorf("there is %s", key)
		}
	}
}

// TestTwoRoutersBegin has a second router make and execute the first plan while
// the first one looks for manifests of earlier plans. It must not take that
// plan's manifest for one of those, and route the same bundles again.
func TestTwoRoutersBegin(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	var begin sync.Once
	manifests := fault.New(w.manifests, fault.Options{Hook: func(op fault.Op, _ string) fault.Outcome {
		if op == fault.Folders {
			begin.Do(func() { w.once(w.router(w.options())) })
		}
		return fault.Pass
	}})
	w.once(New(w.buffer, w.archive, manifests, w.options()))
	w.conserved(nil)
}
