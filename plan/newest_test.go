package plan

import (
	"errors"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/mem"
)

func TestNewestPlans(t *testing.T) {
	for name, test := range map[string]struct {
		keys       []string
		newest     uint64
		done       bool
		newestDone uint64
		fails      bool
	}{
		"none":                 {nil, 0, true, 0, false},
		"the first, not done":  {[]string{Key(1)}, 1, false, 0, false},
		"the first, done":      {[]string{Key(1), DoneKey(1)}, 1, true, 1, false},
		"the second, not done": {[]string{Key(1), DoneKey(1), Key(2)}, 2, false, 1, false},
		"amended, not done":    {[]string{Key(9), DoneKey(9), Key(10), AmendKey(10, 1), AmendKey(10, 2)}, 10, false, 9, false},
		"amended, done":        {[]string{Key(9), DoneKey(9), Key(10), AmendKey(10, 1), DoneKey(10)}, 10, true, 10, false},
		"a lost plan":          {[]string{Key(9), DoneKey(9), DoneKey(10)}, 0, false, 10, true},
	} {
		b := mem.New()
		for _, key := range test.keys {
			if err := b.Create(t.Context(), key, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		n, done, err := Newest(t.Context(), b)
		if n != test.newest || done != test.done || (err != nil) != test.fails {
			t.Errorf("%s: Newest = %d, %v, %v", name, n, done, err)
		}
		if n, err := NewestDone(t.Context(), b); n != test.newestDone || err != nil {
			t.Errorf("%s: NewestDone = %d, %v; want %d", name, n, err, test.newestDone)
		}
	}
}

func TestReadRefusesAPlanUnderAnotherNumber(t *testing.T) {
	b := mem.New()
	data, err := testPlan(1, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{12, 13} {
		if err := b.Create(t.Context(), Key(n), data); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := Read(t.Context(), b, 12); err != nil || p.Number != 12 {
		t.Errorf("plan 12: %v", err)
	}
	if _, err := Read(t.Context(), b, 13); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("plan 13: got %v, want ErrCorrupt", err)
	}
	if _, err := Read(t.Context(), b, 14); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("plan 14: got %v, want ErrNotFound", err)
	}
}
