package rowflate_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/ikada-io/ikada/bundle/rowflate"
)

// pieces returns rows of one log type and hour at a time, cut into segments.
func pieces(events, size int) (all [][][]byte) {
	for _, rows := range traffic(events) {
		if segments := cut([][]byte{rows}, size); len(segments) > 0 {
			all = append(all, segments)
		}
	}
	return all
}

func TestCodesOfLikeRowsCostLittle(t *testing.T) {
	e := rowflate.New()
	for size, most := range map[int]float64{128 << 10: 1.01, 32 << 10: 1.01, 8 << 10: 1.03} {
		own, like, others := 0, 0, 0
		for _, segments := range pieces(20_000, size) {
			var codes rowflate.Codes
			for _, raw := range segments {
				alone, compressed := e.Append(nil, raw), e.AppendLike(nil, raw, &codes)
				if !bytes.Equal(inflate(t, compressed), raw) {
					t.Fatalf("a segment of %d bytes reads back as others", len(raw))
				}
				own, like = own+len(alone), like+len(compressed)
				if !bytes.Equal(alone, compressed) {
					others++
				}
			}
		}
		t.Logf("segments of %d KB: %d bytes with codes of their own, %d with those of like ones", size>>10, own, like)
		if others == 0 || float64(like) > most*float64(own) {
			t.Errorf("segments of %d KB: %d bytes instead of %d, %d segments differ", size>>10, like, own, others)
		}
	}
}

// Whatever codes were made for, every other input can be written, and is not
// larger for it than it may be.
func TestCodesOfUnlikeBytesDoNoHarm(t *testing.T) {
	odd := oddities()
	for _, first := range []string{"1,000 columns", "values over 258 bytes", "rows over 32 KiB"} {
		e := rowflate.New()
		for second, raw := range odd {
			var codes rowflate.Codes
			e.AppendLike(nil, odd[first], &codes)
			compressed := e.AppendLike(nil, raw, &codes)
			if !bytes.Equal(inflate(t, compressed), raw) {
				t.Fatalf("%s after %s reads back as other bytes", second, first)
			}
			if own, most := len(e.Append(nil, raw)), len(raw)+len(raw)/1000+20; len(compressed) > most || len(compressed) > 2*own+1000 {
				t.Errorf("%s after %s: %d bytes became %d, and %d alone", second, first, len(raw), len(compressed), own)
			}
		}
	}
}

// noise returns n bytes with so many values, all as frequent.
func noise(n, values int) []byte {
	r, b := rand.New(rand.NewPCG(5, 6)), make([]byte, n)
	for i := range b {
		b[i] = byte(255 - r.IntN(values))
	}
	return b
}

func TestCodesThatAreNotGoodAnyMore(t *testing.T) {
	large := pieces(40_000, 128<<10)[0]
	small := cut(large[:1], 5<<10)
	for name, of := range map[string]struct {
		first, then []byte
		times       int     // the last one counts
		most        float64 // of its size with codes of its own
	}{
		"made for few rows":              {small[0], large[0], 1, 1.003},
		"no better than the bytes":       {noise(15<<10, 240), noise(15<<10, 244), 1, 1},
		"dear, but no dearer than first": {noise(8<<10, 64), noise(8<<10, 32), 50, 1.02},
		"dearer than first":              {noise(8<<10, 32), noise(8<<10, 64), 1, 1},
	} {
		var codes rowflate.Codes
		e := rowflate.New()
		e.AppendLike(nil, of.first, &codes)
		last := 0
		for range of.times {
			last = len(e.AppendLike(nil, of.then, &codes))
		}
		if own := len(e.Append(nil, of.then)); float64(last) > of.most*float64(own) {
			t.Errorf("%s: %d bytes become %d, and %d with codes of their own", name, len(of.then), last, own)
		}
	}
}

func TestNothingIsAllocatedWithCodes(t *testing.T) {
	var codes rowflate.Codes
	e := rowflate.New()
	raw := cut(traffic(5_000), 30_000)[0]
	out := e.AppendLike(make([]byte, 0, 1<<20), raw, &codes)
	if n := testing.AllocsPerRun(100, func() { out = e.AppendLike(out[:0], raw, &codes) }); n > 0 {
		t.Errorf("%v allocations for a segment", n)
	}
}

func FuzzAnyBytesReadBackWithCodes(f *testing.F) {
	for _, raw := range oddities() {
		if len(raw) < 20_000 {
			f.Add(raw, raw, uint16(3))
		}
	}
	rows := cut(traffic(2_000), 8_000)
	f.Add(rows[0], rows[1], uint16(1))
	e := rowflate.New()
	f.Fuzz(func(t *testing.T, first, second []byte, times uint16) {
		var codes rowflate.Codes
		for range times % 8 { // what a fuzzer finds is short
			first = append(first, first[:min(len(first), 4096)]...)
			second = append(second, second[:min(len(second), 4096)]...)
		}
		for _, raw := range [][]byte{first, second, first} {
			if !bytes.Equal(inflate(t, e.AppendLike(nil, raw, &codes)), raw) {
				t.Fatal("reads back as other bytes")
			}
		}
	})
}
