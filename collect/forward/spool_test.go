package forward

import (
	"bytes"
	"os"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/collect/internal/msgpack"
)

// Fluentd's file buffer makes chunks of up to 256 MiB. A message beyond the
// memory of one arrives whole in each mode, is acknowledged, and those behind it do too.
func TestMessagesBeyondTheMemoryOfOneArrive(t *testing.T) {
	one := append(unhexMust("92 01 81 a1'k'"), msgp.AppendString(nil, string(bytes.Repeat([]byte("v"), 1000)))...)
	const n = 3000
	entries := bytes.Repeat(one, n)
	packed := func(mode string) []byte {
		b := append(unhexMust("93 a3'app'"), msgp.AppendBytes(nil, entries)...)
		if mode == "Forward" {
			b = append(msgp.AppendArrayHeader(unhexMust("93 a3'app'"), n), entries...)
		}
		return append(b, unhexMust("81 a5'chunk' a2'id'")...)
	}
	for name, message := range map[string][]byte{
		"PackedForward":           packed("PackedForward"),
		"Forward":                 packed("Forward"),
		"CompressedPackedForward": compressed("gzip", gz(t, entries)),
	} {
		t.Run(name, func(t *testing.T) {
			memory, dir := collect.NewMemory(4<<20, 1<<20), t.TempDir()
			memory.SpoolIn(dir)
			r := start(t, setup{memory: memory})
			nc := r.dial()
			for range 2 {
				go func() { _, _ = nc.Write(append(bytes.Clone(message), packedMessage("small", 100)...)) }()
				expect(t, nc, append(ackOf("id"), ackOf("small")...))
				got := 0
				for got < n+1 {
					p := r.part()
					if p.Format != batch.Msgpack {
						t.Fatalf("a part of format %d: %.100q", p.Format, p.Payload)
					}
					got += msgpack.Count(p.Payload)
				}
				if left, err := os.ReadDir(dir); got != n+1 || err != nil || len(left) > 0 {
					t.Errorf("%d entries, want %d; left are %v, %v", got, n+1, left, err)
				}
			}
		})
	}
}

// A full disk, say, is no fault of a message, which is neither set aside nor
// acknowledged.
func TestAMessageThatCannotBeSpooledIsNotAcknowledged(t *testing.T) {
	memory := collect.NewMemory(4<<20, 1<<20)
	memory.SpoolIn(t.TempDir() + "/nowhere")
	r := start(t, setup{memory: memory})
	nc := r.dial()
	send(t, nc, compressed("gzip", gz(t, make([]byte, 2<<20))))
	if said := expectEnd(t, nc); len(said) > 0 || r.held().Messages > 0 {
		t.Errorf("it said %q, and the stream holds %+v", said, r.held())
	}
}

// A sender that is wrong about how many events a message has does not mislead.
func TestImpossibleSizesAreNotBelieved(t *testing.T) {
	for size, want := range map[int64]int{1: 1, 2: 2, 1 << 62: 2, 0: 2, -5: 2} {
		b := append(unhexMust("93 a3'app'"), msgp.AppendBytes(nil, unhexMust("9201 80 9202 80"))...)
		b = msgp.AppendInt64(append(b, unhexMust("81 a4'size'")...), size)
		f, ok, err := new(framer).scan(b, 1<<20)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		m := parse(&f)
		if got := m.chunkOf(m.entries).Events; got != want {
			t.Errorf("size %d of two events: %d", size, got)
		}
	}
}
