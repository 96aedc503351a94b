package streamtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

// fill appends messages of 1 MiB to shard 0 until it is full.
func (s *suite) fill() (n int) {
	s.t.Helper()
	data := make([]byte, 1<<20)
	for {
		err := s.Append(s.ctx, 0, data)
		if err != nil {
			s.wantIs(err, ikada.ErrFull, "append to a full shard")
			return n
		}
		if n++; n > MaxBytes>>20 {
			s.t.Fatalf("%d MiB in a stream of %d", n, MaxBytes>>20)
		}
	}
}

func testFull(t *testing.T, s *suite) {
	lane := s.lane(0)
	first := s.fill()
	if first < MaxBytes>>22 {
		t.Fatalf("full after %d MiB of %d in two shards", first, MaxBytes>>20)
	}
	s.wantIs(s.Append(s.ctx, 0, make([]byte, 1<<20)), ikada.ErrFull, "append to a full shard again")
	s.append(1, "the other shard has room")

	r := s.open(lane, "")
	var half, last ikada.Position
	for i := range first {
		last = s.next(r).Position
		if i == first/2 {
			half = last
		}
	}
	s.expectNothing(r) // a refused message is not stored
	s.trim(lane, half)
	if again := s.fill(); again < first/2-1 || again > first/2+1 {
		t.Errorf("half of %d messages was trimmed and %d found room", first, again)
	}
	if m := s.next(r); m.Position <= last || len(m.Data) != 1<<20 {
		t.Errorf("read position %s with %d bytes behind %s", m.Position, len(m.Data), last)
	}
}

func testRenew(t *testing.T, s *suite) {
	s.numbered(1, 5)
	old, other := s.lane(0), s.lane(1)
	reader := s.open(old, "")
	positions := s.expect(reader, 1, 5)
	renewed, err := s.Renew(s.ctx, old)
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Incarnation == old.Incarnation || renewed.Shard != 0 || renewed != s.lane(0) || s.lane(1) != other {
		t.Fatalf("%s was renewed to %s; the lanes are %s and %s", old, renewed, s.lane(0), s.lane(1))
	}
	s.expect(s.open(renewed, ""), 1, 5)

	s.append(0, "6")
	_, err = reader.Next(s.ctx)
	s.wantIs(err, ikada.ErrNotFound, "read on in the old lane")
	_, err = s.Open(s.ctx, old, positions[0])
	s.wantIs(err, ikada.ErrNotFound, "open the old lane")
	_, err = s.Renew(s.ctx, old)
	s.wantIs(err, ikada.ErrNotFound, "renew the old lane")
	s.wantIs(s.Trim(s.ctx, old, positions[4]), ikada.ErrNotFound, "trim the old lane")
	_, err = s.Backlog(s.ctx, old, "")
	s.wantIs(err, ikada.ErrNotFound, "backlog of the old lane")
}

func testTruncated(_ *testing.T, s *suite) {
	s.numbered(1, 3)
	positions := s.expect(s.open(s.lane(0), ""), 1, 3)
	s.append(1, "1")
	_, err := s.Open(s.ctx, s.lane(1), positions[2])
	s.wantIs(err, ikada.ErrTruncated, "open behind the end")
	s.wantIs(s.Trim(s.ctx, s.lane(1), positions[2]), ikada.ErrTruncated, "trim behind the end")
	r := s.open(s.lane(1), "") // and nothing was harmed
	s.expect(r, 1, 1)
}

func testBacklog(t *testing.T, s *suite) {
	lane := s.lane(0)
	want := func(after ikada.Position, messages int64) stream.Backlog {
		t.Helper()
		b, err := s.Backlog(s.ctx, lane, after)
		if err != nil {
			t.Fatal(err)
		}
		if b.Messages != messages || (b.Bytes > 0) != (messages > 0) || b.Oldest.IsZero() != (messages == 0) ||
			messages > 0 && time.Since(b.Oldest).Abs() > 2*patience {
			t.Fatalf("backlog behind %q is %+v, want %d messages", after, b, messages)
		}
		return b
	}
	want("", 0)
	s.numbered(1, 10)
	var ms []stream.Message
	r := s.open(lane, "")
	for range 10 {
		ms = append(ms, s.next(r))
	}
	for i, m := range ms[:9] {
		want(m.Position, int64(9-i))
	}
	want(ms[9].Position, 0)
	want("", 10)
	s.trim(lane, ms[3].Position)
	want("", 6)
	want(ms[1].Position, 6)
	want(ms[3].Position, 6)
	want(ms[4].Position, 5)
	s.trim(lane, ms[9].Position)
	want("", 0)
}

