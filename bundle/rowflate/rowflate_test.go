package rowflate_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os/exec"
	"testing"

	kflate "github.com/klauspost/compress/flate"

	"github.com/ikada-io/ikada/bundle/rowflate"
)

// final is an empty last block: what Append wrote has none.
var final = []byte{0x03, 0x00}

// inflate reads with both libraries.
func inflate(t testing.TB, compressed []byte) []byte {
	t.Helper()
	data := append(bytes.Clone(compressed), final...)
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatalf("compress/flate: %v", err)
	}
	again, err := io.ReadAll(kflate.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatalf("klauspost/compress/flate: %v", err)
	}
	if !bytes.Equal(raw, again) {
		t.Fatal("the two libraries read different bytes")
	}
	return raw
}

func TestEveryInputReadsBack(t *testing.T) {
	e := rowflate.New() // used again and again
	check := func(name string, raw []byte) {
		t.Helper()
		prefix := []byte("what is there already")
		compressed := e.Append(bytes.Clone(prefix), raw)
		if !bytes.HasPrefix(compressed, prefix) || !bytes.HasSuffix(compressed, []byte{0, 0, 0xff, 0xff}) {
			t.Errorf("%s: does not begin with what was there, or not end in a sync flush", name)
		}
		if got := inflate(t, compressed[len(prefix):]); !bytes.Equal(got, raw) {
			t.Errorf("%s: %d bytes read back as %d others", name, len(raw), len(got))
		}
		if most := len(raw) + len(raw)/1000 + 20; len(compressed)-len(prefix) > most {
			t.Errorf("%s: %d bytes became %d, more than %d", name, len(raw), len(compressed), most)
		}
		if again := rowflate.New().Append(nil, raw); !bytes.Equal(again, compressed[len(prefix):]) {
			t.Errorf("%s: a new encoder writes other bytes", name)
		}
	}
	for name, raw := range oddities() {
		check(name, raw)
	}
	rows := traffic(10_000)
	for _, size := range []int{500, 5_000, 50_000, 500_000} {
		segments := cut(rows, size)
		for i, raw := range segments[:min(5, len(segments))] {
			check(fmt.Sprintf("segment %d of %d bytes", i, size), raw)
		}
	}
	// Every length, so that a block ends in every way.
	raw := cut(rows, 5_000)[0]
	for n := range 1000 {
		check(fmt.Sprintf("%d bytes of rows", n), raw[:n])
	}
}

// The readers that warehouses use are zlib or its like.
func TestZlibReadsIt(t *testing.T) {
	var all, raw []byte
	e := rowflate.New()
	for _, odd := range oddities() {
		all, raw = e.Append(all, odd), append(raw, odd...)
	}
	for _, segment := range cut(traffic(10_000), 100_000) {
		all, raw = e.Append(all, segment), append(raw, segment...)
	}
	cmd := exec.Command("python3", "-c", "import sys, zlib; d = zlib.decompressobj(-15); "+
		"sys.stdout.buffer.write(d.decompress(sys.stdin.buffer.read()) + d.flush()); sys.exit(not d.eof)")
	cmd.Stdin = bytes.NewReader(append(all, final...))
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v", err)
	}
	if !bytes.Equal(got, raw) {
		t.Fatal("zlib reads other bytes")
	}
}

func TestRowsAreNoLargerThanFromTheLibrary(t *testing.T) {
	e, deflate := rowflate.New(), library()
	rows := traffic(40_000)
	for _, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20} {
		raw, ours, theirs := 0, 0, 0
		for _, segment := range cut(rows, size) {
			raw += len(segment)
			ours += len(e.Append(nil, segment))
			theirs += len(deflate(nil, segment))
		}
		t.Logf("segments of %4d KB: ratio %.2f, of the library %.2f", size>>10, float64(raw)/float64(ours), float64(raw)/float64(theirs))
		if raw == 0 || ours > theirs {
			t.Errorf("segments of %d KB: %d bytes become %d, with the library %d", size>>10, raw, ours, theirs)
		}
	}
	if text := texts(3000); len(e.Append(nil, text)) > len(deflate(nil, text)) {
		t.Error("free text is not left to the library")
	}
}

// library returns what appends raw as the library compresses it.
func library() func(dst, raw []byte) []byte {
	out := new(appender)
	w, _ := kflate.NewWriter(out, 1)
	return func(dst, raw []byte) []byte {
		out.data = dst
		w.Reset(out)
		_, _ = w.Write(raw)
		_ = w.Flush()
		return out.data
	}
}

type appender struct{ data []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.data = append(a.data, p...)
	return len(p), nil
}

func TestNothingIsAllocatedForASegment(t *testing.T) {
	e := rowflate.New()
	segments := cut(traffic(5_000), 50_000)
	out := make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(5, func() {
		for _, raw := range segments {
			out = e.Append(out[:0], raw)
		}
	}); n > 0 || len(segments) == 0 {
		t.Errorf("%v allocations for %d segments", n, len(segments))
	}
}

func FuzzAnyBytesReadBack(f *testing.F) {
	for name, raw := range oddities() {
		if len(raw) < 100_000 {
			f.Add(raw, uint16(len(name)))
		}
	}
	f.Add(cut(traffic(2_000), 3_000)[0], uint16(20))
	e := rowflate.New()
	f.Fuzz(func(t *testing.T, raw []byte, times uint16) {
		for range times % 64 { // what a fuzzer finds is short
			raw = append(raw, raw[:min(len(raw), 4096)]...)
			if len(raw) > 1<<18 {
				break
			}
		}
		if !bytes.Equal(inflate(t, e.Append(nil, raw)), raw) {
			t.Fatal("reads back as other bytes")
		}
	})
}

// BenchmarkAppend has the library beside it, on the same rows.
func BenchmarkAppend(b *testing.B) {
	rows := traffic(100_000)
	for _, size := range []int{16 << 10, 128 << 10, 1 << 20} {
		segments := cut(rows, size)
		raw, n := 0, 0
		for _, s := range segments {
			raw += len(s)
			n += bytes.Count(s, []byte{'\n'})
		}
		run := func(name string, compress func(dst, raw []byte) []byte) {
			b.Run(fmt.Sprintf("%s/%dK", name, size>>10), func(b *testing.B) {
				out := make([]byte, 0, raw)
				b.SetBytes(int64(raw))
				b.ReportAllocs()
				for b.Loop() {
					out = out[:0]
					for _, s := range segments {
						out = compress(out, s)
					}
				}
				b.ReportMetric(float64(raw)/float64(len(out)), "ratio")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
			})
		}
		run("rows", rowflate.New().Append)
		run("library", library())
	}
}
