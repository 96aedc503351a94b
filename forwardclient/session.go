package forwardclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// session is one connection.
type session struct {
	nc net.Conn
	r  *msgp.Reader
}

// patience is how long a connection may take, and then its handshake: a server
// answers at once. Only acks may take as long as the server's disk.
func patience(o *Options) time.Duration { return min(o.AckTimeout, 5*time.Second) }

// connect dials and shakes hands.
func (c *Client) connect(ctx context.Context) (*session, error) {
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.addr, err)
	}
	s := &session{nc: nc, r: msgp.NewReaderSize(nc, 4096)}
	if c.opts.SharedKey == "" {
		return s, nil
	}
	limited, cancel := context.WithTimeout(ctx, patience(&c.opts))
	defer cancel()
	unblock := context.AfterFunc(limited, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	defer unblock()
	if err := s.handshake(&c.opts); err != nil {
		_ = nc.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect to %s: %w", c.addr, context.Cause(ctx))
		}
		return nil, fmt.Errorf("connect to %s: %w: %w", c.addr, ErrHandshake, err)
	}
	return s, nil
}

// run keeps a connection open and everything pending written to it.
func (c *Client) run(ctx context.Context, s *session) {
	defer close(c.done)
	delay := c.opts.RetryFrom
	for ctx.Err() == nil {
		var err error
		if s == nil {
			s, err = c.connect(ctx)
		}
		if err == nil {
			var acks int
			if acks, err = c.serve(ctx, s); acks > 0 {
				delay = c.opts.RetryFrom
			}
			s = nil
		}
		if ctx.Err() != nil {
			return
		}
		c.failed(err)
		if c.opts.Failed != nil {
			c.opts.Failed(err)
		}
		c.opts.Log.WarnContext(ctx, "connection failed: connecting again, to send what was not acknowledged", "server", c.addr, "error", err, "in", delay)
		wait(ctx, delay)
		delay = min(2*delay, c.opts.RetryTo)
	}
}

// failed makes everything pending unsent again.
func (c *Client) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastErr = err
	for _, k := range c.pending {
		k.sent = false
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// serve writes chunks until the connection fails or ctx ends.
func (c *Client) serve(ctx context.Context, s *session) (acks int, err error) {
	failed := make(chan error, 1)
	go func() {
		n, err := c.readAcks(s)
		acks = n
		failed <- err
	}()
	werr := c.writeChunks(ctx, s, failed)
	_ = s.nc.Close() // ends the reader
	rerr := <-failed
	return acks, errors.Join(werr, rerr)
}

// writeChunks writes what is not yet sent, until the reader fails: its error
// stays in failed.
func (c *Client) writeChunks(ctx context.Context, s *session, failed chan error) error {
	c.signal() // what an earlier connection left
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			failed <- err
			return nil
		case <-c.wake:
		}
		for k := c.unsent(); k != nil; k = c.unsent() {
			// Acks of earlier chunks move this deadline on as well.
			if err := s.nc.SetDeadline(time.Now().Add(c.opts.AckTimeout)); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			if _, err := s.nc.Write(k.frame); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
}

// readAcks reads acks until the connection fails. While nothing is in flight,
// it waits without end.
func (c *Client) readAcks(s *session) (n int, err error) {
	for {
		id, err := readAck(s.r)
		if err != nil {
			return n, fmt.Errorf("read ack: %w", err)
		}
		if err := c.acked(id); err != nil {
			return n, err
		}
		n++
		if err := c.rearm(s); err != nil {
			return n, fmt.Errorf("read ack: %w", err)
		}
	}
}

// rearm sets the time by which the next ack must be here, if one is due.
func (c *Client) rearm(s *session) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.pending {
		if k.sent {
			return s.nc.SetReadDeadline(time.Now().Add(c.opts.AckTimeout))
		}
	}
	return s.nc.SetReadDeadline(time.Time{})
}
