package dir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/pagecache"
)

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body ...[]byte) error {
	err := check(ctx, key)
	if err == nil && isFile(b.path(key)) {
		err = b.taken(b.path(key)) // without writing what would be thrown away
	} else if err == nil {
		err = b.write(key, body, renameNew)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	return nil
}

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body ...[]byte) error {
	err := check(ctx, key)
	if err == nil {
		err = b.write(key, body, os.Rename)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) write(key string, body [][]byte, rename func(from, to string) error) error {
	temp := filepath.Join(b.temp.path, strconv.FormatUint(b.next.Add(1), 36))
	err := b.writeFile(temp, body)
	if err == nil {
		err = b.publish(temp, b.path(key), rename)
	}
	if err == nil {
		return nil
	}
	if e := os.Remove(temp); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// writers join small pieces: the kernel takes one large write for much less
// than many that end within its pages.
var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 1<<20) }}

func writePieces(f *os.File, pieces [][]byte) error {
	w := writers.Get().(*bufio.Writer)
	defer writers.Put(w)
	w.Reset(f)
	defer w.Reset(nil) // so that the pool holds no file
	for _, p := range pieces {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeFile writes a new file and syncs it.
func (b *Bucket) writeFile(path string, body [][]byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = writePieces(f, body)
	if err == nil {
		err = b.folders.sync.data(f)
	}
	if err == nil && b.Forget == AfterWrite {
		pagecache.Drop(f)
	}
	return errors.Join(err, f.Close())
}

// publish moves a file to its place, durably.
func (b *Bucket) publish(temp, path string, rename func(from, to string) error) error {
	folder := filepath.Dir(path)
	err := b.place(temp, path, rename)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody else removed a folder that was known. Make it again.
		b.folders.forget(folder)
		err = b.place(temp, path, rename)
	}
	switch {
	case err == nil:
		return b.folders.syncPath(folder)
	case !errors.Is(err, fs.ErrExist):
		return err
	case isFolder(path):
		return errors.New("it is a folder of other objects")
	}
	return b.taken(path)
}

// place makes the folder durable and renames the file into it.
func (b *Bucket) place(temp, path string, rename func(from, to string) error) error {
	b.pruning.RLock()
	defer b.pruning.RUnlock()
	if err := b.folders.ensure(filepath.Dir(path)); err != nil {
		return err
	}
	return rename(temp, path)
}

// taken returns ErrExists once the object is durable: the caller may rely on
// it, and whoever created it may have died before the last sync.
func (b *Bucket) taken(path string) error {
	b.pruning.RLock()
	defer b.pruning.RUnlock()
	folder := filepath.Dir(path)
	if err := b.folders.ensure(folder); err != nil {
		return err
	}
	if err := b.folders.syncPath(folder); err != nil {
		return err
	}
	return ikada.ErrExists
}

func isFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	if err := b.remove(b.path(key)); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) remove(path string) error {
	folder := filepath.Dir(path)
	if isFolder(path) || !isFolder(folder) {
		return nil // no object
	}
	if err := os.Remove(path); err != nil && !gone(err) {
		return err
	}
	// Also if it was gone: an earlier Delete may have died before its sync.
	if err := b.folders.syncPath(folder); err != nil {
		return err
	}
	b.prune(folder)
	return nil
}

// prune removes a folder if it is empty, and then those above it. What cannot
// be removed is not empty, or is no harm.
func (b *Bucket) prune(folder string) {
	if folder == b.root || !isEmpty(folder) {
		return
	}
	b.pruning.Lock()
	defer b.pruning.Unlock()
	for ; strings.HasPrefix(folder, b.root) && folder != b.root; folder = filepath.Dir(folder) {
		b.folders.forget(folder)
		if syscall.Rmdir(folder) != nil { // which never takes a file, as os.Remove does
			return
		}
	}
}

// isEmpty looks without keeping writers waiting.
func isEmpty(folder string) bool {
	d, err := os.Open(folder)
	if err != nil {
		return false
	}
	defer d.Close() //nolint:errcheck // it was only read
	_, err = d.Readdirnames(1)
	return errors.Is(err, io.EOF)
}
