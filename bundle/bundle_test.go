package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

var testLane = ikada.Lane{Stream: "main", Incarnation: "k3j9x2ab", Shard: 3}

// logLines returns about n bytes of log, different for each seed.
func logLines(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"_id":"%012d","path":"/api/v1/items/%d","status":%d,"agent":"Mozilla/5.0","msg":"注文を受け付けました"}`+"\n",
			b.Len(), r.IntN(10000), 200+r.IntN(5))
	}
	return b.Bytes()
}

// testSources returns n sources of mixed sizes, some of them empty, and their
// rows.
func testSources(n int) (sources []Source, rows [][]byte) {
	sources, rows = make([]Source, n), make([][]byte, n)
	p := NewPacker()
	for i := range sources {
		raw := logLines(uint64(i), i%7*4000)
		sources[i] = Source{
			SegmentKey: SegmentKey{ikada.LogType(fmt.Sprintf("app.%d", i%30)), ikada.Hour(490000 + i/30), ikada.Class(i % 2)},
			Stats:      Stats{Rows: int64(bytes.Count(raw, []byte("\n"))), First: int64(i), Last: int64(i * 2)},
		}
		rows[i] = raw
		for piece := raw; i == 0 || len(piece) > 0; {
			n := min(len(piece), 10_000) // some have several
			p.Add(&sources[i].Packed, piece[:n], nil)
			if piece = piece[n:]; n == 0 {
				break
			}
		}
		for f := range 14 {
			sources[i].Fields = append(sources[i].Fields, ikada.Field{
				Name: fmt.Sprintf("field_%d", (i+f)%20), Kinds: ikada.KindInt | ikada.KindNull,
				MaxBytes: uint32(f * 1000), Rows: uint64(i), Nulls: uint64(f),
			})
		}
	}
	return sources, rows
}

func testHead() Head {
	return Head{
		Lane: testLane, Ordinal: 42, First: "0000000000000007", Last: "0000000000000009", Previous: "0000000000000006",
		Keys: []batch.Key{{1, 2}, {3}}, Dropped: []TypeCount{{"app.0", 3}, {"only.dropped", 1}},
		FirstArrival: 1e18, LastArrival: 1e18 + 5, Created: 1e18 + 9,
	}
}

func write(t testing.TB, sources []Source) ([]byte, *Index) {
	t.Helper()
	body, x, err := Write(testHead(), sources)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Join(body, nil), x
}

func TestABundleReadsBackAsItWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100, 1000} {
		sources, rows := testSources(n)
		data, wrote := write(t, sources)
		if wrote.Size != int64(len(data)) {
			t.Errorf("%d segments: Size is %d, the object has %d bytes", n, wrote.Size, len(data))
		}
		read, err := Parse(data)
		if err != nil {
			t.Fatalf("%d segments: %v", n, err)
		}
		if !reflect.DeepEqual(read, wrote) {
			t.Errorf("%d segments: read %+v, wrote %+v", n, read, wrote)
		}
		for i, s := range read.Segments {
			if got := inflate(t, s.Extent, data); !bytes.Equal(got, rows[i]) {
				t.Fatalf("segment %d of %d reads back as other bytes", i, n)
			}
		}
	}
}

func TestAPackerUsesItsMemoryAgain(t *testing.T) {
	p := NewPacker()
	random := make([]byte, 3<<20) // what cannot be compressed finds memory elsewhere
	for i, r := 0, rand.New(rand.NewPCG(5, 6)); i < len(random); i++ {
		random[i] = byte(r.Uint32())
	}
	inputs := [][]byte{logLines(1, 100_000), {}, random, logLines(2, 2<<20), random[:1000], logLines(3, 10)}
	var want [][]byte
	for round := range 3 {
		packed := make([]Packed, len(inputs))
		for i, raw := range inputs {
			p.Add(&packed[i], raw, nil)
			p.Add(&packed[i], inputs[0], nil) // a second piece
		}
		for i, raw := range inputs {
			data := bytes.Join(packed[i].Pieces, nil)
			if !bytes.Equal(inflate(t, packed[i].Extent, data), append(bytes.Clone(raw), inputs[0]...)) {
				t.Fatalf("round %d: input %d inflates to other bytes", round, i)
			}
			if round == 0 {
				want = append(want, data)
			} else if !bytes.Equal(data, want[i]) {
				t.Fatalf("round %d: input %d gives other bytes than before", round, i)
			}
		}
		p.Reset()
	}
	if len(p.blocks) > 5 {
		t.Errorf("the packer has taken %d blocks", len(p.blocks))
	}
}

func TestAnyFlippedBitOfIndexOrFooterIsFound(t *testing.T) {
	sources, _ := testSources(3)
	data, x := write(t, sources)
	end := x.Segments[2].Offset + x.Segments[2].Length
	for i := end; i < int64(len(data)); i++ {
		bad := slices.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if _, err := Parse(bad); !errors.Is(err, ikada.ErrCorrupt) {
			t.Fatalf("byte %d of %d: got %v, want ErrCorrupt", i, len(data), err)
		}
	}
	for _, n := range []int{0, 1, footerSize - 1, footerSize, len(data) - 1} {
		if _, err := Parse(data[:n]); !errors.Is(err, ikada.ErrCorrupt) {
			t.Errorf("cut to %d bytes: got %v, want ErrCorrupt", n, err)
		}
		if _, err := Parse(data[len(data)-n:]); !errors.Is(err, ikada.ErrCorrupt) {
			t.Errorf("last %d bytes: got %v, want ErrCorrupt", n, err)
		}
	}
}

func TestKeysSortNewestFirst(t *testing.T) {
	ordinals := []uint64{999_999_999_999, 1_000_000, 999_999, 10, 9, 2, 1}
	var keys []string
	for _, n := range ordinals {
		key := Key(testLane, n)
		keys = append(keys, key)
		lane, got, err := ParseKey(key)
		if err != nil || lane != testLane || got != n {
			t.Errorf("ParseKey(%q) = %v, %d, %v", key, lane, got, err)
		}
	}
	if !slices.IsSorted(keys) {
		t.Errorf("not sorted: %q", keys)
	}
	if want := "lanes/main-k3j9x2ab-3/999999999957.bundle"; Key(testLane, 42) != want {
		t.Errorf("got %q, want %q", Key(testLane, 42), want)
	}
}

func TestParseKeyRefusesOtherKeys(t *testing.T) {
	for _, key := range []string{
		"", "lanes/", "lanes/main-k3j9x2ab-3/", "lanes/main-k3j9x2ab-3/99999999957.bundle", "lanes/main-k3j9x2ab-3/999999999957",
		"lanes/main-k3j9x2ab/999999999957.bundle", "plans/main-k3j9x2ab-3/999999999957.bundle", "lanes/main-k3j9x2ab-3/+99999999957.bundle",
		"lanes/main-k3j9x2ab-3/x/999999999957.bundle",
	} {
		if _, _, err := ParseKey(key); err == nil {
			t.Errorf("ParseKey(%q) gave no error", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, n := range []int{0, 1, 5} {
		sources, _ := testSources(n)
		data, x := write(f, sources)
		tail := data
		if n > 0 {
			tail = data[x.Segments[n-1].Offset+x.Segments[n-1].Length:]
		}
		f.Add(data, int64(0))
		f.Add(tail[:len(tail)-footerSize], x.Size-int64(len(tail)))
	}
	f.Add([]byte{0x81, 0xa4, 's', 'e', 'g', 's', 0xdd, 0xff, 0xff, 0xff, 0xff}, int64(3)) // a list of 4 G segments
	f.Fuzz(func(t *testing.T, data []byte, end int64) {
		if _, err := Parse(data); err != nil && !errors.Is(err, ikada.ErrCorrupt) && !errors.Is(err, ikada.ErrVersion) {
			t.Fatalf("unexpected error %v", err)
		}
		x, err := parseWire(data, end) // what checksums would keep from it
		if err != nil {
			if !errors.Is(err, ikada.ErrCorrupt) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		again, err := x.appendWire(nil)
		if err != nil {
			t.Fatal(err)
		}
		if y, err := parseWire(again, end); err != nil || !reflect.DeepEqual(x, y) {
			t.Fatalf("reads back as %+v, %v; want %+v", y, err, x)
		}
	})
}

func BenchmarkParse100SegmentsOf14Fields(b *testing.B) {
	sources, _ := testSources(100)
	data, _ := write(b, sources)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
