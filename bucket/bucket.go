// Package bucket is the contract of an object store: a flat set of immutable
// objects under keys. Adapters: bucket/dir (a directory), bucket/s3 (Amazon S3
// and stores that speak its protocol), bucket/mem (memory).
// Package bucket/buckettest holds the suite that every adapter passes, and
// bucket/fault a wrapper that fails on purpose.
package bucket

import (
	"context"
	"iter"
	"time"
)

// Bucket stores objects. All methods are safe for concurrent use. Operations
// on one key are atomic and strongly consistent: after Create returns, every
// reader sees the object whole, and List lists it.
//
// A key is 1–900 bytes of '/'-separated segments, each 1–255 bytes of
// [A-Za-z0-9._=-] and neither "." nor ".."; Check tests it. Adapters refuse others.
// No key is the folder of another ("a" and "a/b"): an adapter may refuse the later one.
//
// Adapters retry what is worth retrying before they return an error; an error
// that a caller may act on wraps ikada.ErrExists or ikada.ErrNotFound. After
// any other error of Create the object may or may not be there.
type Bucket interface {
	// Create writes an object if the key is absent, durably: when it returns
	// nil the object survives a crash of the machine. It returns an error that
	// wraps ikada.ErrExists if the key is taken, whatever its content.
	// body is the content in pieces, so that callers need not join them; it is
	// not kept or changed.
	Create(ctx context.Context, key string, body ...[]byte) error

	// Put is Create without the condition: it replaces what is there.
	Put(ctx context.Context, key string, body ...[]byte) error

	// Get returns the n bytes from offset off. A negative off counts from the
	// object's end (and is cut to its start); n < 0 means to the end. A range
	// beyond the end is cut. The error wraps ikada.ErrNotFound if the key is
	// absent. buf is used if it is large enough, so a caller can reuse memory.
	Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error)

	// Stat tells an object's size and time, or wraps ikada.ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields objects whose key begins with prefix, in ascending byte
	// order of the key, starting behind the key after ("" for the first). It
	// fetches as it goes, so a caller that stops early has paid for little.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Folders yields the distinct next segments below prefix (which ends in
	// '/' or is empty) that hold objects below themselves, in ascending byte
	// order of the segment, without '/'.
	Folders(ctx context.Context, prefix string) iter.Seq2[string, error]

	// Delete removes an object durably. Deleting what is absent is no error.
	Delete(ctx context.Context, key string) error

	// URL names an object for others: "s3://b/k", "file:///data/archive/k".
	URL(key string) string
}

// Info describes an object.
type Info struct {
	Key     string
	Size    int64
	ModTime time.Time
}
