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

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
)

// files looks for the archive files of a chunk by listing their hours, and
// reads them in a deep audit.
func (a *audit) files(ctx context.Context, c *chunk) error {
	files := slices.DeleteFunc(c.all(), func(f file) bool { return a.leaves(f.of) })
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
			f, err := a.hour(ctx, folder, some, c.first, c.last)
			mu.Lock()
			defer mu.Unlock()
			a.of(some[0].of).Expired += f.expired
			for _, g := range f.gaps {
				a.gap(g)
			}
			return err
		})
	}
	return group.Wait()
}

func (f *file) folder() string { return f.key[:strings.LastIndexByte(f.key, '/')+1] }

// hour looks at the files that plans first to last made in a folder.
func (a *audit) hour(ctx context.Context, folder string, files []file, first, last uint64) (found, error) {
	sizes := make(map[string]int64, len(files))
	for info, err := range a.Archive.List(ctx, folder, fmt.Sprintf("%s%012d", folder, first)) {
		if err != nil {
			return found{}, fmt.Errorf("list archive files of %s: %w", folder, err)
		}
		name := strings.TrimPrefix(info.Key, folder)
		if strings.HasPrefix(name, "hh=") {
			break // hours of a day that has files of its own, too: they sort behind these
		}
		number, _, _ := strings.Cut(name, "-")
		if n, err := strconv.ParseUint(number, 10, 64); err == nil && n > last {
			break
		}
		sizes[info.Key] = info.Size
	}
	h := &hourFiles{audit: a, sizes: sizes, checked: map[string]string{}, lost: map[string]bool{}}
	for i := range files {
		if err := h.look(ctx, &files[i]); err != nil {
			return found{}, err
		}
	}
	return h.found, nil
}

// hourFiles looks at the files of an hour.
type hourFiles struct {
	*audit
	sizes   map[string]int64 // of what is there
	checked map[string]string
	fresh   bool            // the map was read behind the listing
	lost    map[string]bool // objects that are lost for sure
	found   found
}

// found is what was found of files.
type found struct {
	gaps    []Gap
	expired int64 // rows
}

// look looks at a file where it was written, or where the archive's map says
// that its rows are now.
func (h *hourFiles) look(ctx context.Context, f *file) error {
	size, there := h.sizes[f.key]
	at := holder{kind: FileMissing, key: f.key, what: "is not there"}
	switch {
	case there && size != f.size:
		at.kind, at.what = FileCut, fmt.Sprintf("has %d bytes, its plan says %d", size, f.size)
	case there:
		if err := h.read(ctx, &at, *f); err != nil || at.kind == "" {
			return err
		}
	}
	// What is remembered of the map may be old. Before it is a gap the map is
	// read anew, once behind the listing or behind what was read: records are
	// written before files change, so then it knows all that has happened.
	for _, fresh := range []bool{false, true} {
		if fresh && (h.lost[at.key] || h.fresh && at.kind != FileDamaged && at.key == f.key) {
			break
		}
		h.fresh = h.fresh || fresh
		where, err := h.places.find(ctx, f.key, fresh)
		switch {
		case err != nil:
			return err
		case where.expired:
			h.found.expired += f.rows
			return nil
		case where.object == nil:
			continue
		}
		moved, err := h.moved(ctx, f, *where.object)
		if err != nil || moved.kind == "" {
			return err
		}
		at = moved
	}
	h.lost[at.key] = true
	h.gap(f, &at)
	return nil
}

// holder is what holds a file's rows, and what is wrong with it: nothing, if the
// kind is empty.
type holder struct {
	kind      Kind
	key, what string
}

// moved looks at the compacted file that holds a file's rows.
func (h *hourFiles) moved(ctx context.Context, f *file, object manifest.File) (holder, error) {
	at := holder{kind: FileMissing, key: object.Key, what: "is not there; it was compacted from " + f.key + " and others"}
	size, there := h.sizes[object.Key]
	if !there { // it may be younger than the listing
		info, err := h.Archive.Stat(ctx, object.Key)
		if err != nil && !errors.Is(err, ikada.ErrNotFound) {
			return at, fmt.Errorf("look for archive file %s: %w", object.Key, err)
		}
		if size, there = info.Size, err == nil; there {
			h.sizes[object.Key] = size
		}
	}
	switch {
	case !there:
		return at, nil
	case size != object.Size:
		at.kind, at.what = FileCut, fmt.Sprintf("has %d bytes, the archive's map says %d; it was compacted from %s and others", size, object.Size, f.key)
		return at, nil
	}
	return at, h.read(ctx, &at, file{key: object.Key, rows: object.Rows, crc32c: object.CRC32C})
}

// read reads an object, in a deep audit, once.
func (h *hourFiles) read(ctx context.Context, at *holder, object file) error {
	at.kind = ""
	if !h.opts.Deep {
		return nil
	}
	why, known := h.checked[object.key]
	if !known {
		var err error
		why, err = recount(ctx, h.Archive, &object)
		if errors.Is(err, ikada.ErrNotFound) { // it was a moment ago
			why, err = "it was deleted while it was read", nil
		}
		if err != nil {
			return err
		}
		h.checked[object.key] = why
	}
	if why != "" {
		at.kind, at.what = FileDamaged, "is damaged: "+why
	}
	return nil
}

func (h *hourFiles) gap(f *file, at *holder) {
	h.found.gaps = append(h.found.gaps, Gap{
		Kind: at.kind, Type: f.of, Plan: f.plan, File: at.key, Rows: f.rows, Detail: fmt.Sprintf("archive file %s %s", at.key, at.what),
		Remedy: "restore the file from a backup; its rows are in the table if their manifest is loaded, but can't be loaded again",
	})
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
