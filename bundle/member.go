package bundle

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"

	"github.com/klauspost/compress/gzip"
)

// Compressed segments are runs of raw DEFLATE blocks that begin with a fresh
// window, have no final block and end on a byte boundary. So segments in any
// order, behind a gzip header and before an empty final block and the trailer,
// are one ordinary gzip member.
var (
	gzipHeader  = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255} // no time, unknown system
	gzipFinal   = []byte{0x03, 0x00}
	headerCRC32 = crc32.Checksum(gzipHeader, Castagnoli)
)

// MemberOverhead is what binding adds to the bytes of the segments.
const MemberOverhead = 10 + 2 + 8

// Member binds segments into one gzip member without inflating or copying
// them. The zero value is an empty member.
type Member struct {
	length, raw   int64
	crc32, crc32c uint32
	pieces        [][]byte
}

// Add appends a segment. compressed may be nil if only Size, Raw and CRC32C
// are wanted. It is kept, not copied.
func (m *Member) Add(e Extent, compressed []byte) {
	if m.length == 0 {
		m.crc32c = headerCRC32
		m.pieces = append(m.pieces[:0], gzipHeader)
	}
	m.crc32 = CombineCRC32(m.crc32, e.CRC32, e.Raw)
	m.crc32c = CombineCRC32C(m.crc32c, e.CRC32C, e.Length)
	m.length += e.Length
	m.raw += e.Raw
	if compressed != nil {
		m.pieces = append(m.pieces, compressed)
	}
}

// Body returns the gzip member in pieces.
func (m *Member) Body() [][]byte {
	if m.length == 0 {
		return [][]byte{gzipHeader, m.trailer()}
	}
	return append(m.pieces, m.trailer())
}

// Size returns the member's length in bytes.
func (m *Member) Size() int64 { return m.length + MemberOverhead }

// Raw returns the length of what is compressed in it.
func (m *Member) Raw() int64 { return m.raw }

// CRC32C returns the CRC-32C of the member's bytes.
func (m *Member) CRC32C() uint32 {
	crc := m.crc32c
	if m.length == 0 {
		crc = headerCRC32
	}
	return crc32.Update(crc, Castagnoli, m.trailer())
}

func (m *Member) trailer() []byte {
	t := append(make([]byte, 0, 10), gzipFinal...)
	t = binary.LittleEndian.AppendUint32(t, m.crc32)
	return binary.LittleEndian.AppendUint32(t, uint32(m.raw)) // modulo 2^32, as gzip has it
}

// Inflate returns the rows of a segment whose compressed bytes, in pieces, are
// at hand. They are compared with its checksum and length.
func Inflate(e Extent, compressed ...[]byte) ([]byte, error) {
	var m Member
	m.Add(e, nil)
	m.pieces = append(m.pieces, compressed...)
	body := net.Buffers(m.Body())
	z, err := gzip.NewReader(&body)
	if err != nil {
		return nil, fmt.Errorf("inflate a segment: %w", err)
	}
	rows, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("inflate a segment: %w", err)
	}
	return rows, nil
}
