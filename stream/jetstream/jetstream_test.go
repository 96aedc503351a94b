package jetstream

import (
	"log/slog"
	"testing"

	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/streamtest"
)

// openDir opens a stream whose log goes to the test's.
func openDir(t testing.TB, dir string, opts Options) *Stream {
	t.Helper()
	s, err := Open(t.Context(), dir, testLog(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func TestContract(t *testing.T) {
	opts := Options{Shards: 2, MaxBytes: streamtest.MaxBytes}
	dirs := map[stream.Stream]string{}
	open := func(t *testing.T) stream.Stream {
		dir := t.TempDir()
		s := openDir(t, dir, opts)
		dirs[s] = dir
		return s
	}
	reopen := func(t *testing.T, s stream.Stream) stream.Stream {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := openDir(t, dirs[s], opts)
		dirs[again] = dirs[s]
		return again
	}
	streamtest.Run(t, open, reopen)
}
