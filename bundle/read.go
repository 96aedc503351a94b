package bundle

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// A bundle ends in a footer of fixed size, little-endian:
//
//	 0  offset of the index, 8 bytes
//	 8  length of the index, 8 bytes
//	16  CRC-32C of the index, 4 bytes
//	20  format version, 4 bytes
//	24  CRC-32C of the 24 bytes before, 4 bytes
//	28  magic, 8 bytes
//
// Every version keeps the last 16 bytes, so that an unknown version is told
// from damage.
const (
	footerSize = 36
	magic      = "ikadabnd"
	version    = 1
)

// tailSize is read first; it holds the index of nearly every bundle.
const tailSize = 64 << 10

type footer struct {
	offset, length int64
	crc32c         uint32
}

func (f footer) append(dst []byte) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.offset))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.length))
	dst = binary.LittleEndian.AppendUint32(dst, f.crc32c)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], Castagnoli))
	return append(dst, magic...)
}

// parseFooter reads the footer at the end of tail.
func parseFooter(tail []byte) (footer, error) {
	if len(tail) < footerSize {
		return footer{}, fmt.Errorf("read footer: only %d bytes: %w", len(tail), ikada.ErrCorrupt)
	}
	b := tail[len(tail)-footerSize:]
	u64, u32 := binary.LittleEndian.Uint64, binary.LittleEndian.Uint32
	if string(b[28:]) != magic || u32(b[24:]) != crc32.Checksum(b[:24], Castagnoli) {
		return footer{}, fmt.Errorf("read footer: %w", ikada.ErrCorrupt)
	}
	if v := u32(b[20:]); v != version {
		return footer{}, fmt.Errorf("read footer: version %d: %w", v, ikada.ErrVersion)
	}
	f := footer{offset: int64(u64(b)), length: int64(u64(b[8:])), crc32c: u32(b[16:])}
	if f.offset < 0 || f.length < 0 || f.length > 1<<40 || f.offset > 1<<40 {
		return footer{}, fmt.Errorf("read footer: index at %d of %d bytes: %w", f.offset, f.length, ikada.ErrCorrupt)
	}
	return f, nil
}

// index decodes the index, which the footer describes.
func (f footer) index(data []byte) (*Index, error) {
	if crc32.Checksum(data, Castagnoli) != f.crc32c {
		return nil, fmt.Errorf("read index: checksum differs: %w", ikada.ErrCorrupt)
	}
	x, err := parseWire(data, f.offset)
	if err != nil {
		return nil, err
	}
	x.Size = f.offset + f.length + footerSize
	return x, nil
}

// Parse returns the index of a bundle that is in memory as a whole. The
// segments themselves are not checked: that is done when they are copied.
func Parse(data []byte) (*Index, error) {
	f, err := parseFooter(data)
	if err != nil {
		return nil, err
	}
	if f.offset+f.length+footerSize != int64(len(data)) {
		return nil, fmt.Errorf("read footer: index at %d of %d bytes in %d: %w", f.offset, f.length, len(data), ikada.ErrCorrupt)
	}
	return f.index(data[f.offset : f.offset+f.length])
}

// ReadIndex reads the index of the bundle under a key, all checksums verified,
// in one range read (two if the index is large). Its errors wrap
// ikada.ErrNotFound, ikada.ErrCorrupt, ikada.ErrVersion or the bucket's own.
func ReadIndex(ctx context.Context, b bucket.Bucket, key string) (*Index, error) {
	lane, ordinal, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	x, err := readIndex(ctx, b, key)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", key, err)
	}
	if x.Lane != lane || x.Ordinal != ordinal {
		return nil, fmt.Errorf("bundle %s says that it is %s: %w", key, Key(x.Lane, x.Ordinal), ikada.ErrCorrupt)
	}
	return x, nil
}

func readIndex(ctx context.Context, b bucket.Bucket, key string) (*Index, error) {
	tail, err := b.Get(ctx, key, -tailSize, -1, nil)
	if err != nil {
		return nil, err
	}
	f, err := parseFooter(tail)
	if err != nil {
		return nil, err
	}
	if start := int64(len(tail)) - footerSize - f.length; start >= 0 {
		if len(tail) < tailSize && start != f.offset {
			return nil, fmt.Errorf("read footer: index at %d, not %d: %w", start, f.offset, ikada.ErrCorrupt)
		}
		return f.index(tail[start : start+f.length])
	}
	data, err := b.Get(ctx, key, f.offset, f.length, nil)
	if err != nil {
		return nil, err
	}
	return f.index(data)
}
