package redshift

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

const fetchBytes = 4 << 20 // asked for at once

// archiveReader streams an archive file and sums it up.
type archiveReader struct {
	ctx  context.Context
	from bucket.Bucket
	file warehouse.File
	buf  []byte
	left []byte // of buf
	size int64
	sum  hash.Hash32
	end  bool
	err  error // why no more could be read
}

func readArchive(ctx context.Context, from bucket.Bucket, f warehouse.File, buf []byte) *archiveReader {
	return &archiveReader{ctx: ctx, from: from, file: f, buf: buf, sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
}

func (r *archiveReader) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *archiveReader) fetch() error {
	if r.end {
		return io.EOF
	}
	var err error
	if r.buf, err = r.from.Get(r.ctx, r.file.Key, r.size, fetchBytes, r.buf[:0]); err != nil {
		r.err = fmt.Errorf("archive file %s: %w", r.file.Key, err)
		return r.err
	}
	_, _ = r.sum.Write(r.buf) // a hash never fails
	r.size += int64(len(r.buf))
	r.left, r.end = r.buf, len(r.buf) < fetchBytes
	if len(r.buf) == 0 {
		return io.EOF
	}
	return nil
}

// check reads what is left and compares the whole with what the manifest says.
func (r *archiveReader) check() error {
	for {
		err := r.fetch()
		if errors.Is(err, io.EOF) {
			return rows.Compare(r.file, r.size, r.sum.Sum32())
		}
		if err != nil {
			return err
		}
	}
}

// checkFiles reads the files through: Redshift would find a flipped bit by
// gzip's own checksum, but not that a file is another than the manifest says.
func (w *Warehouse) checkFiles(ctx context.Context, files []warehouse.File) error {
	var buf []byte
	for _, f := range files {
		if w.opts.Unchecked {
			continue
		}
		r := readArchive(ctx, w.archive, f, buf)
		if err := r.check(); err != nil {
			return err
		}
		buf = r.buf
	}
	return nil
}
