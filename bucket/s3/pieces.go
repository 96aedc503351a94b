package s3

import (
	"errors"
	"hash/crc32"
	"io"
)

// pieces reads a body that is in pieces, without joining them. It can be
// rewound, which signing needs.
type pieces struct {
	body  [][]byte
	size  int64
	touch func() // called whenever bytes are taken

	i, off int   // the next byte is body[i][off]
	pos    int64 // its offset in the whole
}

func newPieces(body [][]byte, touch func()) *pieces {
	return &pieces{body: body, size: sizeOf(body), touch: touch}
}

func sizeOf(body [][]byte) (n int64) {
	for _, piece := range body {
		n += int64(len(piece))
	}
	return n
}

func (p *pieces) Read(b []byte) (n int, err error) {
	p.touch()
	for n < len(b) && p.i < len(p.body) {
		k := copy(b[n:], p.body[p.i][p.off:])
		n, p.off, p.pos = n+k, p.off+k, p.pos+int64(k)
		if p.off == len(p.body[p.i]) {
			p.i, p.off = p.i+1, 0
		}
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (p *pieces) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.pos
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return 0, errors.New("seek to before the start")
	}
	p.pos = min(offset, p.size)
	rest := p.pos
	for p.i = 0; p.i < len(p.body) && rest >= int64(len(p.body[p.i])); p.i++ {
		rest -= int64(len(p.body[p.i]))
	}
	p.off = int(rest)
	return p.pos, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C of the whole, which processors compute themselves.
func checksum(body [][]byte) (sum uint32) {
	for _, piece := range body {
		sum = crc32.Update(sum, castagnoli, piece)
	}
	return sum
}
