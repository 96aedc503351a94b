// Package fault wraps a bucket and makes it fail on purpose, so that tests can
// kill a stage before and after any of its writes.
//
// To crash after every write in turn, count up until a run needs fewer:
//
//	for n := 1; ; n++ {
//		p := fault.NewProcess(n, fault.CrashAfter)
//		run(fault.New(b, fault.Options{Process: p}))
//		recover(b) // and check
//		if !p.Crashed() {
//			break
//		}
//	}
package fault

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ikada-io/ikada/bucket"
)

// Op names a method of the bucket.
type Op string

const (
	Create  Op = "create"
	Put     Op = "put"
	Get     Op = "get"
	Stat    Op = "stat"
	List    Op = "list"
	Folders Op = "folders"
	Delete  Op = "delete"
)

// IsWrite reports whether the operation changes the bucket.
func (op Op) IsWrite() bool { return op == Create || op == Put || op == Delete }

// Outcome is what becomes of one call.
type Outcome int

const (
	Pass       Outcome = iota // the call is made
	FailBefore                // ErrFault, and the call is not made
	FailAfter                 // the call is made, and ErrFault returned: an unknown outcome
	// CrashBefore and CrashAfter are the same with ErrCrashed, which every
	// later call gets too: the process is gone.
	CrashBefore
	CrashAfter
)

var (
	ErrFault   = errors.New("fault on purpose")
	ErrCrashed = errors.New("crashed on purpose")
)

// Options say how a bucket fails. The zero value passes everything through.
type Options struct {
	// Hook decides on each call; nil passes all. It is called by many
	// goroutines at once. For List and Folders the key is the prefix.
	Hook func(op Op, key string) Outcome
	// Corrupt may change what a Get is about to return: data is a copy of the
	// bytes from off, as the caller gave it.
	Corrupt func(key string, off int64, data []byte)
	// Process is what several buckets share that crash together; nil makes one.
	Process *Process
}

// Bucket is a bucket whose calls fail as its options say.
type Bucket struct {
	inner   bucket.Bucket
	hook    func(op Op, key string) Outcome
	corrupt func(key string, off int64, data []byte)
	process *Process
}

var _ bucket.Bucket = (*Bucket)(nil)

// New returns a failing bucket.
func New(inner bucket.Bucket, o Options) *Bucket {
	if o.Process == nil {
		o.Process = NewProcess(0, Pass)
	}
	return &Bucket{inner: inner, hook: o.Hook, corrupt: o.Corrupt, process: o.Process}
}

// Process returns what the bucket shares with others.
func (b *Bucket) Process() *Process { return b.process }

// do makes a call as the hook and the process decide.
func (b *Bucket) do(op Op, key string, call func() error) error {
	if b.process.Crashed() {
		return fail(op, key, ErrCrashed)
	}
	outcome := Pass
	if b.hook != nil {
		outcome = b.hook(op, key)
	}
	if op.IsWrite() {
		outcome = b.process.write(outcome)
	}
	switch outcome {
	case FailBefore:
		return fail(op, key, ErrFault)
	case CrashBefore:
		b.process.Crash()
		return fail(op, key, ErrCrashed)
	}
	err := call()
	if outcome == CrashAfter {
		b.process.Crash()
	}
	switch {
	case b.process.Crashed(): // nobody is there to hear the answer
		return fail(op, key, ErrCrashed)
	case outcome == FailAfter:
		return fail(op, key, ErrFault)
	}
	return err
}

func fail(op Op, key string, err error) error { return fmt.Errorf("%s %s: %w", op, key, err) }

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body ...[]byte) error {
	return b.do(Create, key, func() error { return b.inner.Create(ctx, key, body...) })
}

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body ...[]byte) error {
	return b.do(Put, key, func() error { return b.inner.Put(ctx, key, body...) })
}

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.do(Delete, key, func() error { return b.inner.Delete(ctx, key) })
}

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	var data []byte
	err := b.do(Get, key, func() (err error) { data, err = b.inner.Get(ctx, key, off, n, buf); return err })
	if err != nil {
		return nil, err
	}
	if b.corrupt != nil {
		b.corrupt(key, off, data)
	}
	return data, nil
}

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Info, error) {
	var info bucket.Info
	err := b.do(Stat, key, func() (err error) { info, err = b.inner.Stat(ctx, key); return err })
	if err != nil {
		return bucket.Info{}, err
	}
	return info, nil
}

// List implements bucket.Bucket.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return each(b, List, prefix, b.inner.List(ctx, prefix, after))
}

// Folders implements bucket.Bucket.
func (b *Bucket) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return each(b, Folders, prefix, b.inner.Folders(ctx, prefix))
}

// each passes a listing on. A failure after the call comes behind its entries.
func each[T any](b *Bucket, op Op, prefix string, entries iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := b.do(op, prefix, func() error {
			for entry, err := range entries {
				if b.process.Crashed() {
					return nil
				}
				if !yield(entry, err) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var none T
			yield(none, err)
		}
	}
}

// URL implements bucket.Bucket.
func (b *Bucket) URL(key string) string { return b.inner.URL(key) }
