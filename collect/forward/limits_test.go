package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/mem"
)

// packedMessage returns a PackedForward message with a chunk id and one entry of
// about size bytes.
func packedMessage(id string, size int) []byte {
	entry := append(unhexMust("92 01 81 a1'k'"), msgp.AppendString(nil, strings.Repeat("v", size))...)
	b := append(unhexMust("93 a3'app'"), msgp.AppendBytes(nil, entry)...)
	b = append(b, unhexMust("81 a5'chunk'")...)
	return msgp.AppendString(b, id)
}

func unhexMust(s string) []byte { return unhex(new(testing.T), s) }

func ackOf(id string) []byte { return msgp.AppendString(unhexMust("81 a3'ack'"), id) }

func TestWhatCannotBeFramedIsSetAsideAndTheConnectionClosed(t *testing.T) {
	good := "92 a3'app' 91" + entry
	tests := map[string]struct {
		rest   []byte
		reason string
	}{
		"an HTTP request":    {[]byte("GET / HTTP/1.1\r\n\r\n"), "byte 0x47 is no array"},
		"no msgpack":         {unhex(t, "92 a3'app' c1"), "byte 5 of the message: byte 0xc1 is no msgpack"},
		"a huge bin":         {unhex(t, "92 a3'app' c6ffffffff 0102"), "too large"},
		"a huge array":       {unhex(t, "92 a3'app' ddffffffff 0102"), "too large"},
		"many huge arrays":   {append(unhex(t, "92 a3'app'"), bytes.Repeat(unhex(t, "ddffffffff"), 1000)...), "too large"},
		"a map as a message": {unhex(t, "81 a1'k' a1'v'"), "byte 0x81 is no array"},
		"too large in JSON":  {nil, "is no start of a JSON message"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, setup{})
			nc := r.dial()
			first, format := unhex(t, good), batch.Msgpack
			if test.rest == nil {
				first, format, test.rest = []byte(`["app",1,{}]`), batch.JSONEntries, []byte("nonsense")
			}
			send(t, nc, append(first, test.rest...))
			if p := r.part(); p.Format != format {
				t.Errorf("the good message became %d", p.Format)
			}
			p := r.part()
			reason, _, _, raw, err := batch.ParseBad(p.Payload)
			if p.Format != batch.Bad || err != nil || !bytes.Equal(raw, test.rest) || !strings.Contains(reason, test.reason) {
				t.Errorf("format %d, %q, %q, %v; want %q", p.Format, reason, raw, err, test.reason)
			}
			expectEnd(t, nc)
			r.stop()
			if log := r.log.String(); r.server.Counts.Broken.Load() != 1 || !strings.Contains(log, nc.LocalAddr().String()) || !strings.Contains(log, test.reason) {
				t.Errorf("logged %q", log)
			}
		})
	}
}

func TestAMessageBeyondTheMemoryOfOneIsRefused(t *testing.T) {
	r := start(t, setup{memory: collect.NewMemory(4<<20, 1<<20)})
	nc := r.dial()
	go func() { _, _ = nc.Write(packedMessage("id", 2<<20)) }() // ends with an error, as it should
	p := r.part()
	if reason, _, _, _, err := batch.ParseBad(p.Payload); err != nil || !strings.Contains(reason, "too large") {
		t.Errorf("reason %q, %v", reason, err)
	}
	nc = r.dial()
	send(t, nc, packedMessage("id", 900<<10))
	expect(t, nc, ackOf("id"))
}

func TestAChunkThatInflatesBeyondTheMemoryIsSetAside(t *testing.T) {
	r := start(t, setup{memory: collect.NewMemory(4<<20, 1<<20)})
	nc := r.dial()
	send(t, nc, compressed("gzip", gz(t, make([]byte, 2<<20))))
	expect(t, nc, ackOf("id"))
	p := r.part()
	if reason, _, _, _, err := batch.ParseBad(p.Payload); err != nil || !strings.Contains(reason, "too large") {
		t.Errorf("reason %q, %v", reason, err)
	}
}

func TestSlowSendersAreHeardOut(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	all := append(packedMessage("one", 300), packedMessage("two", 70_000)...)
	for len(all) > 0 {
		n := min(len(all), 1+len(all)/20)
		send(t, nc, all[:n])
		all = all[n:]
	}
	expect(t, nc, append(ackOf("one"), ackOf("two")...))
}

func TestASenderThatStallsWithinAMessageIsDropped(t *testing.T) {
	r := start(t, setup{opts: Options{Stall: 20 * time.Millisecond}})
	nc := r.dial()
	send(t, nc, packedMessage("id", 100)[:50])
	expectEnd(t, nc)
	r.stop()
	if !strings.Contains(r.log.String(), "within a message") {
		t.Errorf("logged %q", r.log)
	}
}

func TestAnIdleConnectionGivesItsMemoryBackAndIsClosed(t *testing.T) {
	memory := collect.NewMemory(2<<20, 1<<20)
	r := start(t, setup{memory: memory, opts: Options{Idle: 1500 * time.Millisecond}})
	nc := r.dial()
	send(t, nc, packedMessage("id", 900<<10))
	expect(t, nc, ackOf("id"))
	l := memory.Lease()
	if err := l.Grow(t.Context(), 1<<20); err != nil { // waits for what the connection holds
		t.Fatal(err)
	}
	expectEnd(t, nc)
}

