// Package jetstream is the durable stream of one machine: a NATS JetStream
// server inside the process, without a port, that has every message fsynced
// before it acknowledges it.
//
// Each shard is a JetStream stream of its own (IKADA_MAIN_0, IKADA_MAIN_1, …),
// so shards are written and read side by side. What is stored stays until Trim:
// no age limit and no discarding; at the disk limit, and when the disk itself is
// about to be full, Append returns ikada.ErrFull. A position is the sequence number in 20 digits.
//
// Readers keep no state in the server. They fetch by sequence number (direct
// batched gets), so a slow reader, a restart or a lost reply cannot disturb
// the order, and a missing sequence number is noticed. A reader that keeps up
// is handed the messages in memory, once they are acknowledged.
//
// The directory belongs to one process at a time; the caller sees to that.
package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

// Options of Open. The zero value is usable.
type Options struct {
	// Name is the stream's part of lane names, [a-z0-9]{1,16}: "main".
	Name string
	// Shards that Append writes to: the number of CPUs, at least 2 and at
	// most 8. Shards beyond a lowered number are still read.
	Shards int
	// MaxBytes is the disk limit of all shards together: 10 GiB. Each shard
	// has an equal part of it, which must hold two of the largest messages.
	MaxBytes int64
}

func (o *Options) setDefaults() error {
	if o.Name == "" {
		o.Name = "main"
	}
	if o.Shards == 0 {
		o.Shards = min(max(runtime.NumCPU(), 2), 8)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 10 << 30
	}
	if len(o.Name) > 16 || strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return fmt.Errorf("stream name %q: want 1 to 16 characters of [a-z0-9]", o.Name)
	}
	if o.Shards < 0 {
		return fmt.Errorf("%d shards: want at least 1", o.Shards)
	}
	if least := int64(o.Shards) * 2 * stream.MaxMessage; o.MaxBytes < least {
		return fmt.Errorf("disk limit of %d bytes for %d shards: want at least %d", o.MaxBytes, o.Shards, least)
	}
	return nil
}

// Check tells what is wrong with the options.
func (o Options) Check() error { return o.setDefaults() }

const (
	// maxOutstanding bounds the bytes that wait for their acknowledgement: the
	// server refuses what overruns its queues, and every byte is held several times.
	maxOutstanding  = 32 << 20
	messageOverhead = 4 << 10
	// apiTimeout bounds calls whose context has no deadline, among them an
	// Append on a disk that stalls.
	apiTimeout = time.Minute
	// closeTimeout bounds Close.
	closeTimeout = 15 * time.Second
)

// Stream is a stream.Stream on an embedded JetStream server.
type Stream struct {
	name   string
	shards int
	dir    string
	free   func(dir string) (int64, error) // freeSpace, but for tests
	server *server.Server
	// Messages and their acknowledgements go over one connection, reads and
	// administration over the other, so neither waits in the other's queue.
	writeConn, readConn *nats.Conn
	write, admin        jetstream.JetStream
	outstanding         *semaphore.Weighted
	closed              chan struct{}
	closeOnce           sync.Once
	closeErr            error

	// By shard: something was appended; the tail of the reader opened last.
	wake  []*signal
	tails []*atomic.Pointer[tail]

	mu    sync.RWMutex
	lanes []ikada.Lane // by shard
}

var _ stream.Stream = (*Stream)(nil)

// Open starts the server on a directory and recovers what it holds.
func Open(ctx context.Context, dir string, log *slog.Logger, opts Options) (*Stream, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, fmt.Errorf("open stream in %s: %w", dir, err)
	}
	srv, err := startServer(ctx, dir, log)
	if err != nil {
		return nil, fmt.Errorf("open stream in %s: %w", dir, err)
	}
	s := &Stream{
		name: opts.Name, shards: opts.Shards, dir: dir, free: freeSpace, server: srv,
		outstanding: semaphore.NewWeighted(maxOutstanding),
		closed:      make(chan struct{}),
	}
	if err := s.connect(); err != nil {
		return nil, errors.Join(fmt.Errorf("open stream in %s: %w", dir, err), s.Close())
	}
	if err := s.openLanes(ctx, opts.MaxBytes/int64(opts.Shards)); err != nil {
		return nil, errors.Join(fmt.Errorf("open stream in %s: %w", dir, err), s.Close())
	}
	return s, nil
}

func (s *Stream) connect() (err error) {
	if s.writeConn, s.write, err = connect(s.server, "append"); err != nil {
		return err
	}
	s.readConn, s.admin, err = connect(s.server, "read")
	return err
}

// Shards counts the shards that Append writes to.
func (s *Stream) Shards() int { return s.shards }

