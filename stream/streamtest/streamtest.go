// Package streamtest is the suite that every adapter of the stream contract
// passes.
package streamtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

// MaxBytes is the disk limit of the streams under test.
const MaxBytes = 48 << 20

// patience bounds every wait of the suite: a hang becomes a failure.
const patience = 60 * time.Second

// Run runs the suite. open returns an empty stream of two shards with a limit of
// MaxBytes; the suite closes it. reopen closes a stream and opens it again on
// what it stored; it is nil for a stream that is not durable.
func Run(t *testing.T, open func(t *testing.T) stream.Stream, reopen func(t *testing.T, s stream.Stream) stream.Stream) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *suite){
		"lanes name the shards":                     testLanes,
		"messages come back in order":               testOrder,
		"sizes from one byte to the greatest":       testSizes,
		"concurrent appenders lose nothing":         testConcurrentAppenders,
		"a shard's messages stay in it":             testShardsAreApart,
		"a reader begins behind a position":         testOpenBehind,
		"a reader begins behind what was trimmed":   testTrim,
		"a lane trimmed whole keeps its positions":  testTrimAll,
		"a read that timed out goes on":             testDeadline,
		"a read waits for an append":                testNextWaits,
		"two readers do not disturb each other":     testTwoReaders,
		"a full stream takes again once trimmed":    testFull,
		"a renewed lane is read again":              testRenew,
		"a position behind the end is truncation":   testTruncated,
		"the backlog counts what waits":             testBacklog,
		"closing ends reads and appends":            testClose,
		"foreign lanes and positions are refused":   testForeign,
		"an append that was given up ends promptly": testCancelledAppend,
	} {
		t.Run(name, func(t *testing.T) { test(t, newSuite(t, open)) })
	}
	if reopen == nil {
		return
	}
	for name, test := range map[string]func(*testing.T, *suite){
		"everything survives a restart":         testRestart,
		"a lane trimmed whole and restarted":    testRestartTrimmed,
		"a renewed lane survives a restart":     testRestartRenewed,
		"a full stream is full after a restart": testRestartFull,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, open)
			s.restart = func() { s.Stream = reopen(t, s.Stream) }
			test(t, s)
		})
	}
}

// suite is a stream under test with helpers that end the test on an error.
type suite struct {
	stream.Stream
	t       *testing.T
	ctx     context.Context
	restart func()
}

func newSuite(t *testing.T, open func(t *testing.T) stream.Stream) *suite {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	s := &suite{Stream: open(t), t: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func (s *suite) lane(shard int) ikada.Lane {
	s.t.Helper()
	lanes, err := s.Lanes(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, lane := range lanes {
		if lane.Shard == shard {
			return lane
		}
	}
	s.t.Fatalf("no lane of shard %d in %v", shard, lanes)
	return ikada.Lane{}
}

func (s *suite) append(shard int, messages ...string) {
	s.t.Helper()
	for _, m := range messages {
		if err := s.Append(s.ctx, shard, []byte(m)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// numbered appends messages "from" to "to" to shard 0.
func (s *suite) numbered(from, to int) {
	s.t.Helper()
	for i := from; i <= to; i++ {
		s.append(0, fmt.Sprint(i))
	}
}

func (s *suite) open(lane ikada.Lane, after ikada.Position) stream.Reader {
	s.t.Helper()
	r, err := s.Open(s.ctx, lane, after)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			s.t.Errorf("close reader: %v", err)
		}
	})
	return r
}

// next returns a copy of the next message.
func (s *suite) next(r stream.Reader) stream.Message {
	s.t.Helper()
	m, err := r.Next(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	m.Data = bytes.Clone(m.Data)
	return m
}

// expect reads messages "from" to "to" and returns their positions.
func (s *suite) expect(r stream.Reader, from, to int) []ikada.Position {
	s.t.Helper()
	var positions []ikada.Position
	for i := from; i <= to; i++ {
		m := s.next(r)
		if string(m.Data) != fmt.Sprint(i) {
			s.t.Fatalf("read %q, want %d", m.Data, i)
		}
		positions = append(positions, m.Position)
	}
	return positions
}

// expectNothing checks that a reader has no message now.
func (s *suite) expectNothing(r stream.Reader) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	if m, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		s.t.Fatalf("read %q and error %v at the end, want the deadline's error", m.Data, err)
	}
}

func (s *suite) trim(lane ikada.Lane, upTo ikada.Position) {
	s.t.Helper()
	if err := s.Trim(s.ctx, lane, upTo); err != nil {
		s.t.Fatal(err)
	}
}

func (s *suite) wantIs(err, target error, doing string) {
	s.t.Helper()
	if !errors.Is(err, target) {
		s.t.Fatalf("%s: error %v, want one that is %q", doing, err, target)
	}
}
