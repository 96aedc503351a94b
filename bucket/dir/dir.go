// Package dir is a bucket in a directory: the object a/b/c is the file a/b/c.
//
// An object appears whole or not at all, by a rename from a hidden folder of
// the same file system, and what a method has reported done survives a crash
// of the machine: the file is synced before the rename and its folder after.
// The folder costs its own syncs only once, when the bucket first meets it.
//
// Files whose names no key can have, symbolic links and the like are no
// objects: they are neither listed nor touched. Two processes may share a
// directory as far as the bucket is concerned, but for one thing: each removes
// folders that it has emptied, and the other then makes them again.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/internal/pagecache"
)

// Bucket keeps objects as files. Make one with Open.
type Bucket struct {
	// Forget is when the machine's memory may let go of an object that was
	// written. Set it before the bucket is used.
	Forget Forget

	root string // absolute
	temp *temp
	next atomic.Uint64 // numbers temporary files

	// pruning is held to remove folders, and shared from the moment a folder
	// is known to be there until a file is in it.
	pruning sync.RWMutex
	folders folders
}

// Forget tells when nobody is expected to read an object soon. It changes what
// reading costs, and nothing else.
type Forget int

// When to forget an object.
const (
	Never      Forget = iota // that is, as the system likes
	AfterRead                // once a Get has read the whole of it
	AfterWrite               // at once
)

var _ bucket.Bucket = (*Bucket)(nil)

// Open opens the bucket in a directory, and makes the directory if need be. It
// removes what writers that died have left unfinished.
func Open(root string) (*Bucket, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", root, err)
	}
	t, err := openTemp(root)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", root, err)
	}
	// A process that was killed between a rename and the folder's sync has
	// left an object that can be seen, and may yet go with the machine.
	if err := syncFileSystem(root); err != nil {
		return nil, fmt.Errorf("open bucket %s: sync: %w", root, err)
	}
	syncs := syncs{data: syncData, folder: (*os.File).Sync}
	return &Bucket{root: root, temp: t, folders: folders{root: root, sync: syncs}}, nil
}

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	data, err := b.get(ctx, key, off, n, buf)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return data, nil
}

func (b *Bucket) get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	f, err := os.Open(b.path(key))
	if err != nil {
		return nil, notFound(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ikada.ErrNotFound
	}
	from, length := bucket.Range(info.Size(), off, n)
	if int64(cap(buf)) < length {
		buf = make([]byte, length)
	}
	buf = buf[:length]
	if _, err := f.ReadAt(buf, from); err != nil {
		return nil, err
	}
	if b.Forget == AfterRead && length == info.Size() {
		pagecache.Drop(f)
	}
	return buf, nil
}

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Info, error) {
	if err := check(ctx, key); err != nil {
		return bucket.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	info, err := os.Lstat(b.path(key))
	if err == nil && !info.Mode().IsRegular() {
		err = ikada.ErrNotFound
	}
	if err != nil {
		return bucket.Info{}, fmt.Errorf("stat %s: %w", key, notFound(err))
	}
	return bucket.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}, nil
}

// URL implements bucket.Bucket.
func (b *Bucket) URL(key string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(b.path(key))}
	return u.String()
}

func (b *Bucket) path(key string) string { return filepath.Join(b.root, key) }

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return bucket.Check(key)
}

// notFound names the ways in which a file can be absent: not there, or its
// folder is a file.
func notFound(err error) error {
	if gone(err) {
		return ikada.ErrNotFound
	}
	return err
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
