package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
)

// files looks for the archive files of a chunk by listing their hours, and
// reads them in a deep audit.
func (a *audit) files(ctx context.Context, c *chunk) error {
	files := slices.DeleteFunc(slices.Clone(c.files), func(f file) bool { return a.leaves(f.of) })
	slices.SortFunc(files, func(x, y file) int { return cmp.Compare(x.key, y.key) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(a.opts.Parallel)
	var mu sync.Mutex // guards the report
	for len(files) > 0 {
		folder := files[0].folder()
		n := slices.IndexFunc(files, func(f file) bool { return f.folder() != folder })
		if n < 0 {
			n = len(files)
		}
		some := files[:n]
		files = files[n:]
		group.Go(func() error {
			gaps, err := a.hour(ctx, folder, some, c.first, c.last)
			mu.Lock()
			defer mu.Unlock()
			for _, g := range gaps {
				a.gap(g)
			}
			return err
		})
	}
	return group.Wait()
}

func (f *file) folder() string { return f.key[:strings.LastIndexByte(f.key, '/')+1] }

// hour looks at the files that plans first to last made in a folder.
func (a *audit) hour(ctx context.Context, folder string, files []file, first, last uint64) ([]Gap, error) {
	sizes := make(map[string]int64, len(files))
	for info, err := range a.Archive.List(ctx, folder, fmt.Sprintf("%s%012d", folder, first)) {
		if err != nil {
			return nil, fmt.Errorf("list archive files of %s: %w", folder, err)
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(info.Key, folder), "-")
		if n, err := strconv.ParseUint(number, 10, 64); err == nil && n > last {
			break
		}
		sizes[info.Key] = info.Size
	}
	var gaps []Gap
	for i := range files {
		f := &files[i]
		size, there := sizes[f.key]
		g, err := a.file(ctx, f, size, there)
		if err != nil {
			return gaps, err
		}
		if g != nil {
			gaps = append(gaps, *g)
		}
	}
	return gaps, nil
}

// file returns what is wrong with a file, nil if nothing is.
func (a *audit) file(ctx context.Context, f *file, size int64, there bool) (*Gap, error) {
	g := &Gap{Type: f.of, Plan: f.plan, File: f.key, Rows: f.rows, Remedy: "restore the file from a backup; its rows are in the table if its manifest is loaded, but can't be loaded again"}
	switch {
	case !there:
		g.Kind, g.Detail = FileMissing, fmt.Sprintf("archive file %s is not there", f.key)
		return g, nil
	case size != f.size:
		g.Kind, g.Detail = FileCut, fmt.Sprintf("archive file %s has %d bytes, its plan says %d", f.key, size, f.size)
		return g, nil
	case !a.opts.Deep:
		return nil, nil
	}
	why, err := recount(ctx, a.Archive, f)
	if err != nil || why == "" {
		return nil, err
	}
	g.Kind, g.Detail = FileDamaged, fmt.Sprintf("archive file %s is damaged: %s", f.key, why)
	return g, nil
}

// recount reads a file and returns what is wrong with it.
func recount(ctx context.Context, from bucket.Bucket, f *file) (why string, err error) {
	stored := &stored{ctx: ctx, from: from, key: f.key, sum: crc32.New(bundle.Castagnoli)}
	lines, bad := countLines(stored)
	if stored.err != nil {
		return "", fmt.Errorf("read archive file %s: %w", f.key, stored.err)
	}
	if _, rest := io.Copy(io.Discard, stored); rest != nil { // all of it is in the sum
		return "", fmt.Errorf("read archive file %s: %w", f.key, rest)
	}
	switch sum := stored.sum.Sum32(); {
	case sum != f.crc32c:
		return fmt.Sprintf("its CRC-32C is %08x, by its plan it is %08x", sum, f.crc32c), nil
	case bad != "":
		return bad, nil
	case lines != f.rows:
		return fmt.Sprintf("it has %d rows, by its plan it has %d", lines, f.rows), nil
	}
	return "", nil
}

// countLines returns what is wrong with a gzip file in words.
func countLines(stored io.Reader) (n int64, bad string) {
	z, err := gzip.NewReader(bufio.NewReader(stored))
	if err != nil {
		return 0, err.Error()
	}
	buf := make([]byte, 256<<10)
	for {
		k, err := z.Read(buf)
		n += int64(bytes.Count(buf[:k], []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			return n, ""
		}
		if err != nil {
			return n, err.Error()
		}
	}
}

// stored reads an object piece by piece and sums it up.
type stored struct {
	ctx  context.Context
	from bucket.Bucket
	key  string
	at   int64
	buf  []byte
	left []byte // of buf
	sum  hash.Hash32
	end  bool
	err  error // why it could not be read
}

const pieceSize = 4 << 20

func (s *stored) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		if s.end {
			return 0, io.EOF
		}
		if s.buf, s.err = s.from.Get(s.ctx, s.key, s.at, pieceSize, s.buf[:0]); s.err != nil {
			return 0, s.err
		}
		_, _ = s.sum.Write(s.buf) // a hash never fails
		s.at += int64(len(s.buf))
		s.left, s.end = s.buf, len(s.buf) < pieceSize
		if len(s.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}
