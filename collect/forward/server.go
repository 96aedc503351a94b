// Package forward is the server of the Fluentd Forward protocol (v1.5): what
// td-agent, Fluentd, Fluent Bit and the fluent-logger libraries speak. It
// takes all four modes and the JSON form, compressed by gzip or zstd, over TCP
// or TLS, with the shared-key handshake if a key is set, and it acknowledges a
// chunk when the stream has it on disk and not before.
//
// Messages are framed, not decoded: their entries go into the stream as they
// came. A message that is none is quarantined and the connection goes on; where
// it cannot be told any more where messages begin, it is closed.
package forward

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ikada-io/ikada/collect"
)

// Server serves any number of listeners.
type Server struct {
	batcher *collect.Batcher
	memory  *collect.Memory
	log     *slog.Logger
	opts    Options
	slots   chan struct{} // one for each connection that may be open
	Counts  Counts
}

// Counts are what a server did so far.
type Counts struct {
	Accepted atomic.Int64 // connections
	Open     atomic.Int64 // connections
	Refused  atomic.Int64 // handshakes that failed
	Broken   atomic.Int64 // connections closed for bytes that are no message
	Signals  atomic.Int64 // messages dropped because they are metrics or traces
}

// Options tune a Server. The zero value serves plain TCP without a handshake.
type Options struct {
	// TLS makes every connection TLS.
	TLS *tls.Config
	// SharedKey demands the handshake, Users (name to password) a user of it too.
	SharedKey string
	Users     map[string]string
	// Hostname is the name shown in the handshake. A client refuses a server
	// of its own name, so the default is "ikada." and the machine's name.
	Hostname string
	// MaxConns is how many connections are open at once; further ones wait in
	// the kernel. Default 4,096.
	MaxConns int
	// Idle closes a connection that sends nothing. Default 10 minutes.
	Idle time.Duration
	// Stall closes a connection that stops within a message or a handshake,
	// or does not take its acks. Default 1 minute.
	Stall time.Duration
	// Drain is how long a shutdown waits for messages to be whole and
	// durable. Default 10 s.
	Drain time.Duration
	// MaxInflated bounds what a chunk decompresses to, beside what a message may
	// be. Default collect.MaxSpooled.
	MaxInflated int64
}

// New returns a server.
func New(b *collect.Batcher, m *collect.Memory, log *slog.Logger, opts Options) (*Server, error) {
	if len(opts.Users) > 0 && opts.SharedKey == "" {
		return nil, errors.New("forward: users are set without a shared key: the protocol has user authentication only behind one")
	}
	if opts.Hostname == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("forward: name this server: %w", err)
		}
		opts.Hostname = "ikada." + host
	}
	opts.MaxConns = cmp.Or(opts.MaxConns, 4096)
	opts.Idle = cmp.Or(opts.Idle, 10*time.Minute)
	opts.Stall = cmp.Or(opts.Stall, time.Minute)
	opts.Drain = cmp.Or(opts.Drain, 10*time.Second)
	opts.MaxInflated = cmp.Or(opts.MaxInflated, collect.MaxSpooled)
	return &Server{batcher: b, memory: m, log: log, opts: opts, slots: make(chan struct{}, opts.MaxConns)}, nil
}

// Run serves connections of ln and heartbeats on udp (nil for none) until ctx
// ends, and closes both. Then it drains: connections stop reading at the end
// of a message, get their acks and are closed. It returns when all are.
func (s *Server) Run(ctx context.Context, ln net.Listener, udp net.PacketConn) error {
	stop := context.AfterFunc(ctx, func() {
		_ = ln.Close() // all that closing can tell is that it is closed
		if udp != nil {
			_ = udp.Close()
		}
	})
	defer stop()
	var wg sync.WaitGroup
	if udp != nil {
		wg.Go(func() { s.heartbeats(ctx, udp) })
	}
	err := s.accept(ctx, ln)
	wg.Wait()
	return err
}

// accept serves until ctx ends and all connections are drained.
func (s *Server) accept(ctx context.Context, ln net.Listener) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	conns := newConnSet()
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return s.drain(ctx, conns, cancel)
		}
		nc, err := ln.Accept()
		if err != nil {
			<-s.slots
			if ctx.Err() != nil {
				return s.drain(ctx, conns, cancel)
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("accept Forward connections: %w", err)
			}
			s.log.WarnContext(ctx, "cannot accept a Forward connection: trying again; if files are short, raise the limit (ulimit -n)", "error", err)
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		c := newConn(s, nc)
		conns.add(c)
		s.Counts.Accepted.Add(1)
		s.Counts.Open.Add(1)
		go func() {
			c.serve(work)
			s.Counts.Open.Add(-1)
			<-s.slots
			conns.remove(c)
		}()
	}
}

func (s *Server) drain(ctx context.Context, conns *connSet, cancel func()) error {
	conns.drain(time.Now().Add(s.opts.Drain))
	t := time.AfterFunc(s.opts.Drain, cancel)
	defer t.Stop()
	conns.wg.Wait()
	return ctx.Err()
}

// heartbeats answers every datagram with a zero byte.
func (s *Server) heartbeats(ctx context.Context, pc net.PacketConn) {
	var b [64]byte
	for {
		_, from, err := pc.ReadFrom(b[:])
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, err = pc.WriteTo([]byte{0}, from)
		}
		if err != nil {
			s.log.DebugContext(ctx, "heartbeat failed", "error", err)
			sleep(ctx, 10*time.Millisecond)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Listen listens on an address for connections and, on the same port, for UDP
// heartbeats.
func Listen(ctx context.Context, addr string) (net.Listener, net.PacketConn, error) {
	var lc net.ListenConfig
	for try := 0; ; try++ {
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, fmt.Errorf("listen for Forward connections: %w", err)
		}
		udp, err := lc.ListenPacket(ctx, "udp", ln.Addr().String())
		if err == nil {
			return ln, udp, nil
		}
		_ = ln.Close() // nothing was accepted yet
		_, port, _ := net.SplitHostPort(addr)
		if port != "0" || try == 10 { // of a port that was chosen for us, UDP may be taken
			return nil, nil, fmt.Errorf("listen for Forward heartbeats: %w", err)
		}
	}
}

// connSet is the open connections of one listener.
type connSet struct {
	mu   sync.Mutex
	open map[*conn]struct{}
	wg   sync.WaitGroup
}

func newConnSet() *connSet { return &connSet{open: make(map[*conn]struct{})} }

func (cs *connSet) add(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.wg.Add(1)
	cs.open[c] = struct{}{}
}

func (cs *connSet) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
	cs.wg.Done()
}

func (cs *connSet) drain(by time.Time) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		c.drain(by)
	}
}
