package dir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// folders remembers which folders are durable: made, and their names synced to
// disk all the way up. A folder that an earlier process made is not known to
// be, so the first write below it syncs its name again.
type folders struct {
	root string
	sync syncs

	mu    sync.Mutex
	known map[string]struct{}
}

// syncs is how files and folders reach the disk. Tests look in here.
type syncs struct {
	data   func(*os.File) error
	folder func(*os.File) error
}

// maxKnown bounds the memory of old folders (the archive makes one an hour and
// type); beyond it all are forgotten, which costs a few syncs.
const maxKnown = 20_000

// ensure makes a folder durable, with those above it.
func (f *folders) ensure(path string) error {
	if path == f.root || f.isKnown(path) {
		return nil
	}
	parent := filepath.Dir(path)
	if err := f.ensure(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := f.syncPath(parent); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= maxKnown {
		f.known = make(map[string]struct{})
	}
	f.known[path] = struct{}{}
	return nil
}

func (f *folders) isKnown(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, known := f.known[path]
	return known
}

// forget drops what is known of a folder and of those above it.
func (f *folders) forget(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; strings.HasPrefix(path, f.root) && path != f.root; path = filepath.Dir(path) {
		delete(f.known, path)
	}
}

// syncPath syncs the names in a folder. If the folder is gone, so is all that
// was in it, and there is nothing to sync.
func (f *folders) syncPath(path string) error {
	d, err := os.Open(path)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.sync.folder(d), d.Close())
}
