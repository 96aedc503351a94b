package streamtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

func testLanes(t *testing.T, s *suite) {
	lanes, err := s.Lanes(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.Shards() != 2 || len(lanes) != 2 {
		t.Fatalf("%d shards and lanes %v, want 2", s.Shards(), lanes)
	}
	for i, lane := range lanes {
		parsed, err := ikada.ParseLane(lane.String())
		if err != nil || parsed != lane || lane.Shard != i {
			t.Errorf("lane %d is %q, read back as %q, error %v", i, lane, parsed, err)
		}
	}
	if lanes[0].Incarnation == lanes[1].Incarnation {
		t.Errorf("both shards have the incarnation %s", lanes[0].Incarnation)
	}
}

func testOrder(t *testing.T, s *suite) {
	began := time.Now()
	s.numbered(1, 50)
	r := s.open(s.lane(0), "")
	var last stream.Message
	for i := 1; i <= 50; i++ {
		m := s.next(r)
		if string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("read %q, want %d", m.Data, i)
		}
		if m.Position <= last.Position || len(last.Position) > 0 && len(m.Position) != len(last.Position) {
			t.Fatalf("position %q does not follow %q as text of the same width", m.Position, last.Position)
		}
		if m.Time.Before(last.Time) || m.Time.Before(began.Add(-time.Minute)) || m.Time.After(time.Now().Add(time.Minute)) {
			t.Fatalf("time %s follows %s", m.Time, last.Time)
		}
		last = m
	}
	s.expectNothing(r)
}

func testSizes(t *testing.T, s *suite) {
	source := rand.NewChaCha8([32]byte{1})
	var want [][]byte
	for _, n := range []int{1, 2, 1000, 32 << 10, 64<<10 + 1, 1 << 20, stream.MaxMessage - 1, stream.MaxMessage, 1} {
		data := make([]byte, n)
		if _, err := source.Read(data); err != nil {
			t.Fatal(err)
		}
		want = append(want, data)
		given := bytes.Clone(data)
		if err := s.Append(s.ctx, 0, given); err != nil {
			t.Fatalf("append %d bytes: %v", n, err)
		}
		clear(given) // data is not kept
	}
	if err := s.Append(s.ctx, 0, make([]byte, stream.MaxMessage+1)); err == nil {
		t.Errorf("a message over the greatest size was taken")
	}
	r := s.open(s.lane(0), "")
	for _, data := range want {
		if m := s.next(r); !bytes.Equal(m.Data, data) {
			t.Fatalf("a message of %d bytes came back changed, with %d", len(data), len(m.Data))
		}
	}
	s.expectNothing(r)
}

// testConcurrentAppenders has appenders of both shards, each of which waits for
// one message before it sends the next, so a shard keeps an appender's order.
func testConcurrentAppenders(t *testing.T, s *suite) {
	const appenders, each = 16, 40
	payload := func(appender, i int) []byte {
		source := rand.New(rand.NewPCG(uint64(appender), uint64(i)))
		data := binary.BigEndian.AppendUint32(nil, uint32(appender))
		data = binary.BigEndian.AppendUint32(data, uint32(i))
		for range source.IntN(2000) {
			data = binary.BigEndian.AppendUint64(data, source.Uint64())
		}
		return data
	}
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for i := range each {
				if err := s.Append(s.ctx, a%2, payload(a, i)); err != nil {
					t.Errorf("append: %v", err)
					return
				}
			}
		})
	}
	var next [appenders]int
	for shard := range 2 { // reading shard 0 overlaps the writing
		r := s.open(s.lane(shard), "")
		for range appenders / 2 * each {
			m := s.next(r)
			a := int(binary.BigEndian.Uint32(m.Data))
			if a >= appenders || a%2 != shard || !bytes.Equal(m.Data, payload(a, next[a])) {
				t.Fatalf("shard %d: message of appender %d is not its number %d", shard, a, next[a])
			}
			next[a]++
		}
		wg.Wait()
		s.expectNothing(r)
	}
}

func testShardsAreApart(_ *testing.T, s *suite) {
	s.append(1, "1", "2")
	s.append(0, "1")
	r0, r1 := s.open(s.lane(0), ""), s.open(s.lane(1), "")
	s.expect(r0, 1, 1)
	s.expect(r1, 1, 2)
	s.expectNothing(r0)
}

