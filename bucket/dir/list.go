package dir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ikada-io/ikada/bucket"
)

// List implements bucket.Bucket. It reads a folder when it comes to it, and
// only those that can hold keys with the prefix and behind after.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		base := prefix[:strings.LastIndexByte(prefix, '/')+1]
		if base != "" && bucket.Check(strings.TrimSuffix(base, "/")) != nil {
			return // no key can begin so
		}
		w := walk{ctx: ctx, root: b.root, prefix: prefix, after: after, yield: yield}
		w.folder(base)
	}
}

// walk is one listing.
type walk struct {
	ctx           context.Context
	root          string
	prefix, after string
	yield         func(bucket.Info, error) bool
}

// folder yields what is below a folder ("" or ending in '/'), and reports
// whether the caller wants more.
func (w *walk) folder(base string) bool {
	entries, err := read(w.root, base)
	if err != nil {
		return w.fail(err)
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return !w.wants(base + e.name) })
	// The order of names with '/' behind folders is the order of whole keys.
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return w.fail(err)
		}
		more := false
		if e.isFolder() {
			more = w.folder(base + e.name)
		} else {
			more = w.object(base+e.name, e.DirEntry)
		}
		if !more {
			return false
		}
	}
	return true
}

// wants reports whether a key, or a key below a folder, can be asked for.
func (w *walk) wants(name string) bool {
	if !strings.HasSuffix(name, "/") {
		return strings.HasPrefix(name, w.prefix) && name > w.after
	}
	return (strings.HasPrefix(name, w.prefix) || strings.HasPrefix(w.prefix, name)) &&
		(name > w.after || strings.HasPrefix(w.after, name))
}

func (w *walk) object(key string, e fs.DirEntry) bool {
	info, err := e.Info()
	if gone(err) {
		return true // deleted meanwhile
	}
	if err != nil {
		return w.fail(err)
	}
	return w.yield(bucket.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}, nil)
}

func (w *walk) fail(err error) bool {
	w.yield(bucket.Info{}, fmt.Errorf("list %s: %w", w.prefix, err))
	return false
}

// entry is an object, or a folder with '/' behind its name.
type entry struct {
	name string
	fs.DirEntry
}

func (e entry) isFolder() bool { return e.name[len(e.name)-1] == '/' }

// read returns the objects and folders in a folder, in no order. A folder that
// is not there is empty.
func read(root, base string) ([]entry, error) {
	d, err := os.Open(filepath.Join(root, base))
	if err != nil {
		if gone(err) {
			return nil, nil
		}
		return nil, err
	}
	defer d.Close() //nolint:errcheck // it was only read
	all, err := d.ReadDir(-1)
	if err != nil && !gone(err) {
		return nil, err
	}
	entries := make([]entry, 0, len(all))
	for _, e := range all {
		name := e.Name()
		switch {
		case bucket.Check(name) != nil: // no key has it: the hidden folder
		case e.IsDir():
			entries = append(entries, entry{name + "/", e})
		case e.Type().IsRegular():
			entries = append(entries, entry{name, e})
		}
	}
	return entries, nil
}

// Folders implements bucket.Bucket.
func (b *Bucket) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		base := strings.TrimSuffix(prefix, "/")
		if prefix != "" && bucket.Check(base) != nil {
			return
		}
		entries, err := read(b.root, prefix)
		if err != nil {
			yield("", fmt.Errorf("list folders of %s: %w", prefix, err))
			return
		}
		entries = slices.DeleteFunc(entries, func(e entry) bool { return !e.isFolder() })
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			switch held, err := holds(filepath.Join(b.root, prefix, e.Name())); {
			case err != nil:
				yield("", fmt.Errorf("list folders of %s: %w", prefix, err))
				return
			case held && !yield(e.Name(), nil):
				return
			}
		}
	}
}

// holds reports whether there is an object in a folder or below: a crash may
// have left it empty. It stops at the first, however many there are.
func holds(folder string) (bool, error) {
	d, err := os.Open(folder)
	if err != nil {
		if gone(err) {
			return false, nil
		}
		return false, err
	}
	defer d.Close() //nolint:errcheck // it was only read
	for {
		entries, err := d.ReadDir(32)
		for _, e := range entries {
			if bucket.Check(e.Name()) != nil {
				continue
			}
			if e.Type().IsRegular() {
				return true, nil
			}
			if !e.IsDir() {
				continue
			}
			if held, err := holds(filepath.Join(folder, e.Name())); held || err != nil {
				return held, err
			}
		}
		if errors.Is(err, io.EOF) || gone(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
