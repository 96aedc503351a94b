package collect

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// ErrTooLarge: one message would take more memory than one message may.
var ErrTooLarge = errors.New("too large")

// ErrNoMemory: the memory limit is reached at the moment.
var ErrNoMemory = errors.New("memory limit reached")

// Memory limits what the connections of all servers hold. A connection that
// finds none left does not read, so its sender waits.
//
// Connections hold some memory while they wait for more, so a plain limit could
// leave them all waiting for one another. Therefore a part, as large as one
// message may be, is set aside: who finds the common pool empty waits for that
// reserve, one connection at a time, and can then finish its message for sure.
type Memory struct {
	pool       *semaphore.Weighted
	reserve    *semaphore.Weighted
	perMessage int64
	spoolDir   string // empty: messages have to fit in memory
	spools     *semaphore.Weighted
}

// Defaults of NewMemory.
const (
	DefaultMemory     = 128 << 20
	DefaultPerMessage = 64 << 20
)

// NewMemory returns a limit of total bytes, of which one message may take
// perMessage. Zero means the default; total is at least perMessage.
func NewMemory(total, perMessage int64) *Memory {
	if perMessage <= 0 {
		perMessage = DefaultPerMessage
	}
	if total <= 0 {
		total = DefaultMemory
	}
	return &Memory{
		pool:       semaphore.NewWeighted(max(0, total-perMessage)),
		reserve:    semaphore.NewWeighted(1),
		perMessage: perMessage,
		spools:     semaphore.NewWeighted(maxSpools),
	}
}

// PerMessage returns how much one message may take.
func (m *Memory) PerMessage() int64 { return m.perMessage }

// Lease returns what one connection or request holds: nothing, at first.
func (m *Memory) Lease() *Lease { return &Lease{m: m} }

// Lease is a share of the memory. It is not safe for concurrent use.
type Lease struct {
	// NoWait makes Grow return ErrNoMemory where it would wait.
	NoWait bool

	m        *Memory
	pooled   int64 // taken from the pool
	reserved int64 // taken from the reserve
	holder   bool  // of the reserve
	spools   int   // messages in files
}

// Held returns the size of the lease.
func (l *Lease) Held() int64 { return l.pooled + l.reserved }

// Grow takes n more bytes and waits for them if it must, unless the lease has a
// file. The error wraps ErrTooLarge if the lease would be larger than one message may be.
func (l *Lease) Grow(ctx context.Context, n int64) error {
	err := l.tryGrow(n)
	if l.NoWait || l.spools > 0 || !errors.Is(err, ErrNoMemory) {
		return err
	}
	if err := l.m.reserve.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait for %d bytes of memory: %w", n, err)
	}
	l.holder = true
	l.reserved += n
	return nil
}

func (l *Lease) tryGrow(n int64) error {
	switch {
	case l.Held()+n > l.m.perMessage:
		return fmt.Errorf("%d bytes: %w, the limit is %d bytes a message", l.Held()+n, ErrTooLarge, l.m.perMessage)
	case l.holder:
		l.reserved += n
	case l.m.pool.TryAcquire(n):
		l.pooled += n
	case l.m.reserve.TryAcquire(1):
		l.holder = true
		l.reserved += n
	default:
		return ErrNoMemory
	}
	return nil
}

// Shrink gives n bytes back, those of the reserve first.
func (l *Lease) Shrink(n int64) {
	n = min(n, l.Held())
	fromReserve := min(n, l.reserved)
	l.reserved -= fromReserve
	if l.holder && l.reserved == 0 {
		l.holder = false
		l.m.reserve.Release(1)
	}
	l.pooled -= n - fromReserve
	l.m.pool.Release(n - fromReserve)
}

// Release gives everything back.
func (l *Lease) Release() { l.Shrink(l.Held()) }
