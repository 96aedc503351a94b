package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// MaxSpooled is the greatest message that a file takes, and the greatest setting of
// http.max_body: twice what Fluentd's file buffer makes of a chunk by default.
const MaxSpooled = 512 << 20

// maxSpools is how many messages are in files at a time. Further ones wait.
const maxSpools = 8

// ErrSpool: a file for a large message cannot be had, which is no fault of the
// message's.
var ErrSpool = errors.New("put a large message into a file")

// spoolWait is how long somebody waits for one, with memory that others want.
const spoolWait = 10 * time.Second

// spool is a message that is too large for the memory of one. It is in a file,
// which is written like any other, so that a full disk is an error, and read
// where it is mapped: those pages the system can take back. The file has no name,
// so nothing is left of it whatever happens.
type spool struct {
	file  *os.File
	all   []byte // the mapping, which is longer than the file
	block []byte
}

func newSpool(dir string, size int) (*spool, error) {
	f, err := os.CreateTemp(dir, "message-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpool, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrSpool, err), f.Close())
	}
	// Shared, as a private mapping that may be written counts as memory in full.
	all, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: map it: %w", ErrSpool, err), f.Close())
	}
	return &spool{file: f, all: all}, nil
}

// write writes b at a place.
func (s *spool) write(b []byte, at int) error {
	if _, err := s.file.WriteAt(b, int64(at)); err != nil {
		return fmt.Errorf("%w: %w", ErrSpool, err)
	}
	return nil
}

// read reads once from src, to a place.
func (s *spool) read(src io.Reader, at int) (int, error) {
	if s.block == nil {
		s.block = takeBlock(spoolBlock)
	}
	n, err := src.Read(s.block[:min(len(s.block), len(s.all)-at)])
	if failed := s.write(s.block[:n], at); failed != nil {
		return 0, failed
	}
	return n, err
}

const spoolBlock = 256 << 10

func (s *spool) close() {
	returnBlock(s.block)
	_ = syscall.Munmap(s.all) // which is what it returned
	_ = s.file.Close()        // nobody wants it any more
}

// SpoolIn makes messages that are too large for memory go into files of a
// directory, where a Buffer is allowed to.
func (m *Memory) SpoolIn(dir string) { m.spoolDir = dir }

// MaxMessage is the size of the greatest message that a Buffer may hold which is
// allowed to spool.
func (m *Memory) MaxMessage() int64 {
	if m.spoolDir == "" {
		return m.perMessage
	}
	return max(m.perMessage, MaxSpooled)
}

// openSpool opens a file. The first of a lease waits until it may, for a while: from then on
// the lease waits for no memory, so that who waits for memory and who waits for files
// never wait for each other.
func (l *Lease) openSpool(ctx context.Context) (*spool, error) {
	switch {
	case l.spools > 0 || l.m.spools.TryAcquire(1):
	case l.NoWait:
		return nil, fmt.Errorf("%d large messages are on their way: %w", maxSpools, ErrNoMemory)
	default:
		ctx, cancel := context.WithTimeout(ctx, spoolWait)
		defer cancel()
		if err := l.m.spools.Acquire(ctx, 1); err != nil {
			return nil, fmt.Errorf("%w: %d are on their way: %w", ErrSpool, maxSpools, err)
		}
	}
	l.spools++
	s, err := newSpool(l.m.spoolDir, int(l.m.MaxMessage())+spoolBlock) // room to see the end
	if err != nil {
		l.spoolClosed()
	}
	return s, err
}

func (l *Lease) spoolClosed() {
	if l.spools--; l.spools == 0 {
		l.m.spools.Release(1)
	}
}
