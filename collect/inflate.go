package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ErrEncoding: a compression that is not known.
var ErrEncoding = errors.New("unknown compression")

// maxWindow bounds the memory of a zstd decoder. RFC 8878 recommends to support
// 8 MiB, and no encoder needs more unless it is told to.
const maxWindow = 8 << 20

var gzipReaders, zstdReaders sync.Pool

// Inflate reads compressed bytes ("gzip", of any number of members, or "zstd")
// to the end and decompresses them into a buffer. The error wraps ErrTooLarge
// if there are more than limit bytes.
func Inflate(ctx context.Context, compression string, src io.Reader, into *Buffer, limit int64) error {
	var err error
	switch compression {
	case "gzip":
		err = gunzip(ctx, src, into, limit)
	case "zstd":
		err = unzstd(ctx, src, into, limit)
	default:
		return fmt.Errorf("%w %q: use gzip or zstd", ErrEncoding, compression)
	}
	if err != nil {
		return fmt.Errorf("decompress %s: %w", compression, err)
	}
	return nil
}

func gunzip(ctx context.Context, src io.Reader, into *Buffer, limit int64) error {
	r, ok := gzipReaders.Get().(*gzip.Reader)
	if !ok {
		r = new(gzip.Reader)
	}
	defer gzipReaders.Put(r)
	if err := r.Reset(src); errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // no member at all
	} else if err != nil {
		return err
	}
	return into.ReadAll(ctx, r, limit)
}

func unzstd(ctx context.Context, src io.Reader, into *Buffer, limit int64) error {
	d, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
	}
	defer func() {
		_ = d.Reset(nil) // let go of src; a nil reader cannot fail
		zstdReaders.Put(d)
	}()
	if err := d.Reset(src); err != nil {
		return err
	}
	return into.ReadAll(ctx, d, limit)
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, limit)
}
