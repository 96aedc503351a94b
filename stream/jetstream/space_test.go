package jetstream

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/ikada-io/ikada"
)

// A disk that is about to be full refuses messages before the server meets its
// end, and takes them again when there is room.
func TestADiskThatIsNearlyFullIsAFullStream(t *testing.T) {
	s := openDir(t, t.TempDir(), damageOptions)
	var free atomic.Int64
	free.Store(reservedSpace)
	s.free = func(string) (int64, error) { return free.Load(), nil }
	if err := s.Append(t.Context(), 0, []byte("one")); err != nil {
		t.Fatal(err)
	}
	free.Store(reservedSpace - 1)
	if err := s.Append(t.Context(), 0, []byte("refused")); !errors.Is(err, ikada.ErrFull) {
		t.Fatalf("append to a full disk: %v, want %v", err, ikada.ErrFull)
	}
	free.Store(1 << 40)
	if err := s.Append(t.Context(), 0, []byte("two")); err != nil {
		t.Fatal(err)
	}
	held := readHeld(t, s, s.lanes[0], "")
	if len(held) != 2 || string(held[0]) != "one" || string(held[1]) != "two" {
		t.Errorf("the lane holds %q", held)
	}
	if n, err := freeSpace(t.TempDir()); err != nil || n <= 0 {
		t.Errorf("free space of a directory: %d, %v", n, err)
	}
}
