// Package forwardclient is a small sender of the Fluentd Forward protocol with
// acks. It packs entries that the caller encoded, keeps several chunks in
// flight, and sends what was not acknowledged again, under the same chunk id,
// over a new connection. For `ikada send`, the demo and load generators.
package forwardclient

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

// Client sends chunks. Its methods are safe for concurrent use.
type Client struct {
	addr     string
	opts     Options
	stop     context.CancelFunc
	compress func([]byte) ([]byte, error)
	done     chan struct{} // closed when run has returned
	wake     chan struct{} // there is something to write

	mu      sync.Mutex
	pending []*chunk // not acknowledged, in order
	changed chan struct{}
	closed  bool
	lastErr error
}

// Options tune a Client. The zero value is usable.
type Options struct {
	// TLS, if set, makes the connection TLS.
	TLS *tls.Config
	// SharedKey, if set, demands the handshake; User and Password go with it.
	SharedKey, User, Password string
	// Hostname is the name shown in the handshake; the server's must be
	// another. Default "ikada-send".
	Hostname string
	// Compress is "" for none, "gzip" or "zstd".
	Compress string
	// InFlight is how many chunks may wait for their ack. Default 8.
	InFlight int
	// AckTimeout is when a missing ack is no longer waited for, and what is
	// pending is sent again over a new connection. Default 1 minute.
	AckTimeout time.Duration
	// RetryFrom and RetryTo bound the back-off between connections. Defaults
	// 100 ms and 10 s.
	RetryFrom, RetryTo time.Duration
	// Acked is called for each chunk that was acknowledged, with the number
	// of its events and the time since it was sent first. It must not call the
	// client. Optional.
	Acked func(events int, after time.Duration)
	// Failed is called for each connection that failed, before the next is
	// tried. It must not call the client. Optional.
	Failed func(err error)
	// Log tells of connections that failed. Optional.
	Log *slog.Logger
}

// chunk is a message that waits for its ack.
type chunk struct {
	id     string
	frame  []byte
	events int
	since  time.Time
	sent   bool // over the present connection
}

var (
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("forward client is closed")
	// ErrHandshake: the server refused the handshake, or makes none.
	ErrHandshake = errors.New("handshake")
)

// Dial connects to a server. Later connections are made as they are needed.
func Dial(ctx context.Context, addr string, opts Options) (*Client, error) {
	opts.Hostname = cmp.Or(opts.Hostname, "ikada-send")
	opts.InFlight = cmp.Or(opts.InFlight, 8)
	opts.AckTimeout = cmp.Or(opts.AckTimeout, time.Minute)
	opts.RetryFrom = cmp.Or(opts.RetryFrom, 100*time.Millisecond)
	opts.RetryTo = max(opts.RetryFrom, cmp.Or(opts.RetryTo, 10*time.Second))
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	compress, err := compressor(opts.Compress)
	if err != nil {
		return nil, err
	}
	c := &Client{
		addr:     addr,
		opts:     opts,
		compress: compress,
		done:     make(chan struct{}),
		wake:     make(chan struct{}, 1),
		changed:  make(chan struct{}),
	}
	first, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	go c.run(running, first)
	return c, nil
}

// Send sends n entries (concatenated msgpack, each [time, record]) as one
// chunk. It waits while too many chunks are in flight and returns when the
// chunk is on its way; Flush tells when it has arrived.
func (c *Client) Send(ctx context.Context, tag string, entries []byte, n int) error {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("send to %s: make a chunk id: %w", c.addr, err)
	}
	// It ends with a newline, as Fluentd's do: an HTTP server that gets a chunk by
	// mistake answers once it has a line, and else waits for one.
	k := &chunk{id: base64.StdEncoding.EncodeToString(id[:]) + "\n", events: n}
	payload, err := c.compress(entries)
	if err != nil {
		return fmt.Errorf("send to %s: %w", c.addr, err)
	}
	k.frame = encode(tag, k.id, payload, n, c.opts.Compress)
	if err := c.await(ctx, func() bool { return len(c.pending) < c.opts.InFlight }, k); err != nil {
		return fmt.Errorf("send to %s: %w", c.addr, err)
	}
	c.signal()
	return nil
}

// Flush waits until everything sent is acknowledged.
func (c *Client) Flush(ctx context.Context) error {
	if err := c.await(ctx, func() bool { return len(c.pending) == 0 }, nil); err != nil {
		return fmt.Errorf("wait for acks of %s: %w", c.addr, err)
	}
	return nil
}

// Close waits until everything sent is acknowledged, or ctx ends, and ends the
// connection.
func (c *Client) Close(ctx context.Context) error {
	err := c.Flush(ctx)
	c.mu.Lock()
	c.closed = true
	c.notify()
	c.mu.Unlock()
	c.stop()
	<-c.done
	return err
}

// await waits for a condition on the pending chunks, and adds k to them then.
func (c *Client) await(ctx context.Context, ok func() bool, k *chunk) error {
	for {
		c.mu.Lock()
		changed, waiting, lastErr := c.changed, len(c.pending), c.lastErr
		switch {
		case c.closed:
			c.mu.Unlock()
			return ErrClosed
		case ok():
			if k != nil {
				k.since = time.Now()
				c.pending = append(c.pending, k)
			}
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			err := fmt.Errorf("%d chunks are not acknowledged: %w", waiting, ctx.Err())
			if lastErr != nil {
				err = fmt.Errorf("%w; the last connection failed: %w", err, lastErr)
			}
			return err
		}
	}
}

// notify wakes those who await. c.mu is held.
func (c *Client) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// unsent returns the next chunk to write, or nil.
func (c *Client) unsent() *chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.pending {
		if !k.sent {
			k.sent = true
			return k
		}
	}
	return nil
}

// acked removes a chunk.
func (c *Client) acked(id string) error {
	c.mu.Lock()
	i := slices.IndexFunc(c.pending, func(k *chunk) bool { return k.id == id && k.sent })
	if i < 0 {
		c.mu.Unlock()
		return fmt.Errorf("ack of %q, which is no chunk in flight", id)
	}
	k := c.pending[i]
	c.pending = slices.Delete(c.pending, i, i+1)
	c.lastErr = nil
	if c.opts.Acked != nil { // before Flush can return
		c.opts.Acked(k.events, time.Since(k.since))
	}
	c.notify()
	c.mu.Unlock()
	return nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(&c.opts))
	defer cancel()
	if c.opts.TLS != nil {
		d := tls.Dialer{Config: c.opts.TLS}
		return d.DialContext(ctx, "tcp", c.addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", c.addr)
}
