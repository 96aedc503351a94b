package bundle

import (
	"hash/crc32"

	"github.com/ikada-io/ikada/bundle/rowflate"
)

// Packed is a segment, compressed. Each piece has a fresh window, so that it
// needs nothing of the others: as segments can be bound, pieces can.
type Packed struct {
	Extent // but for the offset
	Pieces [][]byte
}

// Packer compresses segments into memory of its own. It is not safe for
// concurrent use.
type Packer struct {
	encoder *rowflate.Encoder // made when it is needed
	blocks  [][]byte          // kept from bundle to bundle
	used    int               // blocks in use, of which the last is being filled
}

// NewPacker returns a packer.
func NewPacker() *Packer { return new(Packer) }

// packBytes is how much memory a packer takes at once.
const packBytes = 1 << 20

// Codes are what compressing a segment's rows needs, for the next like them.
type Codes = rowflate.Codes

// Add compresses rows and adds them to a segment. codes, which may be nil, are
// those of rows like these, and what they are decides about the bytes, too. The
// bytes are valid until Reset.
func (p *Packer) Add(to *Packed, rows []byte, codes *Codes) {
	if p.encoder == nil {
		p.encoder = rowflate.New()
	}
	room := p.room(len(rows)/3 + 3<<10)
	piece := p.encoder.AppendLike(room, rows, codes)
	if cap(piece) == cap(room) { // else it has found memory elsewhere
		last := &p.blocks[p.used-1]
		*last = (*last)[:len(*last)+len(piece)]
	}
	to.Pieces = append(to.Pieces, piece[:len(piece):len(piece)])
	to.Length += int64(len(piece))
	to.Raw += int64(len(rows))
	to.CRC32 = crc32.Update(to.CRC32, crc32.IEEETable, rows)
	to.CRC32C = crc32.Update(to.CRC32C, Castagnoli, piece)
}

// room returns an empty slice with room for n bytes, if possible.
func (p *Packer) room(n int) []byte {
	if p.used > 0 {
		if last := p.blocks[p.used-1]; cap(last)-len(last) >= n {
			return last[len(last):]
		}
	}
	if p.used == len(p.blocks) {
		p.blocks = append(p.blocks, make([]byte, 0, packBytes))
	}
	p.used++
	return p.blocks[p.used-1]
}

// Reset makes the memory of all that was added free for more.
func (p *Packer) Reset() {
	for i := range p.blocks[:p.used] {
		p.blocks[i] = p.blocks[i][:0]
	}
	p.used = 0
}
