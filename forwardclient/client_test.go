package forwardclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/tinylib/msgp/msgp"
)

// got is a chunk that a server received.
type got struct {
	conn       int
	tag, id    string
	payload    []byte
	size       int
	compressed string
}

// server is a Forward server whose answers a test decides on.
type server struct {
	net.Listener
	mu     sync.Mutex
	chunks []got
}

// serve accepts connections and passes each chunk to answer, which says the ids
// to acknowledge, and whether the connection goes on.
func serve(t *testing.T, answer func(got) (acks []string, goOn bool)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: ln}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for n := 0; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go s.conn(t, nc, n, answer)
		}
	}()
	return s
}

func (s *server) conn(t *testing.T, nc net.Conn, n int, answer func(got) ([]string, bool)) {
	defer func() { _ = nc.Close() }()
	r := msgp.NewReader(nc)
	for {
		g, err := readChunk(r)
		if err != nil {
			return // the client ended it
		}
		g.conn = n
		s.mu.Lock()
		s.chunks = append(s.chunks, g)
		s.mu.Unlock()
		acks, goOn := answer(g)
		for _, id := range acks {
			b := msgp.AppendMapHeader(nil, 1)
			b = msgp.AppendString(b, "ack")
			if _, err := nc.Write(msgp.AppendString(b, id)); err != nil {
				return
			}
		}
		if !goOn {
			return
		}
	}
}

func readChunk(r *msgp.Reader) (g got, err error) {
	if _, err = r.ReadArrayHeader(); err != nil {
		return g, err
	}
	if g.tag, err = r.ReadString(); err != nil {
		return g, err
	}
	if g.payload, err = r.ReadBytes(nil); err != nil {
		return g, err
	}
	options := map[string]any{}
	if err = r.ReadMapStrIntf(options); err != nil {
		return g, err
	}
	g.id, _ = options["chunk"].(string)
	g.compressed, _ = options["compressed"].(string)
	size, _ := options["size"].(int64)
	g.size = int(size)
	return g, nil
}

func (s *server) received() []got {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]got(nil), s.chunks...)
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, s *server, opts Options) *Client {
	t.Helper()
	opts.RetryFrom = time.Millisecond
	opts.RetryTo = 10 * time.Millisecond
	c, err := Dial(soon(t), s.Addr().String(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChunksArriveAsTheyWereSent(t *testing.T) {
	for _, compression := range []string{"", "gzip", "zstd"} {
		s := serve(t, func(g got) ([]string, bool) { return []string{g.id}, true })
		acked := 0
		c := dial(t, s, Options{Compress: compression, Acked: func(n int, _ time.Duration) { acked += n }})
		entries := bytes.Repeat([]byte{0x92, 1, 0x80}, 7)
		if err := c.Send(soon(t), "app.access", entries, 7); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(soon(t)); err != nil {
			t.Fatal(err)
		}
		g := s.received()[0]
		if g.tag != "app.access" || g.size != 7 || g.compressed != compression || len(g.id) != 25 || acked != 7 {
			t.Errorf("got %+v, %d events acked", g, acked)
		}
		if payload := inflated(t, compression, g.payload); !bytes.Equal(payload, entries) {
			t.Errorf("%s: payload %x", compression, payload)
		}
	}
}

func inflated(t *testing.T, compression string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	switch compression {
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = out.ReadFrom(r)
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = out.ReadFrom(r)
	default:
		return b
	}
	return out.Bytes()
}

func TestWhatIsNotAcknowledgedIsSentAgainUnderTheSameId(t *testing.T) {
	// Each connection takes three chunks, acknowledges the first, and breaks.
	var mu sync.Mutex
	seen := map[int]int{}
	s := serve(t, func(g got) ([]string, bool) {
		mu.Lock()
		defer mu.Unlock()
		seen[g.conn]++
		if seen[g.conn] == 1 {
			return []string{g.id}, true
		}
		return nil, seen[g.conn] < 3
	})
	c := dial(t, s, Options{InFlight: 4, AckTimeout: 300 * time.Millisecond})
	for i := range 10 {
		if err := c.Send(soon(t), "app", fmt.Appendf(nil, "%d", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, g := range s.received() {
		if was, ok := ids[string(g.payload)]; ok && was != g.id {
			t.Errorf("chunk %s came as %s and as %s", g.payload, was, g.id)
		}
		ids[string(g.payload)] = g.id
	}
	if len(ids) != 10 || len(s.received()) <= 10 {
		t.Errorf("%d distinct chunks in %d messages; want 10 in more", len(ids), len(s.received()))
	}
}

func TestAMissingAckMakesANewConnection(t *testing.T) {
	s := serve(t, func(g got) ([]string, bool) {
		if g.conn == 0 {
			return nil, true
		}
		return []string{g.id}, true
	})
	c := dial(t, s, Options{AckTimeout: 50 * time.Millisecond})
	if err := c.Send(soon(t), "app", []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(soon(t)); err != nil {
		t.Error(err)
	}
	if n := len(s.received()); n != 2 {
		t.Errorf("sent %d times", n)
	}
}

func TestAWrongAckMakesANewConnection(t *testing.T) {
	s := serve(t, func(g got) ([]string, bool) {
		if g.conn == 0 {
			return []string{"another"}, true
		}
		return []string{g.id}, true
	})
	c := dial(t, s, Options{})
	if err := c.Send(soon(t), "app", []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestSeveralChunksAreInFlightAndNoMore(t *testing.T) {
	s := serve(t, func(got) ([]string, bool) { return nil, true })
	c := dial(t, s, Options{InFlight: 3})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for i := range 3 {
		if err := c.Send(ctx, "app", []byte("x"), 1); err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
	err := c.Send(ctx, "app", []byte("x"), 1)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 chunks are not acknowledged") {
		t.Errorf("a fourth chunk: %v", err)
	}
	if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	if err := c.Send(t.Context(), "app", nil, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}

func TestDialTellsWhatIsWrong(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	if _, err := Dial(soon(t), addr, Options{}); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := Dial(soon(t), addr, Options{Compress: "lz4"}); err == nil || !strings.Contains(err.Error(), `"lz4"`) {
		t.Errorf("unknown compression: %v", err)
	}
	s := serve(t, func(got) ([]string, bool) { return nil, true })
	if _, err := Dial(soon(t), s.Addr().String(), Options{SharedKey: "k", AckTimeout: 50 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "HELO") {
		t.Errorf("a server without handshake: %v", err)
	}
}
