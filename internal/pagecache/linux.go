//go:build linux

package pagecache

import (
	"os"

	"golang.org/x/sys/unix"
)

// Drop lets go of the pages of a file that is synced. It is a hint, so nothing
// is said of a file system that cannot.
func Drop(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
