package kinesisrecord

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

var errNotCompressed = errors.New("not compressed")

// inflater decompresses, with one limit for all that a record holds.
type inflater struct {
	left int64
	gzip *gzip.Reader
	zlib io.ReadCloser
	zstd *zstd.Decoder
}

// inflate decompresses data, whose first bytes tell how; snappy's do not.
func (z *inflater) inflate(data []byte, asSnappy bool) ([]byte, error) {
	var name string
	var plain []byte
	var err error
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		name = "gzip"
		plain, err = z.read(z.gunzip(data))
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		name = "zstd"
		plain, err = z.read(z.unzstd(data))
	case len(data) > 2 && data[0] == 0x78 && (int(data[0])<<8|int(data[1]))%31 == 0:
		name = "zlib"
		plain, err = z.read(z.unzlib(data))
	case asSnappy && len(data) > 0 && data[0] != '{':
		name = "snappy"
		plain, err = z.unsnappy(data)
	default:
		return nil, errNotCompressed
	}
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", name, err)
	}
	z.left -= int64(len(plain))
	return plain, nil
}

// read reads to the end or to the limit.
func (z *inflater) read(r io.Reader, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, z.left+1))
	if err == nil && int64(len(plain)) > z.left {
		err = z.tooLarge()
	}
	return plain, err
}

func (z *inflater) tooLarge() error {
	return fmt.Errorf("it holds more than the %d bytes that are left to a record", z.left)
}

func (z *inflater) gunzip(data []byte) (io.Reader, error) {
	if z.gzip == nil {
		z.gzip = new(gzip.Reader)
	}
	return z.gzip, z.gzip.Reset(bytes.NewReader(data))
}

func (z *inflater) unzlib(data []byte) (r io.Reader, err error) {
	if z.zlib == nil {
		z.zlib, err = zlib.NewReader(bytes.NewReader(data))
		return z.zlib, err
	}
	return z.zlib, z.zlib.(zlib.Resetter).Reset(bytes.NewReader(data), nil)
}

func (z *inflater) unzstd(data []byte) (r io.Reader, err error) {
	if z.zstd == nil {
		// RFC 8878 recommends to support windows of 8 MiB.
		z.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
	}
	return z.zstd, z.zstd.Reset(bytes.NewReader(data))
}

// unsnappy reads snappy's block format, which is what Fluent Bit writes.
func (z *inflater) unsnappy(data []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(data)
	if err != nil {
		return nil, err
	}
	if int64(n) > z.left {
		return nil, z.tooLarge()
	}
	return snappy.Decode(nil, data)
}
