package forward

import (
	"context"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/stream"
)

// discard is a stream that takes everything and keeps nothing, so that the
// figures are those of collect.
type discard struct{ stream.Stream }

func (discard) Shards() int                               { return 4 }
func (discard) Append(context.Context, int, []byte) error { return nil }

// benchEntries returns n entries of about 230 bytes and 12 fields.
func benchEntries(n int) (out []byte) {
	for i := range n {
		out = append(out, 0x92, 0xd7, 0, 0, 0, 0, 1, 0, 0, 0, byte(i))
		out = msgp.AppendMapHeader(out, 12)
		for f := range 12 {
			out = msgp.AppendString(out, "field_name"[:5+f%5])
			out = msgp.AppendString(out, "some value of a length"[:5+f%15])
		}
	}
	return out
}

func BenchmarkSocketToStream(b *testing.B) {
	const events = 1000
	entries := benchEntries(events)
	packed := msgp.AppendBytes(unhexMust("93 a3'app'"), entries)
	forward := append(append(unhexMust("93 a3'app'"), msgp.AppendArrayHeader(nil, events)...), entries...)
	option := unhexMust("82 a5'chunk' a2'id' a4'size' cd03e8")
	for name, message := range map[string][]byte{
		"packed":  append(packed, option...),
		"forward": append(forward, option...),
	} {
		b.Run(name, func(b *testing.B) {
			batcher := collect.NewBatcher(discard{}, slog.New(slog.DiscardHandler), collect.BatcherOptions{})
			server, err := New(batcher, collect.NewMemory(0, 0), slog.New(slog.DiscardHandler), Options{})
			if err != nil {
				b.Fatal(err)
			}
			ln, udp, err := Listen(b.Context(), "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			go func() { _ = batcher.Run(ctx) }()
			go func() { _ = server.Run(ctx, ln, udp) }()
			nc, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = nc.Close() }()
			b.SetBytes(int64(len(message)))
			before := cpuSeconds(b)
			b.ResetTimer()
			go func() {
				for range b.N {
					if _, err := nc.Write(message); err != nil {
						return
					}
				}
			}()
			if _, err := io.CopyN(io.Discard, nc, int64(b.N*len(ackOf("id")))); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			// The writing half of the socket is this process's too.
			b.ReportMetric((cpuSeconds(b)-before)/float64(b.N*events)*1e6, "cpu-s/Mevents")
			b.ReportMetric(float64(len(entries))/events, "B/event")
		})
	}
}

func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
