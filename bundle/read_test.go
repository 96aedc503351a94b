package bundle

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
)

// counting counts range reads.
type counting struct {
	bucket.Bucket
	gets int
}

func (c *counting) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	c.gets++
	return c.Bucket.Get(ctx, key, off, n, buf)
}

func TestReadIndexReadsTheTailOnly(t *testing.T) {
	for _, test := range []struct{ segments, gets int }{{0, 1}, {1, 1}, {30, 1}, {3000, 2}} {
		b := &counting{Bucket: mem.New()}
		sources, _ := testSources(min(test.segments, 100))
		some, _ := testSources(2)
		for len(sources) < test.segments { // many small ones
			sources = append(sources, some[1])
		}
		data, want := write(t, sources)
		key := Key(testLane, 42)
		if err := b.Create(t.Context(), key, data); err != nil {
			t.Fatal(err)
		}
		got, err := ReadIndex(t.Context(), b, key)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d segments: another index", test.segments)
		}
		if b.gets != test.gets {
			t.Errorf("%d segments: %d reads, want %d", test.segments, b.gets, test.gets)
		}
	}
}

func TestReadIndexTellsWhatIsWrong(t *testing.T) {
	sources, _ := testSources(40)
	data, x := write(t, sources)
	end := x.Segments[39].Offset + x.Segments[39].Length
	for name, test := range map[string]struct {
		key  string
		data []byte
		want error
	}{
		"absent":            {Key(testLane, 42), nil, ikada.ErrNotFound},
		"cut short":         {Key(testLane, 42), data[:len(data)-1], ikada.ErrCorrupt},
		"begins too late":   {Key(testLane, 42), data[end-5:], ikada.ErrCorrupt},
		"misplaced":         {Key(testLane, 41), data, ikada.ErrCorrupt},
		"only a footer":     {Key(testLane, 42), data[len(data)-footerSize:], ikada.ErrCorrupt},
		"of another format": {Key(testLane, 42), []byte("something else that is long enough to hold a footer"), ikada.ErrCorrupt},
	} {
		b := mem.New()
		if test.data != nil {
			if err := b.Create(t.Context(), test.key, test.data); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ReadIndex(t.Context(), b, test.key); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if _, err := ReadIndex(t.Context(), mem.New(), "lanes/nonsense"); err == nil {
		t.Error("a key of no bundle gave no error")
	}
}
