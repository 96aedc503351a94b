package collect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestConnectionsThatAllWantMoreFinishOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(100, 40)
		finished := make(chan int, 10)
		for i := range 10 {
			go func() {
				l := m.Lease()
				for range 40 { // in all 400 of 100
					if err := l.Grow(t.Context(), 1); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
				}
				l.Release()
				finished <- i
			}()
		}
		for range 10 {
			<-finished
		}
		all := m.Lease()
		if err := all.tryGrow(40); err != nil {
			t.Errorf("memory was not given back: %v", err)
		}
	})
}

func TestLeaseLimits(t *testing.T) {
	m := NewMemory(100, 40)
	l := m.Lease()
	if err := l.Grow(t.Context(), 41); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than a message may take: %v", err)
	}
	others := []*Lease{m.Lease(), m.Lease()}
	for i, n := range []int64{40, 40} { // 60 in the pool: the second takes the reserve
		others[i].NoWait = true
		if err := others[i].Grow(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Grow(t.Context(), 15); err != nil {
		t.Errorf("what is left of the pool: %v", err)
	}
	l.NoWait = true
	if err := l.Grow(t.Context(), 10); !errors.Is(err, ErrNoMemory) {
		t.Errorf("nothing left: %v", err)
	}
	l.NoWait = false
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Grow(ctx, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in vain: %v", err)
	}
	others[1].Release()
	if err := l.Grow(t.Context(), 10); err != nil || l.Held() != 25 {
		t.Errorf("after a release: %v, held %d", err, l.Held())
	}
}

func TestBufferGrowsWithWhatArrivesAndKeepsIt(t *testing.T) {
	m := NewMemory(8<<20, 3<<20)
	l := m.Lease()
	b := NewBuffer(l)
	want := strings.Repeat("0123456789abcdef", 3<<16) // 3 MiB
	src := strings.NewReader(want)
	var got []byte
	for {
		if err := b.Grow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(b.data); n > max(smallest, 4*b.Len()) && b.Len() > 0 {
			t.Fatalf("%d bytes of memory for %d", n, b.Len())
		}
		if _, err := b.Read(src); errors.Is(err, io.EOF) {
			break
		}
		if n := b.Len() - 100_000; n > 0 {
			got = append(got, b.Bytes()[:n]...)
			b.Discard(n)
		}
	}
	if got = append(got, b.Bytes()...); string(got) != want {
		t.Errorf("%d bytes came out differently", len(got))
	}
	if b.Free(); l.Held() != 0 || b.Len() != 0 {
		t.Errorf("held %d, len %d after Free", l.Held(), b.Len())
	}
}

func TestBufferHoldsExactlyOneMessageOfTheLimit(t *testing.T) {
	const limit = 3 << 20
	b := NewBuffer(NewMemory(limit, limit).Lease())
	err := b.ReadAll(t.Context(), io.LimitReader(zeroReader{}, limit), limit)
	if err != nil || b.Len() != limit {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
	b.Free()
	if err := b.ReadAll(t.Context(), zeroReader{}, 1<<40); !errors.Is(err, ErrTooLarge) {
		t.Errorf("endless: %v", err)
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestInflate(t *testing.T) {
	gz := func(s string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.Bytes()
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zs := encoder.EncodeAll([]byte("hello"), nil)
	bomb := gz(strings.Repeat("0", 10<<20))
	tests := map[string]struct {
		kind string
		in   []byte
		want string
		err  error
	}{
		"gzip":              {"gzip", gz("hello"), "hello", nil},
		"several members":   {"gzip", append(gz("hel"), gz("lo")...), "hello", nil},
		"zstd":              {"zstd", zs, "hello", nil},
		"several frames":    {"zstd", append(bytes.Clone(zs), zs...), "hellohello", nil},
		"nothing":           {"gzip", nil, "", io.ErrUnexpectedEOF},
		"gzip cut short":    {"gzip", gz("hello")[:15], "", io.ErrUnexpectedEOF},
		"zstd cut short":    {"zstd", zs[:len(zs)-1], "", io.ErrUnexpectedEOF},
		"garbage behind it": {"gzip", append(gz("hello"), "garbage garbage"...), "", gzip.ErrHeader},
		"a bomb":            {"gzip", bomb, "", ErrTooLarge},
		"unknown":           {"lz4", nil, "", ErrEncoding},
	}
	for name, test := range tests {
		for range 2 { // the second with a decoder that was used
			b := NewBuffer(NewMemory(0, 0).Lease())
			err := Inflate(t.Context(), test.kind, bytes.NewReader(test.in), b, 1<<20)
			if !errors.Is(err, test.err) || err == nil && string(b.Bytes()) != test.want {
				t.Errorf("%s: %q, %v; want %q, %v", name, b.Bytes(), err, test.want, test.err)
			}
		}
	}
}
