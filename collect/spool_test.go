package collect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
)

// spooling returns a Memory whose messages go into a file beyond 1 MiB.
func spooling(t *testing.T) (m *Memory, dir string) {
	m, dir = NewMemory(4<<20, 1<<20), t.TempDir()
	m.SpoolIn(dir)
	return m, dir
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// What does not fit in memory goes on in a file, and back in memory once the
// large message is gone. Nothing of either is left at the end.
func TestALargeMessageIsInAFile(t *testing.T) {
	m, dir := spooling(t)
	l := m.Lease()
	b := NewBuffer(l)
	b.Spools = true
	const large, behind = 3<<20 + 7, 2 << 20
	want := noise(large + behind)
	src := bytes.NewReader(want)
	fill := func(n int) {
		for b.Len() < n {
			if err := b.Grow(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Read(src); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(large)
	if b.spool == nil || l.Held() != 0 {
		t.Errorf("spooled %v, held %d bytes of memory", b.spool != nil, l.Held())
	}
	if !bytes.Equal(b.Bytes(), want[:b.Len()]) {
		t.Error("it came out differently")
	}
	b.Bytes()[0]++ // as a caller may, in place
	b.Discard(large)
	fill(500_000)
	if b.spool != nil || l.spools != 0 {
		t.Error("the file outlived its message")
	}
	if !bytes.Equal(b.Bytes(), want[large:][:b.Len()]) {
		t.Error("what came behind it is different")
	}
	b.Free()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || l.Held() != 0 {
		t.Errorf("left are %v, %v, and %d bytes of memory", left, err, l.Held())
	}
}

func TestAFileHoldsExactlyOneMessageOfTheLimit(t *testing.T) {
	m, _ := spooling(t)
	b := NewBuffer(m.Lease())
	b.Spools = true
	defer b.Free()
	if err := b.ReadAll(t.Context(), zeroReader{}, 1<<40); !errors.Is(err, ErrTooLarge) {
		t.Errorf("endless: %v at %d bytes", err, b.Len())
	}
	b.Free()
	if err := b.ReadAll(t.Context(), io.LimitReader(zeroReader{}, MaxSpooled), MaxSpooled); err != nil || b.Len() != MaxSpooled {
		t.Errorf("exactly the limit: %v at %d bytes", err, b.Len())
	}
}

// Who waits for a file holds memory that others want: so not for ever.
func TestNobodyWaitsForAFileForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := spooling(t)
		m.spools.TryAcquire(maxSpools)
		b := NewBuffer(m.Lease())
		b.Spools = true
		if err := b.Spill(t.Context()); !errors.Is(err, ErrSpool) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// A lease with a file waits for no memory, and a further one for a file.
func TestFilesAreBoundedAndWaitForNoMemory(t *testing.T) {
	m, _ := spooling(t)
	var held []*Buffer
	for range maxSpools {
		b := NewBuffer(m.Lease())
		b.Spools = true
		if err := b.Spill(t.Context()); err != nil {
			t.Fatal(err)
		}
		held = append(held, b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	late := NewBuffer(m.Lease())
	late.Spools = true
	if err := late.Spill(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("one more: %v", err)
	}
	late.lease.NoWait = true
	if err := late.Spill(t.Context()); !errors.Is(err, ErrNoMemory) {
		t.Errorf("one more that cannot wait: %v", err)
	}
	m.reserve.TryAcquire(1)
	m.pool.TryAcquire(3 << 20) // now nothing is left
	second := NewBuffer(held[0].lease)
	second.Spools = true
	if err := second.ReadAll(t.Context(), bytes.NewReader(noise(100_000)), 1<<20); err != nil || second.spool == nil {
		t.Errorf("without memory: %v", err)
	}
	second.Free()
	held[0].Free()
	if err := late.Spill(t.Context()); err != nil {
		t.Errorf("after one was freed: %v", err)
	}
}

func TestAFileThatCannotBeWrittenIsAnError(t *testing.T) {
	m := NewMemory(4<<20, 1<<20)
	m.SpoolIn(t.TempDir() + "/nowhere")
	l := m.Lease()
	b := NewBuffer(l)
	b.Spools = true
	if err := b.ReadAll(t.Context(), io.LimitReader(zeroReader{}, 2<<20), 4<<20); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, ErrSpool) {
		t.Errorf("got %v", err)
	}
	b.Free()
	if l.spools != 0 || !m.spools.TryAcquire(maxSpools) {
		t.Error("it still counts as a file")
	}
}