func testForeign(t *testing.T, s *suite) {
	s.numbered(1, 1)
	lane := s.lane(0)
	foreign := lane
	foreign.Shard = 7
	_, err := s.Open(s.ctx, foreign, "")
	s.wantIs(err, ikada.ErrNotFound, "open a shard that is not there")
	foreign = lane
	foreign.Incarnation = "00000000"
	_, err = s.Open(s.ctx, foreign, "")
	s.wantIs(err, ikada.ErrNotFound, "open another incarnation")
	for _, p := range []ikada.Position{"1", "x", "-0000000000000000001", "000000000000000000000000001"} {
		if _, err := s.Open(s.ctx, lane, p); err == nil {
			t.Errorf("position %q was taken", p)
		}
	}
	for _, shard := range []int{-1, 2} {
		if err := s.Append(s.ctx, shard, []byte("x")); err == nil {
			t.Errorf("shard %d took a message", shard)
		}
	}
}

func testCancelledAppend(_ *testing.T, s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	s.wantIs(s.Append(ctx, 0, []byte("given up")), context.Canceled, "append")
	// It may or may not be stored, and the stream goes on.
	s.append(0, "next")
	r := s.open(s.lane(0), "")
	for string(s.next(r).Data) != "next" {
	}
	s.expectNothing(r)
}

func testRestart(t *testing.T, s *suite) {
	s.numbered(1, 100)
	s.append(1, "1", "2")
	lanes := []ikada.Lane{s.lane(0), s.lane(1)}
	before := s.expect(s.open(lanes[0], ""), 1, 100)
	s.trim(lanes[0], before[9])
	for range 3 {
		s.restart()
		if s.lane(0) != lanes[0] || s.lane(1) != lanes[1] {
			t.Fatalf("the lanes %v became %v and %v", lanes, s.lane(0), s.lane(1))
		}
		after := s.expect(s.open(lanes[0], ""), 11, 100)
		if after[0] != before[10] || after[89] != before[99] {
			t.Fatalf("positions %s to %s became %s to %s", before[10], before[99], after[0], after[89])
		}
		s.expect(s.open(lanes[1], ""), 1, 2)
	}
	s.numbered(101, 110)
	s.expect(s.open(lanes[0], before[99]), 101, 110)
}

func testRestartTrimmed(t *testing.T, s *suite) {
	s.numbered(1, 10)
	lane := s.lane(0)
	positions := s.expect(s.open(lane, ""), 1, 10)
	s.trim(lane, positions[9])
	s.restart()
	s.expectNothing(s.open(lane, positions[9])) // and not truncated
	s.restart()
	s.numbered(11, 11)
	if p := s.expect(s.open(lane, positions[9]), 11, 11); p[0] <= positions[9] {
		t.Errorf("position %s follows %s", p[0], positions[9])
	}
}

func testRestartRenewed(t *testing.T, s *suite) {
	s.numbered(1, 5)
	old := s.lane(0)
	renewed, err := s.Renew(s.ctx, old)
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	if s.lane(0) != renewed {
		t.Fatalf("%s, renewed to %s, became %s", old, renewed, s.lane(0))
	}
	s.expect(s.open(renewed, ""), 1, 5)
	if _, err := s.Open(s.ctx, old, ""); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("open the old lane: %v", err)
	}
}

func testRestartFull(_ *testing.T, s *suite) {
	n := s.fill()
	s.restart()
	s.wantIs(s.Append(s.ctx, 0, make([]byte, 1<<20)), ikada.ErrFull, "append to a full shard after a restart")
	r := s.open(s.lane(0), "")
	for range n {
		s.next(r)
	}
}
