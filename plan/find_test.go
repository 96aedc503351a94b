package plan

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/mem"
)

// Plans 5 to 24 take two bundles of a lane each, and one of another lane every
// third time; plans before were in another bucket.
func TestFindTellsWhichPlanHasABundle(t *testing.T) {
	b := mem.New()
	if _, _, err := Find(t.Context(), b, lanes[0], 1); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("without plans: %v", err)
	}
	var done [2]uint64
	for n := uint64(5); n < 25; n++ {
		p := &Plan{Number: n}
		for i, bundles := range []uint64{2, (n + 2) % 3 / 2} {
			for range bundles {
				done[i]++
				p.Inputs = append(p.Inputs, Input{Lane: lanes[i], Ordinal: done[i], Last: ikada.Position(fmt.Sprint(i, done[i]))})
			}
			if done[i] > 0 {
				p.After = append(p.After, Mark{lanes[i], done[i]})
			}
		}
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Create(t.Context(), Key(n), data); err != nil {
			t.Fatal(err)
		}
	}
	for i, last := range done {
		for ordinal := uint64(1); ordinal <= last; ordinal++ {
			in, n, err := Find(t.Context(), b, lanes[i], ordinal)
			if err != nil || in.Ordinal != ordinal || in.Last != ikada.Position(fmt.Sprint(i, ordinal)) {
				t.Fatalf("lane %d, bundle %d: %+v in plan %d, %v", i, ordinal, in, n, err)
			}
			if i == 0 && n != 5+(ordinal-1)/2 {
				t.Errorf("bundle %d is in plan %d", ordinal, n)
			}
		}
		if _, _, err := Find(t.Context(), b, lanes[i], last+1); !errors.Is(err, ikada.ErrNotFound) {
			t.Errorf("lane %d, a bundle that no plan has: %v", i, err)
		}
	}
	if err := b.Delete(t.Context(), Key(15)); err != nil {
		t.Fatal(err)
	}
	if in, n, err := Find(t.Context(), b, lanes[0], 21); err == nil || errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("a bundle whose plan is missing: %+v in plan %d, %v", in, n, err)
	}
	if done[1] < 5 {
		t.Errorf("only %d bundles of the other lane", done[1])
	}
}
