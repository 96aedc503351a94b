package forward

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/collect/internal/msgpack"
	"github.com/ikada-io/ikada/stream/mem"
)

// oneShot is a connection that sends some bytes, in pieces of a size, and ends.
type oneShot struct {
	net.Conn
	b     []byte
	piece int
}

func (c *oneShot) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(p[:min(len(p), c.piece)], c.b)
	c.b = c.b[n:]
	return n, nil
}

func (*oneShot) Write(p []byte) (int, error)      { return len(p), nil }
func (*oneShot) Close() error                     { return nil }
func (*oneShot) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*oneShot) SetDeadline(time.Time) error      { return nil }
func (*oneShot) SetReadDeadline(time.Time) error  { return nil }
func (*oneShot) SetWriteDeadline(time.Time) error { return nil }

// serveAll serves one connection and returns the parts that came of it.
func serveAll(t *testing.T, b []byte, piece int) (parts []batch.Part) {
	t.Helper()
	s := mem.New(mem.Options{Shards: 1})
	batcher := collect.NewBatcher(s, slog.New(slog.DiscardHandler), collect.BatcherOptions{InFlight: 1})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- batcher.Run(ctx) }()
	server, err := New(batcher, collect.NewMemory(4<<20, 2<<20), slog.New(slog.DiscardHandler), Options{MaxInflated: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	newConn(server, &oneShot{b: bytes.Clone(b), piece: piece}).serve(t.Context())
	cancel()
	wantCanceled(t, <-done)
	lanes, _ := s.Lanes(t.Context())
	r, err := s.Open(t.Context(), lanes[0], "")
	if err != nil {
		t.Fatal(err)
	}
	backlog, _ := s.Backlog(t.Context(), lanes[0], "")
	for range backlog.Messages {
		m, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range batch.Parts(m.Data) {
			if err != nil {
				t.Fatal(err)
			}
			p.Payload = bytes.Clone(p.Payload)
			parts = append(parts, p)
		}
	}
	return parts
}

// However the bytes of a connection are cut, the same entries come of them.
func FuzzConnection(f *testing.F) {
	for _, s := range []string{
		"93 a3'app' 01 81 a1'k' a1'v'", "92 a3'app' 92" + entry + entryInt, "93 a3'app' b0" + entry + optChunk,
		"94 a3'app' 92 d70000000001 00000002 80 81 a1'k' a1'v'" + optChunk, "c0 c0", "91 05 92 c1", "ddffffffff", "98 a3'app' 05 80 80 91 92 01 02 01 01 01",
	} {
		f.Add(unhex(f, s), uint8(3))
	}
	f.Add(compressed("gzip", gz(f, unhex(f, entry))), uint8(7))
	f.Add(compressed("zstd", zs(f, unhex(f, entry))), uint8(7))
	f.Add([]byte(`["app",1,{"k":"v"},{"chunk":"c"}] ["app",[[1,{}]]]`), uint8(5))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		join := func(parts []batch.Part) (entries, bad []byte) {
			for _, p := range parts {
				if p.Format == batch.Bad {
					_, _, _, raw, err := batch.ParseBad(p.Payload)
					if err != nil {
						t.Fatal(err)
					}
					bad = append(bad, raw...)
					continue
				}
				entries = append(entries, p.Payload...)
			}
			return entries, bad
		}
		whole, bad := join(serveAll(t, b, 1<<20))
		pieces, badPieces := join(serveAll(t, b, int(piece)+1))
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("entries %x at once, %x in pieces of %d", whole, pieces, piece+1)
		}
		if !bytes.HasPrefix(bad, badPieces) {
			t.Fatalf("set aside %x at once, %x in pieces", bad, badPieces)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"93 a3'app' 01 81 a1'k' a1'v'", "93 a3'app' 92" + entry + entryInt + optChunk, "93 a3'app' b0" + entry + optChunk, "92 a3'app' 90"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s framer
		fr, ok, err := s.scan(b, 1<<20)
		if err != nil || !ok {
			return
		}
		if n, err := msgpack.Entry(b); err != nil || n != len(fr.raw) {
			t.Fatalf("frame of %d bytes, the value has %d, %v", len(fr.raw), n, err)
		}
		if fr.raw[0] == heartbeat {
			return
		}
		if m := parse(&fr); m.bad == "" && !bytes.Contains(fr.raw, m.entries) {
			t.Fatal("entries that did not come")
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`["app",1,{"k":"]\""},{"chunk":"c"}]`))
	f.Add([]byte(`["app",[[1,{}],[2,{}]]]`))
	f.Add([]byte(`{"a":[{"b":"\\"}]} `))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s jsonFramer
		n, err := s.scan(b)
		if err != nil || n == 0 {
			return
		}
		m := parseJSON(b[:n])
		if json.Valid(b[:n]) != (json.Valid(b)) && len(bytes.Trim(b[n:], " \t\r\n")) == 0 {
			t.Fatalf("framed %q of %q", b[:n], b)
		}
		if m.bad != "" {
			return
		}
		for line := range bytes.Lines(m.entries) {
			if !json.Valid(line) {
				t.Fatalf("line %q of %q", line, b)
			}
		}
		if m.ack != nil && !json.Valid(m.ack) {
			t.Fatalf("ack %q", m.ack)
		}
	})
}
