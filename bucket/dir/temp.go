package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// tempName is the hidden folder of unfinished files. No key can have a tilde.
const tempName = ".ikada~"

// temp is a folder of its own for each open bucket, locked as long as the
// bucket lives. So whoever opens the directory next can tell what the dead
// have left from what the living are writing, whatever the clocks say.
type temp struct {
	path string
	lock *os.File // closed, and so unlocked, when the bucket is garbage
}

func openTemp(root string) (*temp, error) {
	all := filepath.Join(root, tempName)
	if err := os.MkdirAll(all, 0o755); err != nil {
		return nil, err
	}
	// One opener at a time: a folder is not locked yet when it is made.
	gate, err := os.Open(all)
	if err != nil {
		return nil, err
	}
	defer gate.Close() //nolint:errcheck // it was only locked
	if err := flock(gate, unix.LOCK_EX); err != nil {
		return nil, err
	}
	if err := sweep(all); err != nil {
		return nil, fmt.Errorf("remove unfinished files: %w", err)
	}
	path, err := os.MkdirTemp(all, "")
	if err != nil {
		return nil, err
	}
	lock, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &temp{path, lock}, nil
}

// sweep removes the folders that nobody has locked.
func sweep(all string) error {
	entries, err := os.ReadDir(all)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := sweepOne(filepath.Join(all, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func sweepOne(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only locked
	switch err := flock(f, unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil // its bucket lives
	case err != nil:
		return err
	}
	return os.RemoveAll(path)
}

// flock locks an open file against every other open file, of this process too.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}
