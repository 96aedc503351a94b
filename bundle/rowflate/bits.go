package rowflate

import (
	"encoding/binary"
	"slices"
)

// bitWriter writes bits, the lowest first, as DEFLATE has them. At most seven
// bits wait for their byte to be full.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint // bits in acc
}

// spare is how many bytes beyond those it fills a writer may touch: it always
// stores eight.
const spare = 8

// reserve makes room for so many bytes, which what follows may write unasked.
func (w *bitWriter) reserve(n int) { w.out = slices.Grow(w.out, n+spare) }

// write writes the low n bits of v, which has no others, into room that is
// reserved; n is at most 56.
func (w *bitWriter) write(v uint64, n uint) {
	w.acc |= v << (w.n & 63)
	w.n += n
	at := len(w.out)
	binary.LittleEndian.PutUint64(w.out[at:at+spare], w.acc)
	w.out = w.out[:at+int(w.n>>3)]
	w.acc >>= w.n & 56
	w.n &= 7
}

// align fills the last byte with zeros.
func (w *bitWriter) align() { w.write(0, -w.n&7) }
