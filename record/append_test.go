package record

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestAppendIntWritesWhatStrconvDoes(t *testing.T) {
	values := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1}
	for power := int64(10); power < math.MaxInt64/10; power *= 10 {
		values = append(values, power-1, power, power+1, 1-power, -power)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		values = append(values, r.Int64()>>r.IntN(64), -r.Int64()>>r.IntN(64))
	}
	buf := make([]byte, 0, 100)
	for _, v := range values {
		want := "x" + strconv.FormatInt(v, 10)
		if got := string(appendInt(append(buf[:0], 'x'), v)); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if got := string(appendInt([]byte{'x'}, v)); got != want {
			t.Fatalf("without room: got %s, want %s", got, want)
		}
	}
}

func TestAppendBytesCopiesNoMoreThanItSays(t *testing.T) {
	source := bytes.Repeat([]byte("0123456789"), 10)
	for n := range 70 {
		for _, s := range [][]byte{source[:n], source[:n:n]} { // with something behind, and without
			for _, room := range []int{0, n, shortBytes - 1, shortBytes, 200} {
				dst := append(make([]byte, 0, 3+room), "abc"...)
				if got := append(appendBytes(dst, s), '!'); string(got) != "abc"+string(source[:n])+"!" {
					t.Fatalf("%d bytes, room for %d: %q", n, room, got)
				}
			}
		}
	}
}

// What lies behind a text must not count, nor what is in it be missed.
func TestPlainASCIIAtEveryPlace(t *testing.T) {
	for n := range 40 {
		for _, behind := range []int{0, 1, 7, 8, 100} {
			s := append(bytes.Repeat([]byte{'a'}, n), bytes.Repeat([]byte{'"'}, behind)...)[:n]
			if !plainASCII(s) {
				t.Fatalf("%d letters with %d quotes behind them are not plain", n, behind)
			}
			for at := range n {
				for _, c := range []byte{0, 0x1f, '"', '\\', 0x80, 0xff} {
					s[at] = c
					if plainASCII(s) {
						t.Fatalf("%q is plain", s)
					}
				}
				s[at] = 'a'
			}
		}
	}
}

func TestIncrement36CountsAsStrconvDoes(t *testing.T) {
	text := []byte{'0'}
	for n := range uint64(36*36*36*2 + 50) {
		if want := strconv.FormatUint(n, 36); string(text) != want {
			t.Fatalf("%s, want %s", text, want)
		}
		text = increment36(text)
	}
}

func TestAKeyFormBeginsWhatBeginsWithIt(t *testing.T) {
	text := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	if new(keyForm).begins(text) {
		t.Error("the zero value begins a text")
	}
	for n := 1; n < len(text); n++ {
		k := newKeyForm(text[:n])
		for end := range len(text) + 1 {
			if got := k.begins(text[:end]); got != (end >= n) {
				t.Fatalf("key of %d bytes, text of %d: %v", n, end, got)
			}
		}
		for at := range n {
			other := bytes.Clone(text)
			other[at] ^= 0x20
			for _, b := range [][]byte{other, other[:n]} {
				if k.begins(b) {
					t.Fatalf("key of %d bytes begins a text that differs at %d", n, at)
				}
			}
		}
	}
}