func testOpenBehind(_ *testing.T, s *suite) {
	s.numbered(1, 10)
	lane := s.lane(0)
	positions := s.expect(s.open(lane, ""), 1, 10)
	for i, p := range positions[:9] {
		s.expect(s.open(lane, p), i+2, 10)
	}
	r := s.open(lane, positions[9])
	s.expectNothing(r)
	s.numbered(11, 11)
	s.expect(r, 11, 11)
}

func testTrim(_ *testing.T, s *suite) {
	s.numbered(1, 10)
	lane := s.lane(0)
	slow := s.open(lane, "")
	positions := s.expect(s.open(lane, ""), 1, 10)
	s.trim(lane, positions[3])
	s.trim(lane, positions[3])
	s.trim(lane, positions[0])
	s.trim(lane, "")
	s.expect(s.open(lane, ""), 5, 10)
	s.expect(s.open(lane, positions[1]), 5, 10)
	s.expect(s.open(lane, positions[5]), 7, 10)
	s.expect(slow, 5, 10)
}

func testTrimAll(t *testing.T, s *suite) {
	s.numbered(1, 10)
	lane := s.lane(0)
	positions := s.expect(s.open(lane, ""), 1, 10)
	s.trim(lane, positions[9])
	behind := s.open(lane, positions[9])
	s.expectNothing(s.open(lane, ""))
	s.expectNothing(behind)
	s.numbered(11, 12)
	if p := s.expect(behind, 11, 12); p[0] <= positions[9] {
		t.Errorf("position %s follows %s", p[0], positions[9])
	}
	s.expect(s.open(lane, ""), 11, 12)
}

func testDeadline(t *testing.T, s *suite) {
	r := s.open(s.lane(0), "")
	s.expectNothing(r)
	s.numbered(1, 200)
	for i := 1; i <= 200; i++ {
		for wait := 10 * time.Microsecond; ; wait *= 2 { // often ends within the read
			ctx, cancel := context.WithTimeout(s.ctx, wait)
			m, err := r.Next(ctx)
			cancel()
			if err == nil {
				if string(m.Data) != fmt.Sprint(i) {
					t.Fatalf("read %q, want %d", m.Data, i)
				}
				break
			}
			s.wantIs(err, context.DeadlineExceeded, "read with a short deadline")
			if s.ctx.Err() != nil {
				t.Fatal("message", i, "never came")
			}
		}
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := r.Next(ctx)
	s.wantIs(err, context.Canceled, "read with a cancelled context")
}

func testNextWaits(t *testing.T, s *suite) {
	r := s.open(s.lane(0), "")
	for i := 1; i <= 20; i++ {
		read := make(chan error, 1)
		go func() {
			m, err := r.Next(s.ctx)
			if err == nil && string(m.Data) != fmt.Sprint(i) {
				err = fmt.Errorf("read %q, want %d", m.Data, i)
			}
			read <- err
		}()
		if i%2 == 0 {
			time.Sleep(time.Millisecond) // so that some reads wait and some come late
		}
		s.numbered(i, i)
		if err := <-read; err != nil {
			t.Fatal(err)
		}
	}
}

func testTwoReaders(_ *testing.T, s *suite) {
	s.numbered(1, 30)
	a, b := s.open(s.lane(0), ""), s.open(s.lane(0), "")
	s.expect(a, 1, 30)
	s.expect(b, 1, 10)
	if err := a.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.expect(b, 11, 30)
}

func testClose(t *testing.T, s *suite) {
	s.numbered(1, 1)
	r := s.open(s.lane(0), "")
	s.expect(r, 1, 1)
	read := make(chan error, 1)
	go func() {
		_, err := r.Next(s.ctx)
		read <- err
	}()
	time.Sleep(5 * time.Millisecond) // most likely it waits now; either way it must end
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err == nil || s.ctx.Err() != nil {
		t.Errorf("a read of a closed stream ended with %v, the test's context with %v", err, s.ctx.Err())
	}
	if err := s.Append(s.ctx, 0, []byte("2")); err == nil {
		t.Errorf("a closed stream took a message")
	}
	if _, err := r.Next(s.ctx); err == nil {
		t.Errorf("a closed stream gave a message")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
