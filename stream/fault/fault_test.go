package fault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/fault"
	"github.com/ikada-io/ikada/stream/mem"
	"github.com/ikada-io/ikada/stream/streamtest"
)

func TestWithoutFaultsTheContractHolds(t *testing.T) {
	streamtest.Run(t, func(*testing.T) stream.Stream {
		return fault.Wrap(mem.New(mem.Options{MaxBytes: streamtest.MaxBytes}), func(fault.Op, int) fault.Outcome { return fault.Pass })
	}, nil)
}

// Each case appends once with an outcome and once more without.
func TestOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		outcome       fault.Outcome
		first, second error
		stored        int64
	}{
		"pass":         {fault.Pass, nil, nil, 2},
		"fail before":  {fault.FailBefore, fault.ErrFault, nil, 1},
		"fail after":   {fault.FailAfter, fault.ErrFault, nil, 2},
		"crash before": {fault.CrashBefore, fault.ErrCrashed, fault.ErrCrashed, 0},
		"crash after":  {fault.CrashAfter, fault.ErrCrashed, fault.ErrCrashed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inner := mem.New(mem.Options{})
			calls := 0
			s := fault.Wrap(inner, func(op fault.Op, shard int) fault.Outcome {
				if op != fault.Append || shard != 1 {
					t.Errorf("hook asked about %s, shard %d", op, shard)
				}
				if calls++; calls == 1 {
					return test.outcome
				}
				return fault.Pass
			})
			for i, want := range []error{test.first, test.second} {
				if err := s.Append(t.Context(), 1, []byte("x")); !errors.Is(err, want) {
					t.Errorf("append %d: error %v, want %v", i+1, err, want)
				}
			}
			lanes, err := inner.Lanes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if b, err := inner.Backlog(t.Context(), lanes[1], ""); err != nil || b.Messages != test.stored {
				t.Errorf("%d messages are stored, want %d, error %v", b.Messages, test.stored, err)
			}
			if crashed := errors.Is(test.second, fault.ErrCrashed); s.Crashed() != crashed {
				t.Errorf("crashed is %v, want %v", s.Crashed(), crashed)
			}
		})
	}
}

func TestAFailedReadEndsTheReader(t *testing.T) {
	failing := false
	s := fault.Wrap(mem.New(mem.Options{}), func(op fault.Op, _ int) fault.Outcome {
		if failing && op == fault.Next {
			return fault.FailAfter
		}
		return fault.Pass
	})
	for range 2 {
		if err := s.Append(t.Context(), 0, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	lanes, err := s.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failing = true
	if _, err := r.Next(t.Context()); !errors.Is(err, fault.ErrFault) {
		t.Fatalf("error %v, want %v", err, fault.ErrFault)
	}
	failing = false // the message it dropped must not be passed over
	if _, err := r.Next(t.Context()); !errors.Is(err, fault.ErrFault) {
		t.Fatalf("the reader went on with error %v", err)
	}
	again, err := s.Open(t.Context(), lanes[0], m.Position)
	if err != nil {
		t.Fatal(err)
	}
	if next, err := again.Next(t.Context()); err != nil || next.Position <= m.Position {
		t.Errorf("another reader gave %+v, error %v", next, err)
	}
}

func TestADeadlineDoesNotEndTheReader(t *testing.T) {
	s := fault.Wrap(mem.New(mem.Options{}), func(fault.Op, int) fault.Outcome { return fault.Pass })
	lanes, err := s.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	if err := s.Append(t.Context(), 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if m, err := r.Next(t.Context()); err != nil || string(m.Data) != "x" {
		t.Errorf("read %q, error %v", m.Data, err)
	}
}
