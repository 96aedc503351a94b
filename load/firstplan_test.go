package load_test

import (
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/load"
)

// The very first plan may begin while the stage looks around: one of its
// manifests is there then, and the others come later.
func TestTheFirstPlanBeginsWhileTheStageLooksAround(t *testing.T) {
	w := newWorld(t)
	var begin sync.Once
	w.manifests = fault.New(w.manifests, fault.Options{Hook: func(op fault.Op, _ string) fault.Outcome {
		if op == fault.Folders {
			begin.Do(func() { w.add(1, access, ikada.Hard, `{"h":1}`) })
		}
		return fault.Pass
	}})
	l := w.loader(load.Options{})
	w.check(l.Once(ctx))
	w.plain(1, access, `{"a":1}`)
	w.check(l.Once(ctx))
	w.complete()
}

// With a new buffer bucket, all that was archived is loaded.
func TestWithoutAnyPlanAllIsLoaded(t *testing.T) {
	w := newWorld(t)
	w.plain(1, access, `{"a":1}`)
	w.plain(3, access, `{"a":1}`)
	w.buffer = newWorld(t).buffer
	w.check(w.loader(load.Options{}).Once(ctx))
	w.complete()
}
