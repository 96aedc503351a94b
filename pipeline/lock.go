package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockDirectory makes sure that one process alone works on a data directory.
// The lock ends with the process, however it ends.
func lockDirectory(data string) (*os.File, error) { return flock(data, unix.LOCK_EX) }

// shareDirectory makes sure that nobody has the data directory for itself.
func shareDirectory(data string) (*os.File, error) { return flock(data, unix.LOCK_SH) }

func flock(data string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("data directory %s is in use by another Ikada: stop it, or give this one another --data", data)
		}
		return nil, fmt.Errorf("lock data directory %s: %w", data, err)
	}
	return f, nil
}
