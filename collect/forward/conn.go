package forward

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
)

// conn is one connection. One goroutine reads messages and puts their entries
// into the batcher, whose room limits how fast it reads; another waits until
// they are durable and answers, in order. So message k+1 is read while message
// k is on its way to the disk.
type conn struct {
	s      *Server
	nc     net.Conn
	origin string
	lease  *collect.Lease
	buf    *collect.Buffer
	acks   chan answer
	single singles
	cancel context.CancelFunc

	mu      sync.Mutex
	drainBy time.Time // zero: not draining
}

// answer is what is owed to the sender: ack once receipt is good.
type answer struct {
	receipt collect.Receipt
	ack     []byte // nil: nothing is said
}

// outstanding is how many messages may be on their way to the disk.
const outstanding = 256

func newConn(s *Server, nc net.Conn) *conn {
	if s.opts.TLS != nil {
		nc = tls.Server(nc, s.opts.TLS)
	}
	lease := s.memory.Lease()
	return &conn{
		s:      s,
		nc:     nc,
		origin: "forward " + nc.RemoteAddr().String(),
		lease:  lease,
		buf:    collect.NewBuffer(lease),
		acks:   make(chan answer, outstanding),
	}
}

// Reasons to stop reading that are no failures.
var (
	errDraining = errors.New("shutting down")
	errIdle     = errors.New("idle")
	errEnded    = errors.New("ended by the sender")
)

// serve reads until the connection ends, waits until all that was read is
// durable and acknowledged, and closes the connection.
func (c *conn) serve(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	unblock := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(time.Unix(1, 0)) })
	defer unblock()

	answered := make(chan error, 1)
	go func() { answered <- c.answer(ctx) }()
	err := c.read(ctx)
	close(c.acks)
	c.buf.Free()
	c.lease.Release()
	c.report(ctx, cmp.Or(<-answered, err))
	c.close(errors.Is(err, errDraining) || errors.Is(err, errRefused))
}

func (c *conn) report(ctx context.Context, err error) {
	log := c.s.log.With("from", c.origin)
	switch {
	case errors.Is(err, errEnded), errors.Is(err, errDraining), errors.Is(err, errIdle):
		log.DebugContext(ctx, "connection ended", "why", err)
	case errors.Is(err, errBroken):
		c.s.Counts.Broken.Add(1)
		log.WarnContext(ctx, "closed a Forward connection: what came is no message; the messages before it are kept, the start of the rest is quarantined", "error", err)
	case errors.Is(err, errRefused):
		c.s.Counts.Refused.Add(1)
		log.WarnContext(ctx, "refused a Forward connection: check the shared key, user and password of the sender", "error", err)
	default:
		log.WarnContext(ctx, "a Forward connection failed: what was not acknowledged, the sender sends again if it asks for acks", "error", err)
	}
}

// answer acknowledges chunks once they are durable, in the order they came. If
// it cannot, nothing more is read.
func (c *conn) answer(ctx context.Context) error {
	var out []byte
	var failed error
	for a := range c.acks {
		if failed != nil {
			continue
		}
		if len(out) > 0 && !a.receipt.Done() {
			failed = c.write(out)
			out = out[:0]
		}
		if failed == nil {
			failed = a.receipt.Wait(ctx)
		}
		if failed == nil {
			out = append(out, a.ack...)
		}
		if failed == nil && len(out) > 0 && (len(c.acks) == 0 || len(out) > 4096) {
			failed = c.write(out)
			out = out[:0]
		}
		if failed != nil {
			c.cancel()
		}
	}
	if failed == nil && len(out) > 0 {
		failed = c.write(out)
	}
	return failed
}

func (c *conn) write(b []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.s.opts.Stall)); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	if _, err := c.nc.Write(b); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// put hands a chunk to the batcher and its receipt to answer.
func (c *conn) put(ctx context.Context, chunk *collect.Chunk, ack []byte) error {
	var receipt collect.Receipt
	if len(chunk.Payload) > 0 {
		var err error
		chunk.Origin = c.origin
		if receipt, err = c.s.batcher.Put(ctx, chunk); err != nil {
			return err
		}
	}
	return c.owe(ctx, answer{receipt, ack})
}

func (c *conn) owe(ctx context.Context, a answer) error {
	select {
	case c.acks <- a:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quarantine puts bytes that are no message. Their id is fixed, so that the
// same bytes, sent again and again, are set aside once.
func (c *conn) quarantine(ctx context.Context, m *message, raw []byte, reason string) error {
	id := m.chunk
	if len(id) == 0 {
		id = []byte("broken")
	}
	return c.put(ctx, &collect.Chunk{Tag: string(m.tag), ID: id, Format: batch.Bad, Payload: raw, Reason: reason}, m.ack)
}

// drain makes the connection stop at the end of a message, or at a time.
func (c *conn) drain(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drainBy = by
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes a read; fill looks why
}

// fill reads more bytes into the buffer. Between messages a connection may
// idle, and then it gives its memory back; within one it may not stall.
func (c *conn) fill(ctx context.Context) error {
	if err := c.buf.Grow(ctx); err != nil {
		return err
	}
	for since := time.Now(); ; {
		wait := c.s.opts.Stall
		if c.buf.Len() == 0 {
			wait = c.s.opts.Idle
			if c.buf.Large() {
				wait = min(wait, calm)
			}
		}
		if err := c.arm(ctx, wait); err != nil {
			return err
		}
		n, err := c.buf.Read(c.nc)
		switch {
		case n > 0:
			return nil
		case err == nil:
			continue
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return c.ended(err)
		case ctx.Err() != nil:
			return fmt.Errorf("read: %w", context.Cause(ctx))
		case c.buf.Len() == 0 && time.Since(since) >= c.s.opts.Idle:
			return errIdle
		case c.buf.Len() > 0 && !c.draining() && time.Since(since) >= c.s.opts.Stall:
			return fmt.Errorf("read: nothing came for %s within a message", c.s.opts.Stall)
		case c.buf.Len() == 0 && c.buf.Large():
			c.buf.Free()
			if err := c.buf.Grow(ctx); err != nil {
				return err
			}
		}
	}
}

// calm is how long a connection keeps a large buffer while nothing comes.
const calm = time.Second

// arm sets the read deadline, or tells that a drain wants no more.
func (c *conn) arm(ctx context.Context, wait time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := time.Now().Add(wait)
	if !c.drainBy.IsZero() {
		if c.buf.Len() == 0 || !time.Now().Before(c.drainBy) {
			return errDraining
		}
		deadline = c.drainBy
	}
	if err := c.nc.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if ctx.Err() != nil { // looked at after the deadline is set, so no cancellation is missed
		return fmt.Errorf("read: %w", context.Cause(ctx))
	}
	return nil
}

func (c *conn) draining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.drainBy.IsZero()
}

// ended explains a read error.
func (c *conn) ended(err error) error {
	if c.buf.Len() > 0 {
		return fmt.Errorf("read: connection ended within a message, whose first %d bytes are not kept: %w", c.buf.Len(), err)
	}
	return fmt.Errorf("%w: %w", errEnded, err)
}

// close closes the connection. A close while the sender still sends would
// reset it, and acks on their way would be lost; so where the end is ours the
// sender is told, and read a little longer for nothing.
func (c *conn) close(tell bool) {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && tell && half.CloseWrite() == nil {
		_ = c.nc.SetReadDeadline(time.Now().Add(lastWords))
		_, _ = io.Copy(io.Discard, io.LimitReader(c.nc, 16<<20))
	}
	_ = c.nc.Close()
}

// lastWords is how long a sender has to take note of our end.
const lastWords = 500 * time.Millisecond
