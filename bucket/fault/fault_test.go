package fault_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/buckettest"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/bucket/mem"
)

func TestContractWhenAllPasses(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return fault.New(mem.New(), fault.Options{}) })
}

func exists(t *testing.T, b bucket.Bucket, key string) bool {
	t.Helper()
	_, err := b.Stat(t.Context(), key)
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestOutcomesOfAWrite(t *testing.T) {
	for _, c := range []struct {
		outcome fault.Outcome
		want    error
		stored  bool
		crashed bool
	}{
		{fault.Pass, nil, true, false},
		{fault.FailBefore, fault.ErrFault, false, false},
		{fault.FailAfter, fault.ErrFault, true, false},
		{fault.CrashBefore, fault.ErrCrashed, false, true},
		{fault.CrashAfter, fault.ErrCrashed, true, true},
	} {
		inner := mem.New()
		b := fault.New(inner, fault.Options{Hook: func(op fault.Op, key string) fault.Outcome {
			if op == fault.Create && key == "a" {
				return c.outcome
			}
			return fault.Pass
		}})
		if err := b.Create(t.Context(), "a"); !errors.Is(err, c.want) {
			t.Errorf("outcome %d: %v, want %v", c.outcome, err, c.want)
		}
		if got := exists(t, inner, "a"); got != c.stored {
			t.Errorf("outcome %d: stored %v, want %v", c.outcome, got, c.stored)
		}
		if err := b.Put(t.Context(), "b"); errors.Is(err, fault.ErrCrashed) != c.crashed || exists(t, inner, "b") == c.crashed {
			t.Errorf("outcome %d: the next write: %v", c.outcome, err)
		}
		if b.Process().Crashed() != c.crashed {
			t.Errorf("outcome %d: crashed %v", c.outcome, !c.crashed)
		}
	}
}

func TestReadsFailToo(t *testing.T) {
	inner := mem.New()
	if err := inner.Create(t.Context(), "a/b", []byte("x")); err != nil {
		t.Fatal(err)
	}
	b := fault.New(inner, fault.Options{Hook: func(fault.Op, string) fault.Outcome { return fault.FailAfter }})
	_, getErr := b.Get(t.Context(), "a/b", 0, -1, nil)
	_, statErr := b.Stat(t.Context(), "a/b")
	for op, err := range map[string]error{"get": getErr, "stat": statErr} {
		if !errors.Is(err, fault.ErrFault) {
			t.Errorf("%s: %v", op, err)
		}
	}
	var got []string
	for info, err := range b.List(t.Context(), "", "") {
		got = append(got, fmt.Sprint(info.Key, errors.Is(err, fault.ErrFault)))
	}
	for name, err := range b.Folders(t.Context(), "") {
		got = append(got, fmt.Sprint(name, errors.Is(err, fault.ErrFault)))
	}
	if want := []string{"a/bfalse", "true", "afalse", "true"}; !slices.Equal(got, want) {
		t.Errorf("listings: %q, want %q", got, want)
	}
}

func TestCorruptedReads(t *testing.T) {
	inner := mem.New()
	if err := inner.Create(t.Context(), "a", []byte{0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	b := fault.New(inner, fault.Options{Corrupt: func(key string, off int64, data []byte) {
		if key == "a" && off == 1 {
			data[0] ^= 1
		}
	}})
	for off, want := range []string{"000000", "0100"} {
		data, err := b.Get(t.Context(), "a", int64(off), -1, nil)
		if got := fmt.Sprintf("%x", data); err != nil || got != want {
			t.Errorf("from %d: %s %v, want %s", off, got, err, want)
		}
	}
	if data, err := inner.Get(t.Context(), "a", 0, -1, nil); err != nil || string(data) != "\x00\x00\x00" {
		t.Errorf("what is stored has changed: %x %v", data, err)
	}
}

// A stage of five writes to two buckets, killed at each of them.
func TestProcessCrashesAtEveryWrite(t *testing.T) {
	stage := func(one, two bucket.Bucket) error {
		for i := range 5 {
			b := []bucket.Bucket{one, two}[i%2]
			if err := b.Create(t.Context(), fmt.Sprint(i)); err != nil && !errors.Is(err, ikada.ErrExists) {
				return err
			}
		}
		return nil
	}
	for _, outcome := range []fault.Outcome{fault.CrashBefore, fault.CrashAfter} {
		runs := 0
		for n := 1; ; n++ {
			inner := mem.New()
			p := fault.NewProcess(n, outcome)
			o := fault.Options{Process: p}
			err := stage(fault.New(inner, o), fault.New(inner, o))
			runs++
			if !p.Crashed() {
				if err != nil || p.Writes() != 5 {
					t.Errorf("a run of %d writes without a crash: %v", p.Writes(), err)
				}
				break
			}
			stored := n
			if outcome == fault.CrashBefore {
				stored = n - 1
			}
			for i := range 5 {
				if exists(t, inner, fmt.Sprint(i)) != (i < stored) {
					t.Errorf("crash %d at write %d: object %d is stored: %v", outcome, n, i, i >= stored)
				}
			}
			if !errors.Is(err, fault.ErrCrashed) || p.Writes() != n {
				t.Errorf("crash %d at write %d: %v after %d writes", outcome, n, err, p.Writes())
			}
			if err := stage(inner, inner); err != nil {
				t.Errorf("recovery: %v", err)
			}
		}
		if runs != 6 {
			t.Errorf("%d runs, want 6", runs)
		}
	}
}
