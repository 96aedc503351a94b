package jetstream

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ikada-io/ikada"
)

// reservedSpace is what stays free of the disk, whatever the stream's own limit
// says. A write that meets a full disk would make the server give the shard up
// until it is started again; a message that is refused before that is only late.
// It covers what is in flight, and what the other stages write meanwhile.
const reservedSpace = 2*maxOutstanding + 64<<20

// freeSpace returns how many bytes the disk of a directory has left for us.
func freeSpace(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil //nolint:unconvert // the types differ between systems
}

// checkSpace returns an error that wraps ikada.ErrFull if the disk is about to be full.
func (s *Stream) checkSpace() error {
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free < reservedSpace {
		return fmt.Errorf("the disk of %s has %d MiB left and %d stay free: make room on the disk: %w", s.dir, free>>20, reservedSpace>>20, ikada.ErrFull)
	}
	return nil
}