// pump writes until it cannot for a while, and returns how much it could.
func pump(t *testing.T, nc net.Conn, size int) (total int64, ids []string) {
	t.Helper()
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d %s", i, nc.LocalAddr())
		if err := nc.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := nc.Write(packedMessage(id, size))
		total += int64(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return total, ids
		}
		if err != nil || total > 1<<30 {
			t.Fatalf("after %d bytes: %v", total, err)
		}
		ids = append(ids, id)
	}
}

func TestAFullStreamStopsReadingAndLosesNothing(t *testing.T) {
	small := mem.New(mem.Options{Shards: 1, MaxBytes: 4 << 20})
	r := start(t, setup{stream: small})
	nc := r.dial()
	total, ids := pump(t, nc, 100_000)
	// The stream, the batcher's room, one read buffer, and the kernel's
	// buffers at both ends are all there is to fill.
	if limit := int64(4<<20 + collect.RoomPerShard + 2<<20 + 32<<20); total > limit {
		t.Errorf("%d bytes went into a full stream; want less than %d", total, limit)
	}
	lanes, err := small.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, id := range ids {
		want = append(want, ackOf(id)...)
	}
	go func() { // the later stages wake up
		for {
			m, err := r.reader.Next(t.Context())
			if err != nil {
				return
			}
			if small.Trim(t.Context(), lanes[0], m.Position) != nil {
				return
			}
		}
	}()
	expect(t, nc, want)
	if len(ids) == 0 {
		t.Error("nothing was sent")
	}
}

func TestTheMemoryLimitStopsReading(t *testing.T) {
	memory := collect.NewMemory(1<<20, 1<<20)
	all := memory.Lease()
	if err := all.Grow(t.Context(), 1<<20); err != nil {
		t.Fatal(err)
	}
	r := start(t, setup{memory: memory})
	nc := r.dial()
	total, _ := pump(t, nc, 900<<10)
	if total > 32<<20 || r.held().Messages > 0 {
		t.Errorf("%d bytes were read, %d messages stored", total, r.held().Messages)
	}
	all.Release()
	if p := r.part(); len(p.Payload) < 900<<10 {
		t.Errorf("stored %d bytes", len(p.Payload))
	}
}

// gate is a stream that stores nothing until it is opened.
type gate struct {
	stream.Stream
	open  chan struct{}
	tried chan struct{} // gets something for each append
}

func newGate() *gate {
	return &gate{mem.New(mem.Options{Shards: 1}), make(chan struct{}), make(chan struct{}, 100)}
}

func (g *gate) Append(ctx context.Context, shard int, data []byte) error {
	g.tried <- struct{}{}
	select {
	case <-g.open:
		return g.Stream.Append(ctx, shard, data)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestAnAckComesOnlyOnceTheStreamHasTheChunk(t *testing.T) {
	g := newGate()
	r := start(t, setup{stream: g})
	nc := r.dial()
	send(t, nc, packedMessage("one", 10))
	<-g.tried // the chunk is at the stream, which has not stored it
	if err := nc.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := nc.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v before the chunk is stored", n, err)
	}
	close(g.open)
	expect(t, patient(t, nc), ackOf("one"))
}

func TestADrainWaitsForTheMessageThatBeganAndForAcks(t *testing.T) {
	g := newGate()
	r := start(t, setup{stream: g})
	nc, idle := r.dial(), r.dial()
	second := packedMessage("two", 1000)
	send(t, nc, append(packedMessage("one", 10), second[:500]...))
	<-g.tried // the first message was read, and the start of the second with it
	for r.server.Counts.Open.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	expectEnd(t, idle)
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("a draining server accepts connections")
	}
	send(t, nc, second[500:])
	close(g.open)
	if said, want := expectEnd(t, nc), append(ackOf("one"), ackOf("two")...); !bytes.Equal(said, want) {
		t.Errorf("acks %q, want %q", said, want)
	}
	_ = nc.Close()
	<-stopped
	if n := r.server.Counts.Open.Load(); n != 0 {
		t.Errorf("%d connections are open", n)
	}
}

func TestADrainEndsWhenItsTimeIsOver(t *testing.T) {
	g := newGate()
	r := start(t, setup{stream: g, opts: Options{Drain: 50 * time.Millisecond}})
	nc := r.dial()
	send(t, nc, packedMessage("one", 10))
	<-g.tried
	r.stop()
	if said, _ := io.ReadAll(nc); len(said) > 0 {
		t.Errorf("acknowledged %q, which is not stored", said)
	}
}

func TestManyShortConnections(t *testing.T) {
	r := start(t, setup{opts: Options{MaxConns: 8}})
	for i := range 300 {
		nc, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint(i)
		send(t, patient(t, nc), packedMessage(id, 2000))
		expect(t, nc, ackOf(id))
		if err := nc.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	if r.log.Len() > 0 || r.server.Counts.Accepted.Load() != 300 {
		t.Errorf("%d connections, logged %s", r.server.Counts.Accepted.Load(), r.log)
	}
}

func TestAHalfClosedConnectionGetsItsAcks(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	send(t, nc, packedMessage("id", 10))
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if said := expectEnd(t, nc); !bytes.Equal(said, ackOf("id")) {
		t.Errorf("acks %q", said)
	}
}
