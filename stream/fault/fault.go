// Package fault wraps a stream and makes it fail on purpose, so that tests can
// crash the pipeline before and after any of its steps.
package fault

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

// Op names a method of the stream.
type Op string

const (
	Lanes   Op = "lanes"
	Append  Op = "append"
	Open    Op = "open"
	Next    Op = "next"
	Renew   Op = "renew"
	Trim    Op = "trim"
	Backlog Op = "backlog"
)

// Outcome is what becomes of one call.
type Outcome int

const (
	Pass       Outcome = iota // the call is made
	FailBefore                // ErrFault, and the call is not made
	FailAfter                 // the call is made, and ErrFault returned
	// CrashBefore and CrashAfter are the same with ErrCrashed, which every
	// later call gets too: the process is gone.
	CrashBefore
	CrashAfter
)

var (
	ErrFault   = errors.New("fault on purpose")
	ErrCrashed = errors.New("crashed on purpose")
)

// Hook decides on each call. It is called by many goroutines at once. shard is
// -1 where the call names none.
type Hook func(op Op, shard int) Outcome

// Stream is a stream whose calls fail as its hook says.
type Stream struct {
	inner   stream.Stream
	hook    Hook
	crashed atomic.Bool
}

var _ stream.Stream = (*Stream)(nil)

// Wrap returns a failing stream. Close closes inner, even after a crash.
func Wrap(inner stream.Stream, hook Hook) *Stream {
	return &Stream{inner: inner, hook: hook}
}

// do makes a call as the hook decides. What the call returned reaches the
// caller's variables, but an error of do tells the caller to drop it.
func (s *Stream) do(op Op, shard int, call func() error) error {
	fail := func(err error) error { return fmt.Errorf("%s, shard %d: %w", op, shard, err) }
	if s.crashed.Load() {
		return fail(ErrCrashed)
	}
	outcome := s.hook(op, shard)
	switch outcome {
	case FailBefore:
		return fail(ErrFault)
	case CrashBefore:
		s.crashed.Store(true)
		return fail(ErrCrashed)
	}
	err := call()
	switch {
	case outcome == CrashAfter:
		s.crashed.Store(true)
		return fail(ErrCrashed)
	case s.crashed.Load(): // meanwhile: nobody is there to hear the answer
		return fail(ErrCrashed)
	case outcome == FailAfter && err == nil:
		return fail(ErrFault)
	}
	return err
}

// Crashed reports whether the stream has crashed.
func (s *Stream) Crashed() bool { return s.crashed.Load() }

func (s *Stream) Lanes(ctx context.Context) (lanes []ikada.Lane, err error) {
	err = s.do(Lanes, -1, func() error { lanes, err = s.inner.Lanes(ctx); return err })
	if err != nil {
		return nil, err
	}
	return lanes, nil
}

func (s *Stream) Shards() int { return s.inner.Shards() }

func (s *Stream) Append(ctx context.Context, shard int, data []byte) error {
	return s.do(Append, shard, func() error { return s.inner.Append(ctx, shard, data) })
}

func (s *Stream) Open(ctx context.Context, lane ikada.Lane, after ikada.Position) (stream.Reader, error) {
	var r stream.Reader
	err := s.do(Open, lane.Shard, func() (err error) { r, err = s.inner.Open(ctx, lane, after); return err })
	if err != nil {
		if r != nil {
			err = errors.Join(err, r.Close())
		}
		return nil, err
	}
	return &reader{s: s, shard: lane.Shard, inner: r}, nil
}

func (s *Stream) Renew(ctx context.Context, lane ikada.Lane) (ikada.Lane, error) {
	var renewed ikada.Lane
	err := s.do(Renew, lane.Shard, func() (err error) { renewed, err = s.inner.Renew(ctx, lane); return err })
	if err != nil {
		return ikada.Lane{}, err
	}
	return renewed, nil
}

func (s *Stream) Trim(ctx context.Context, lane ikada.Lane, upTo ikada.Position) error {
	return s.do(Trim, lane.Shard, func() error { return s.inner.Trim(ctx, lane, upTo) })
}

func (s *Stream) Backlog(ctx context.Context, lane ikada.Lane, after ikada.Position) (stream.Backlog, error) {
	var b stream.Backlog
	err := s.do(Backlog, lane.Shard, func() (err error) { b, err = s.inner.Backlog(ctx, lane, after); return err })
	if err != nil {
		return stream.Backlog{}, err
	}
	return b, nil
}

func (s *Stream) Close() error { return s.inner.Close() }

type reader struct {
	s     *Stream
	shard int
	inner stream.Reader
	err   error
}

// Next fails as the contract has it: an error other than ctx's ends the reader.
func (r *reader) Next(ctx context.Context) (stream.Message, error) {
	if r.err != nil {
		return stream.Message{}, r.err
	}
	var msg stream.Message
	err := r.s.do(Next, r.shard, func() (err error) { msg, err = r.inner.Next(ctx); return err })
	if err != nil {
		if ctx.Err() == nil || errors.Is(err, ErrFault) || errors.Is(err, ErrCrashed) {
			r.err = err
		}
		return stream.Message{}, err
	}
	return msg, nil
}

func (r *reader) Close() error { return r.inner.Close() }
