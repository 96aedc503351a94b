package forward

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/mem"
)

// rig is a server on a port of its own, before a stream in memory.
type rig struct {
	t      *testing.T
	addr   string
	stream stream.Stream
	reader stream.Reader
	server *Server
	log    *bytes.Buffer // read it after stop
	stop   func()
	unread []batch.Part
}

type setup struct {
	opts   Options
	stream stream.Stream
	memory *collect.Memory
}

func start(t *testing.T, s setup) *rig {
	t.Helper()
	r := &rig{t: t, log: new(bytes.Buffer), stream: s.stream}
	if r.stream == nil {
		r.stream = mem.New(mem.Options{Shards: 1})
	}
	if s.memory == nil {
		s.memory = collect.NewMemory(0, 0)
	}
	s.opts.Drain = cmp.Or(s.opts.Drain, 10*time.Second)
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b := collect.NewBatcher(r.stream, slog.New(slog.DiscardHandler), collect.BatcherOptions{RetryTo: 50 * time.Millisecond})
	var err error
	if r.server, err = New(b, s.memory, log, s.opts); err != nil {
		t.Fatal(err)
	}
	ln, udp, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = ln.Addr().String()
	lanes, err := r.stream.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.reader, err = r.stream.Open(t.Context(), lanes[0], ""); err != nil {
		t.Fatal(err)
	}
	serving, stopServer := context.WithCancel(context.Background())
	batching, stopBatcher := context.WithCancel(context.Background())
	served, batched := make(chan error, 1), make(chan error, 1)
	go func() { served <- r.server.Run(serving, ln, udp) }()
	go func() { batched <- b.Run(batching) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stopServer()
		wantCanceled(t, <-served)
		stopBatcher()
		wantCanceled(t, <-batched)
	}
	t.Cleanup(r.stop)
	return r
}

func wantCanceled(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// part waits for the next part in the stream.
func (r *rig) part() batch.Part {
	r.t.Helper()
	if len(r.unread) == 0 {
		ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
		defer cancel()
		m, err := r.reader.Next(ctx)
		if err != nil {
			r.t.Fatalf("wait for a part: %v", err)
		}
		for p, err := range batch.Parts(m.Data) {
			if err != nil {
				r.t.Fatal(err)
			}
			p.Payload = bytes.Clone(p.Payload)
			r.unread = append(r.unread, p)
		}
	}
	p := r.unread[0]
	r.unread = r.unread[1:]
	return p
}

// held tells how much the stream holds.
func (r *rig) held() stream.Backlog {
	r.t.Helper()
	lanes, err := r.stream.Lanes(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := r.stream.Backlog(r.t.Context(), lanes[0], ikada.Position(""))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// dial connects, with a deadline on all that follows.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = nc.Close() })
	return patient(r.t, nc)
}

func patient(t *testing.T, nc net.Conn) net.Conn {
	t.Helper()
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return nc
}

func send(t *testing.T, nc net.Conn, b []byte) {
	t.Helper()
	if _, err := nc.Write(b); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func expect(t *testing.T, nc net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(nc, got); err != nil {
		t.Fatalf("read %q: %v after %q", want, err, got[:n])
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %q, want %q", got, want)
	}
}

// expectEnd reads until the server ends the connection, and returns what it said.
func expectEnd(t *testing.T, nc net.Conn) []byte {
	t.Helper()
	b, err := io.ReadAll(nc)
	if err != nil {
		t.Fatalf("the server did not end the connection in order: %v after %q", err, b)
	}
	return b
}

// unhex decodes hex with spaces, and text in 'quotes'.
func unhex(t testing.TB, s string) (out []byte) {
	t.Helper()
	for i, piece := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, piece...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(piece, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}
