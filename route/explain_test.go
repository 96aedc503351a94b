package route

import (
	"errors"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/plan"
)

func TestAPlanThatIsNotThereSaysWhichAre(t *testing.T) {
	w := newWorld(t)
	missing := func(n uint64, want string) {
		t.Helper()
		err := w.router(Options{}).Explain(t.Context(), n, &strings.Builder{})
		if !errors.Is(err, ikada.ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("plan %d: got %v, want %q", n, err, want)
		}
	}
	missing(1, "plan 1: not found: nothing was routed yet")
	w.deliver(laneA, 1, 2)
	w.once(w.router(w.options()))
	missing(9999, "plan 9999: not found: the newest is 1")
	w.deliver(laneA, 3, 4)
	w.once(w.router(w.options()))
	w.buffer.remove(t, plan.Key(1))
	missing(1, "though the newest is 2")
}

func TestOneOfAThingIsNoneOfMany(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 1)
	w.once(w.router(w.options()))
	var text strings.Builder
	if err := w.router(Options{}).Explain(t.Context(), 1, &text); err != nil || !strings.Contains(text.String(), "1 bundle:") || !strings.Contains(text.String(), "from 1 segment\n") {
		t.Errorf("got %v\n%s", err, text.String())
	}
}
