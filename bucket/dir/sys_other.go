//go:build unix && !linux

package dir

import (
	"os"

	"golang.org/x/sys/unix"
)

func renameNew(from, to string) error { return linkNew(from, to) }

func syncData(f *os.File) error { return f.Sync() }

func syncFileSystem(string) error {
	unix.Sync() //nolint:errcheck // it has no result on some systems
	return nil
}
