package kinesisrecord

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// inflater decompresses. What it returns lives in one piece of memory, until it
// is reset.
type inflater struct {
	memory []byte
	src    bytes.Reader
	limit  int // of memory
	spent  int // what the last payload inflated to in vain
	gzip   *gzip.Reader
	zlib   io.ReadCloser
	zstd   *zstd.Decoder
	snappy *s2.Reader
}

const (
	gzipMagic   = "\x1f\x8b"
	zstdMagic   = "\x28\xb5\x2f\xfd"
	snappyMagic = "\xff\x06\x00\x00sNaPpY"

	// maxWindow bounds the memory of a zstd decoder, as collect does.
	maxWindow = 8 << 20
	// maxSnappyRatio: a snappy element makes at most 64 bytes, and has at least 2.
	maxSnappyRatio = 32
	// keptMemory bounds what is kept from record to record.
	keptMemory = 16 << 20
)

var errBehind = errors.New("bytes behind the end of the compressed data")

func (f *inflater) reset() {
	if cap(f.memory) > keptMemory {
		f.memory = nil
	}
	f.memory = f.memory[:0]
}

// plain returns a payload as text, decompressed if need be to at most limit
// bytes, and what stands behind the compressed data.
func (f *inflater) plain(b []byte, limit int64, bare bool) (text, rest []byte, err error) {
	start := len(f.memory)
	f.limit, f.spent = start+int(limit), 0
	name := ""
	switch {
	case bytes.HasPrefix(b, []byte(gzipMagic)):
		name = "gzip"
		rest, err = f.gunzip(b)
	case bytes.HasPrefix(b, []byte(zstdMagic)):
		name = "zstd"
		err = f.unzstd(b)
	case bytes.HasPrefix(b, []byte(snappyMagic)):
		name = "snappy"
		err = f.unsnappy(b)
	case isZlib(b):
		name = "zlib"
		rest, err = f.unzlib(b)
	}
	if name != "" && err == nil {
		return f.memory[start:len(f.memory):len(f.memory)], rest, nil
	}
	f.spent = len(f.memory) - start
	f.memory = f.memory[:start]
	if name == "" || name == "zlib" && !errors.Is(err, errTooLarge) { // two bytes are a weak mark
		if bare {
			if text, ok := f.block(b); ok {
				return text, nil, nil
			}
		}
		if name == "" || utf8.Valid(b) {
			return b, nil, nil
		}
	}
	return nil, nil, fmt.Errorf("the %s data cannot be decompressed: %w", name, err)
}

// isZlib looks for a zlib header: deflate with a window of 32 KiB, one of four
// levels, no dictionary.
func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0] == 0x78 && b[1]&0x20 == 0 && (int(b[0])<<8|int(b[1]))%31 == 0
}

// gunzip reads gzip members. Whole ones count even if what follows is broken.
func (f *inflater) gunzip(b []byte) (rest []byte, err error) {
	if f.gzip == nil {
		f.gzip = new(gzip.Reader)
	}
	f.src.Reset(b)
	for rest = b; bytes.HasPrefix(rest, []byte(gzipMagic)); rest = b[len(b)-f.src.Len():] {
		start := len(f.memory)
		err := f.member()
		if err == nil {
			continue
		}
		if len(rest) == len(b) || errors.Is(err, errTooLarge) {
			return nil, err
		}
		f.memory = f.memory[:start]
		break
	}
	return rest, nil
}

// member reads one gzip member.
func (f *inflater) member() error {
	if err := f.gzip.Reset(&f.src); err != nil {
		return err
	}
	f.gzip.Multistream(false)
	return f.read(f.gzip)
}

func (f *inflater) unzlib(b []byte) (rest []byte, err error) {
	f.src.Reset(b)
	if f.zlib == nil {
		f.zlib, err = zlib.NewReader(&f.src)
	} else {
		err = f.zlib.(zlib.Resetter).Reset(&f.src, nil)
	}
	if err == nil {
		err = f.read(f.zlib)
	}
	return b[len(b)-f.src.Len():], err
}

func (f *inflater) unzstd(b []byte) (err error) {
	f.src.Reset(b)
	if f.zstd == nil {
		f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
	}
	if err := f.zstd.Reset(&f.src); err != nil {
		return err
	}
	return f.read(f.zstd)
}

func (f *inflater) unsnappy(b []byte) error {
	f.src.Reset(b)
	if f.snappy == nil {
		f.snappy = s2.NewReader(&f.src, s2.ReaderMaxBlockSize(64<<10))
	} else {
		f.snappy.Reset(&f.src)
	}
	return f.read(f.snappy)
}

// block decompresses a bare snappy block, if b is one.
func (f *inflater) block(b []byte) ([]byte, bool) {
	n, err := snappy.DecodedLen(b)
	if err != nil || n > f.limit-len(f.memory) || n > maxSnappyRatio*len(b) {
		return nil, false
	}
	start := len(f.memory)
	f.memory = slices.Grow(f.memory, n)
	text, err := snappy.Decode(f.memory[start:start+n], b)
	if err != nil {
		return nil, false
	}
	f.memory = f.memory[:start+n]
	return text, true
}

var errTooLarge = errors.New("it inflates to more than one record may: raise the limit, or look what sends it")

// read appends what r yields to the memory.
func (f *inflater) read(r io.Reader) error {
	for {
		if len(f.memory) == cap(f.memory) {
			f.memory = slices.Grow(f.memory, 4<<10)
		}
		n, err := r.Read(f.memory[len(f.memory):cap(f.memory)])
		if f.memory = f.memory[:len(f.memory)+n]; len(f.memory) > f.limit {
			return errTooLarge
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