// Append stores a message and returns when it is fsynced.
func (s *Stream) Append(ctx context.Context, shard int, data []byte) error {
	if shard < 0 || shard >= s.shards {
		return fmt.Errorf("append to stream %s: shard %d of %d: %w", s.name, shard, s.shards, ikada.ErrNotFound)
	}
	if len(data) > stream.MaxMessage {
		return fmt.Errorf("append to shard %d: message of %d bytes is larger than %d", shard, len(data), stream.MaxMessage)
	}
	seq, err := s.store(ctx, shard, data)
	if err != nil {
		return fmt.Errorf("append to shard %d: %w", shard, err)
	}
	if t := s.tails[shard].Load(); t != nil {
		t.offer(ctx, seq, data)
	}
	s.wake[shard].fire()
	return nil
}

// store returns a message's sequence number when it is fsynced.
func (s *Stream) store(ctx context.Context, shard int, data []byte) (uint64, error) {
	// The overhead bounds the number of small messages, which the server limits too.
	weight := int64(len(data)) + messageOverhead
	if err := s.outstanding.Acquire(ctx, weight); err != nil {
		return 0, fmt.Errorf("wait for earlier messages: %w", err)
	}
	defer s.outstanding.Release(weight)
	if err := s.checkSpace(); err != nil {
		return 0, err
	}
	ack, err := s.write.Publish(ctx, subject(s.name, shard), data)
	if err != nil {
		return 0, asFull(err)
	}
	return ack.Sequence, nil
}

// asFull adds ikada.ErrFull to the errors by which the server refuses a
// message for want of space.
func asFull(err error) error {
	const storeFailed = 10077 // with the file store's reason as its text
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == storeFailed && strings.Contains(api.Description, server.ErrMaxBytes.Error()) {
		return fmt.Errorf("%w: %w", ikada.ErrFull, err)
	}
	return err
}

// Trim removes a lane's messages up to and including a position.
func (s *Stream) Trim(ctx context.Context, lane ikada.Lane, upTo ikada.Position) error {
	seq, err := parsePosition(upTo)
	if err != nil {
		return fmt.Errorf("trim lane %s: %w", lane, err)
	}
	str, state, err := s.state(ctx, lane)
	if err != nil {
		return fmt.Errorf("trim lane %s: %w", lane, err)
	}
	switch {
	case seq > state.LastSeq: // JetStream would move its last sequence there
		return fmt.Errorf("trim lane %s, which ends at %d, up to %d: %w", lane, state.LastSeq, seq, ikada.ErrTruncated)
	case state.Msgs == 0 || seq < state.FirstSeq:
		return nil
	}
	if err := str.Purge(ctx, jetstream.WithPurgeSequence(seq+1)); err != nil {
		return fmt.Errorf("trim lane %s up to %d: %w", lane, seq, err)
	}
	return nil
}

// Backlog tells what a lane holds behind a position. Bytes is exact for the
// whole lane and else in proportion to the messages.
func (s *Stream) Backlog(ctx context.Context, lane ikada.Lane, after ikada.Position) (stream.Backlog, error) {
	seq, err := parsePosition(after)
	if err != nil {
		return stream.Backlog{}, fmt.Errorf("backlog of lane %s: %w", lane, err)
	}
	str, state, err := s.state(ctx, lane)
	if err != nil {
		return stream.Backlog{}, fmt.Errorf("backlog of lane %s: %w", lane, err)
	}
	if state.Msgs == 0 || seq >= state.LastSeq {
		return stream.Backlog{}, nil
	}
	if seq < state.FirstSeq {
		return stream.Backlog{Messages: int64(state.Msgs), Bytes: int64(state.Bytes), Oldest: state.FirstTime}, nil
	}
	n := state.LastSeq - seq
	b := stream.Backlog{Messages: int64(n), Bytes: int64(float64(state.Bytes) / float64(state.Msgs) * float64(n))}
	msg, err := str.GetMsg(ctx, seq+1)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound): // trimmed meanwhile, or damaged: its reader tells
	case err != nil:
		return stream.Backlog{}, fmt.Errorf("backlog of lane %s: %w", lane, err)
	default:
		b.Oldest = msg.Time
	}
	return b, nil
}

// Close ends what is in flight and stops the server, within a bounded time.
func (s *Stream) Close() error {
	s.closeOnce.Do(func() {
		close(s.closed)
		for _, nc := range []*nats.Conn{s.writeConn, s.readConn} {
			if nc != nil {
				nc.Close()
			}
		}
		s.closeErr = stopServer(s.server)
	})
	return s.closeErr
}

func (s *Stream) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// position returns a sequence number as text of fixed width.
func position(seq uint64) ikada.Position {
	return ikada.Position(fmt.Sprintf("%020d", seq))
}

// parsePosition is the inverse of position; the empty position is 0.
func parsePosition(p ikada.Position) (uint64, error) {
	if p == "" {
		return 0, nil
	}
	seq, err := strconv.ParseUint(string(p), 10, 64)
	if err != nil || len(p) != 20 {
		return 0, fmt.Errorf("position %q: want 20 digits", p)
	}
	return seq, nil
}
