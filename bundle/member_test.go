package bundle

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"

	kgzip "github.com/klauspost/compress/gzip"
)

// inflate returns a segment's raw bytes, checked.
func inflate(t testing.TB, e Extent, data []byte) []byte {
	t.Helper()
	compressed := data[e.Offset : e.Offset+e.Length]
	if got := crc32.Checksum(compressed, Castagnoli); got != e.CRC32C {
		t.Fatalf("CRC-32C of the segment at %d is %08x, want %08x", e.Offset, got, e.CRC32C)
	}
	raw, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(compressed), bytes.NewReader(gzipFinal))))
	if err != nil {
		t.Fatalf("inflate the segment at %d: %v", e.Offset, err)
	}
	if got := crc32.ChecksumIEEE(raw); got != e.CRC32 || int64(len(raw)) != e.Raw {
		t.Fatalf("segment at %d inflates to %d bytes with CRC %08x, want %d, %08x", e.Offset, len(raw), got, e.Raw, e.CRC32)
	}
	return raw
}

func gunzipGo(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false) // one member must be all
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("compress/gzip: %v", err)
	}
	return raw
}

func gunzipKlauspost(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := kgzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("klauspost/compress/gzip: %v", err)
	}
	return raw
}

// gunzipPython reads with zlib.
func gunzipPython(t testing.TB, data []byte) []byte {
	t.Helper()
	cmd := exec.Command("python3", "-c", "import sys, zlib; d = zlib.decompressobj(31); "+
		"sys.stdout.buffer.write(d.decompress(sys.stdin.buffer.read())); sys.exit(not d.eof or d.unused_data != b'')")
	cmd.Stdin = bytes.NewReader(data)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3 with zlib: %v", err)
	}
	return raw
}

func gunzipCommand(t testing.TB, data []byte) []byte {
	t.Helper()
	cmd := exec.Command("gzip", "-dc")
	cmd.Stdin = bytes.NewReader(data)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("gzip -dc: %v", err)
	}
	return raw
}

// bind binds the segments that pick names, and returns their raw bytes too.
func bind(t testing.TB, data []byte, x *Index, rows [][]byte, pick []int) (member, raw []byte) {
	t.Helper()
	var m Member
	for _, i := range pick {
		e := x.Segments[i].Extent
		m.Add(e, data[e.Offset:e.Offset+e.Length])
		raw = append(raw, rows[i]...)
	}
	member = bytes.Join(m.Body(), nil)
	if m.Size() != int64(len(member)) || m.Raw() != int64(len(raw)) || m.CRC32C() != crc32.Checksum(member, Castagnoli) {
		t.Fatalf("a member of %d bytes from %d says it has %d from %d, CRC-32C %08x", len(member), len(raw), m.Size(), m.Raw(), m.CRC32C())
	}
	return member, raw
}

func TestBoundSegmentsAreOneGzipMember(t *testing.T) {
	sources, rows := testSources(300)
	data, x := write(t, sources)
	r := rand.New(rand.NewPCG(1, 2))
	mixes := map[string][]int{"none": nil, "one": {5}, "an empty one": {0}, "empty ones": {0, 7, 14}, "empty at the ends": {0, 3, 0, 4, 7}}
	for _, n := range []int{2, 3, 10, 100, 1000} {
		mix := make([]int, n)
		for i := range mix {
			mix[i] = r.IntN(len(rows))
		}
		mixes[string(rune('0'+len(mixes)))] = mix
	}
	for name, mix := range mixes {
		member, raw := bind(t, data, x, rows, mix)
		for reader, gunzip := range map[string]func(testing.TB, []byte) []byte{
			"compress/gzip": gunzipGo, "klauspost": gunzipKlauspost, "the gzip command": gunzipCommand, "zlib": gunzipPython,
		} {
			if !bytes.Equal(gunzip(t, member), raw) {
				t.Errorf("mix %q of %d segments: %s reads other bytes", name, len(mix), reader)
			}
		}
	}
}

func FuzzBoundSegmentsInflate(f *testing.F) {
	f.Add([]byte("first line\n"), []byte(""), []byte("{}\n{}\n"), uint8(3))
	f.Add(bytes.Repeat([]byte("abcabcabd"), 9000), []byte{0}, []byte{0xff, 0xfe}, uint8(200))
	f.Fuzz(func(t *testing.T, a, b, c []byte, order uint8) {
		rows, sources, p := [][]byte{a, b, c}, make([]Source, 3), NewPacker()
		for i, raw := range rows {
			p.Add(&sources[i].Packed, raw, nil)
		}
		data, x := write(t, sources)
		i, j, k := int(order%3), int(order/3%3), int(order/9%3)
		member, raw := bind(t, data, x, rows, []int{i, j, k})
		if !bytes.Equal(gunzipGo(t, member), raw) || !bytes.Equal(gunzipKlauspost(t, member), raw) {
			t.Fatal("reads other bytes")
		}
	})
}

func TestCombinedChecksumsAreThoseOfTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 2, 7, 255, 256, 257, 65_535, 65_536, 1 << 20} {
		a, b := logLines(1, r.IntN(1000)), make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		whole := append(bytes.Clone(a), b...)
		if got, want := CombineCRC32(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(n)), crc32.ChecksumIEEE(whole); got != want {
			t.Errorf("CRC-32, %d bytes: %08x, want %08x", n, got, want)
		}
		got, want := CombineCRC32C(crc32.Checksum(a, Castagnoli), crc32.Checksum(b, Castagnoli), int64(n)), crc32.Checksum(whole, Castagnoli)
		if got != want {
			t.Errorf("CRC-32C, %d bytes: %08x, want %08x", n, got, want)
		}
	}
	// Lengths beyond memory: appending n+m zeros is appending n, then m.
	for range 1000 {
		crc, n, m := r.Uint32(), r.Int64N(1<<50), r.Int64N(1<<50)
		if got, want := CombineCRC32(crc, 0, n+m), CombineCRC32(CombineCRC32(crc, 0, n), 0, m); got != want {
			t.Fatalf("%d + %d zeros: %08x, want %08x", n, m, got, want)
		}
	}
}

func BenchmarkCombineCRC32(b *testing.B) {
	crc := uint32(0x12345678)
	for b.Loop() {
		crc = CombineCRC32(crc, 0x9abcdef0, 131_000)
	}
}
