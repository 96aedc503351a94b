package bundle

import "hash/crc32"

// Castagnoli is the table of CRC-32C, with which stored bytes are checked.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	combineIEEE       = newCombiner(crc32.IEEE)
	combineCastagnoli = newCombiner(crc32.Castagnoli)
)

// CombineCRC32 returns the CRC-32 of A followed by B, of which a and b are the
// CRC-32s and lenB is B's length in bytes.
func CombineCRC32(a, b uint32, lenB int64) uint32 { return combineIEEE.combine(a, b, lenB) }

// CombineCRC32C is CombineCRC32 for CRC-32C.
func CombineCRC32C(a, b uint32, lenB int64) uint32 { return combineCastagnoli.combine(a, b, lenB) }

// combiner does what zlib's crc32_combine does. Appending n zero bytes to a
// text multiplies its CRC by x^8n modulo the polynomial. power[k][d] is
// x^(8·d·256^k), so a multiplication for each byte of n is enough.
type combiner struct {
	polynomial uint32 // bit-reversed: x^0 is the highest bit
	power      [8][256]uint32
}

func newCombiner(polynomial uint32) *combiner {
	c := &combiner{polynomial: polynomial}
	step := uint32(1) << (31 - 8) // x^8
	for k := range c.power {
		c.power[k][0] = 1 << 31 // x^0
		for d := 1; d < 256; d++ {
			c.power[k][d] = c.multiply(c.power[k][d-1], step)
		}
		step = c.multiply(c.power[k][255], step)
	}
	return c
}

func (c *combiner) combine(a, b uint32, lenB int64) uint32 {
	for k, n := 0, uint64(lenB); n != 0; k, n = k+1, n>>8 {
		if d := n & 0xff; d != 0 {
			a = c.multiply(c.power[k][d], a)
		}
	}
	return a ^ b
}

// multiply returns a·b modulo the polynomial; a is not 0.
func (c *combiner) multiply(a, b uint32) (product uint32) {
	for {
		product ^= b & uint32(int32(a)>>31)
		if a <<= 1; a == 0 {
			return product
		}
		b = b>>1 ^ c.polynomial&-(b&1)
	}
}
