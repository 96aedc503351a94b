package collect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// Buffer is memory that grows with what arrives, never with what is announced,
// and takes a lease on what it grows by. It is read from at its front.
type Buffer struct {
	// Spools allows it to go on in a file where memory does not do.
	Spools bool

	lease *Lease
	data  []byte
	r, w  int    // data[r:w] is held
	spool *spool // what data is of, or nil
}

// Sizes that a Buffer takes. The smallest is not leased: it is what a
// connection costs that sends nothing.
const (
	smallest = 16 << 10
	quick    = 1 << 20 // up to here it grows fourfold, then twofold
	pooled   = 4 << 20 // larger ones are left to the garbage collector
)

var blocks sync.Map // of *sync.Pool of *[]byte, by size

func takeBlock(size int) []byte {
	if pool, ok := blocks.Load(size); ok {
		if b, ok := pool.(*sync.Pool).Get().(*[]byte); ok {
			return *b
		}
	}
	return make([]byte, size)
}

func returnBlock(b []byte) {
	if len(b) == 0 || len(b) > pooled {
		return
	}
	pool, _ := blocks.LoadOrStore(len(b), new(sync.Pool))
	pool.(*sync.Pool).Put(&b)
}

// NewBuffer returns an empty buffer.
func NewBuffer(l *Lease) *Buffer { return &Buffer{lease: l} }

// Bytes returns what the buffer holds, until the next call of Read or Free.
func (b *Buffer) Bytes() []byte { return b.data[b.r:b.w] }

// Len returns how much the buffer holds.
func (b *Buffer) Len() int { return b.w - b.r }

// Discard lets go of the first n bytes.
func (b *Buffer) Discard(n int) {
	b.r += n
	switch {
	case b.r < b.w:
	case b.spool != nil:
		b.Free()
	default:
		b.r, b.w = 0, 0
	}
}

// Grow makes room for a Read. It waits for memory, or returns the error of
// Lease.Grow.
func (b *Buffer) Grow(ctx context.Context) error {
	if b.spool != nil && b.r > 0 && b.Len() <= spoolBlock { // the large message is gone
		return b.unspool(ctx)
	}
	if b.w < len(b.data) {
		return nil
	}
	if b.spool != nil {
		return tooLarge(b.lease.m.MaxMessage())
	}
	if b.r > 0 && b.r >= b.Len() { // moving costs less than was read since
		b.move(b.data)
		return nil
	}
	err := b.enlarge(ctx)
	if b.r > 0 && errors.Is(err, ErrTooLarge) {
		b.move(b.data)
		return nil
	}
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNoMemory) && b.lease.spools > 0 {
		return b.spill(ctx, err)
	}
	return err
}

// Spill goes on in a file, if it may, as for a message that is known to be too
// large for memory.
func (b *Buffer) Spill(ctx context.Context) error { return b.spill(ctx, nil) }

func (b *Buffer) spill(ctx context.Context, otherwise error) error {
	if b.spool != nil || !b.Spools || b.lease.m.spoolDir == "" {
		return otherwise
	}
	s, err := b.lease.openSpool(ctx)
	if err != nil {
		return err
	}
	n := b.Len()
	err = s.write(b.Bytes(), 0)
	b.Free()
	b.spool, b.data, b.w = s, s.all, n
	return err
}

// unspool goes on in memory. It lets the file go first, so that it may wait.
func (b *Buffer) unspool(ctx context.Context) error {
	rest := bytes.Clone(b.Bytes())
	b.Free()
	for len(b.data) <= len(rest) {
		if err := b.enlarge(ctx); err != nil {
			return err
		}
	}
	b.w = copy(b.data, rest)
	return nil
}

func (b *Buffer) enlarge(ctx context.Context) error {
	size := max(smallest, 2*len(b.data))
	if len(b.data) > 0 {
		if size < quick {
			size *= 2
		}
		most := int(b.lease.m.perMessage-b.lease.Held()) + len(b.data)
		if size > most && most > len(b.data) {
			size = most
		}
		if err := b.lease.Grow(ctx, int64(size-len(b.data))); err != nil {
			return err
		}
	}
	old := b.data
	b.move(takeBlock(size))
	returnBlock(old)
	return nil
}

func (b *Buffer) move(to []byte) {
	b.w = copy(to, b.Bytes())
	b.r, b.data = 0, to
}

// Read reads once from src into the room there is.
func (b *Buffer) Read(src io.Reader) (n int, err error) {
	if b.spool != nil {
		n, err = b.spool.read(src, b.w)
	} else {
		n, err = src.Read(b.data[b.w:])
	}
	b.w += n
	return n, err
}

// ReadAll reads src to its end. The error wraps ErrTooLarge if that is more
// than limit bytes.
func (b *Buffer) ReadAll(ctx context.Context, src io.Reader, limit int64) error {
	for {
		if int64(b.Len()) > limit {
			return tooLarge(limit)
		}
		if err := b.Grow(ctx); err != nil {
			return err
		}
		if _, err := b.Read(src); errors.Is(err, io.EOF) {
			if int64(b.Len()) > limit {
				return tooLarge(limit)
			}
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Large tells whether the buffer holds a lease.
func (b *Buffer) Large() bool { return len(b.data) > smallest }

// Free gives the memory back. The buffer is empty then and can be used again.
func (b *Buffer) Free() {
	switch {
	case b.spool != nil:
		b.spool.close()
		b.lease.spoolClosed()
	case b.Large():
		b.lease.Shrink(int64(len(b.data) - smallest))
		fallthrough
	default:
		returnBlock(b.data)
	}
	b.data, b.r, b.w, b.spool = nil, 0, 0, nil
}
