// Package mem is a stream in memory: for tests, and for trials that may lose
// what they hold when the process ends.
package mem

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

// Options of New. The zero value is usable.
type Options struct {
	Name   string // "main"
	Shards int    // 2
	// MaxBytes bounds what all shards hold together; 0 is no limit.
	MaxBytes int64
	Now      func() time.Time // time.Now
}

// Stream is a stream.Stream in memory.
type Stream struct {
	maxBytes int64 // of a shard; 0: no limit
	now      func() time.Time

	mu       sync.Mutex
	appended *sync.Cond // also on Close
	shards   []*shard
	closed   bool
}

type shard struct {
	lane     ikada.Lane
	bytes    int64
	trimmed  uint64 // messages begin behind this sequence number
	messages []message
}

type message struct {
	at   time.Time
	data []byte
}

func (sh *shard) last() uint64 { return sh.trimmed + uint64(len(sh.messages)) }

var _ stream.Stream = (*Stream)(nil)

var errClosed = errors.New("the stream is closed")

// New returns an empty stream.
func New(opts Options) *Stream {
	if opts.Name == "" {
		opts.Name = "main"
	}
	if opts.Shards == 0 {
		opts.Shards = 2
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Stream{maxBytes: opts.MaxBytes / int64(opts.Shards), now: opts.Now}
	s.appended = sync.NewCond(&s.mu)
	for i := range opts.Shards {
		s.shards = append(s.shards, &shard{lane: ikada.Lane{Stream: opts.Name, Incarnation: newIncarnation(), Shard: i}})
	}
	return s
}

func newIncarnation() string { return strings.ToLower(rand.Text()[:8]) }

// Lanes lists one lane a shard.
func (s *Stream) Lanes(context.Context) ([]ikada.Lane, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lanes []ikada.Lane
	for _, sh := range s.shards {
		lanes = append(lanes, sh.lane)
	}
	return lanes, nil
}

// Shards counts the shards.
func (s *Stream) Shards() int { return len(s.shards) }

// Append stores a copy of data.
func (s *Stream) Append(ctx context.Context, i int, data []byte) error {
	if i < 0 || i >= len(s.shards) {
		return fmt.Errorf("append to shard %d of %d: %w", i, len(s.shards), ikada.ErrNotFound)
	}
	if len(data) > stream.MaxMessage {
		return fmt.Errorf("append to shard %d: message of %d bytes is larger than %d", i, len(data), stream.MaxMessage)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append to shard %d: %w", i, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shards[i]
	switch n := int64(len(data)); {
	case s.closed:
		return fmt.Errorf("append to shard %d: %w", i, errClosed)
	case s.maxBytes > 0 && sh.bytes+n > s.maxBytes:
		return fmt.Errorf("append %d bytes to shard %d, which holds %d of %d: %w", n, i, sh.bytes, s.maxBytes, ikada.ErrFull)
	default:
		sh.bytes += n
	}
	sh.messages = append(sh.messages, message{at: s.now(), data: slices.Clone(data)})
	s.appended.Broadcast()
	return nil
}

// Open reads a lane behind a position.
func (s *Stream) Open(_ context.Context, lane ikada.Lane, after ikada.Position) (stream.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, seq, err := s.find(lane, after)
	if err != nil {
		return nil, fmt.Errorf("open lane %s: %w", lane, err)
	}
	return &reader{s: s, sh: sh, lane: lane, last: seq}, nil
}

// Renew gives a shard a new incarnation.
func (s *Stream) Renew(_ context.Context, lane ikada.Lane) (ikada.Lane, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, _, err := s.find(lane, "")
	if err != nil {
		return ikada.Lane{}, fmt.Errorf("renew lane %s: %w", lane, err)
	}
	sh.lane.Incarnation = newIncarnation()
	s.appended.Broadcast() // readers of the old lane end
	return sh.lane, nil
}

// Trim removes a lane's messages up to and including a position.
func (s *Stream) Trim(_ context.Context, lane ikada.Lane, upTo ikada.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, seq, err := s.find(lane, upTo)
	if err != nil {
		return fmt.Errorf("trim lane %s: %w", lane, err)
	}
	for sh.trimmed < seq {
		sh.bytes -= int64(len(sh.messages[0].data))
		sh.messages[0] = message{} // let the bytes go
		sh.messages = sh.messages[1:]
		sh.trimmed++
	}
	return nil
}

// Backlog tells what a lane holds behind a position.
func (s *Stream) Backlog(_ context.Context, lane ikada.Lane, after ikada.Position) (stream.Backlog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, seq, err := s.find(lane, after)
	if err != nil && !errors.Is(err, ikada.ErrTruncated) {
		return stream.Backlog{}, fmt.Errorf("backlog of lane %s: %w", lane, err)
	}
	var b stream.Backlog
	for seq = max(seq, sh.trimmed); seq < sh.last(); seq++ {
		m := sh.messages[seq-sh.trimmed]
		if b.Messages == 0 {
			b.Oldest = m.at
		}
		b.Messages++
		b.Bytes += int64(len(m.data))
	}
	return b, nil
}

// Close wakes those who wait and ends everything.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.appended.Broadcast()
	return nil
}

// find returns a lane's shard and the sequence number of a position in it,
// which may be trimmed but not ahead of the lane's end. s.mu is held.
func (s *Stream) find(lane ikada.Lane, p ikada.Position) (*shard, uint64, error) {
	if s.closed {
		return nil, 0, errClosed
	}
	if lane.Shard < 0 || lane.Shard >= len(s.shards) || s.shards[lane.Shard].lane != lane {
		return nil, 0, fmt.Errorf("not a current lane: %w", ikada.ErrNotFound)
	}
	sh := s.shards[lane.Shard]
	if p == "" {
		return sh, 0, nil
	}
	seq, err := strconv.ParseUint(string(p), 10, 64)
	if err != nil || len(p) != 20 {
		return nil, 0, fmt.Errorf("position %q: want 20 digits", p)
	}
	if seq > sh.last() {
		return sh, seq, fmt.Errorf("the lane ends at %d, before %d: %w", sh.last(), seq, ikada.ErrTruncated)
	}
	return sh, seq, nil
}

type reader struct {
	s    *Stream
	sh   *shard
	lane ikada.Lane
	last uint64
}

// Next waits for the message behind the last one.
func (r *reader) Next(ctx context.Context) (stream.Message, error) {
	stop := context.AfterFunc(ctx, func() {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		r.s.appended.Broadcast()
	})
	defer stop()
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return stream.Message{}, fmt.Errorf("read lane %s: %w", r.lane, ctx.Err())
		case r.s.closed:
			return stream.Message{}, fmt.Errorf("read lane %s: %w", r.lane, errClosed)
		case r.sh.lane != r.lane: // renewed: what comes bears another name now
			return stream.Message{}, fmt.Errorf("read lane %s: not a current lane: %w", r.lane, ikada.ErrNotFound)
		}
		r.last = max(r.last, r.sh.trimmed)
		if r.last < r.sh.last() {
			m := r.sh.messages[r.last-r.sh.trimmed]
			r.last++
			return stream.Message{Position: ikada.Position(fmt.Sprintf("%020d", r.last)), Time: m.at, Data: m.data}, nil
		}
		r.s.appended.Wait()
	}
}

// Close does nothing: a reader holds nothing.
func (r *reader) Close() error { return nil }
