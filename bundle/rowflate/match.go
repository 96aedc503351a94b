package rowflate

import (
	"encoding/binary"
	"math/bits"
)

// A match is looked for where the one before ended, and at punctuation: where
// a value begins or ends. In between there are the digits and letters by which
// a row differs from the others, and looking there would be for nothing. So a
// row costs some twenty look-ups, not one a byte.

const (
	tableBits = 13 // 16 KB: a part of a core's nearest cache
	hashBytes = 6  // as many as tell most keys apart, punctuation included
)

// table says where bytes of a hash were looked up last, modulo 65,536. What it
// says is a guess: bytes are compared before they are a match.
type table [1 << tableBits]uint16

func hash(v uint64) uint64 {
	const prime = 0x9E3779B185EBCA87
	return v << (64 - 8*hashBytes) * prime >> (64 - tableBits)
}

// load64 reads eight bytes. A slice bounded on both sides spares the compiler
// the care for a pointer behind the end, and that spares a tenth of all time.
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// margin is how many bytes at the end are literals unseen, so that nobody who
// reads eight at a time reads too far.
const margin = 16

// tokenize turns src[from:] into tokens, up to what a block has. It returns
// them and where it stopped.
func (e *Encoder) tokenize(src []byte, from int) (_ []token, to int) {
	tokens := e.tokens[:]
	p, k, limit := from, 0, len(src)-margin
	for p < limit && k < blockTokens {
		v := load64(src, p)
		slot := &e.table[hash(v)]
		d := int(uint16(p) - *slot)
		*slot = uint16(p)
		if c := p - d; uint(d-1) < window && c >= 0 && uint32(load64(src, c)) == uint32(v) {
			n := matchLength(src, c, p)
			for k > 0 && c > 0 && tokens[k-1] < endOfBlock && src[c-1] == src[p-1] {
				// The literal before belongs to it: a last digit, mostly.
				k, c, p, n = k-1, c-1, p-1, n+1
			}
			if n <= maxMatch {
				pair := tokens[k : k+2 : k+2]
				pair[0], pair[1] = lengthToken[n], distanceToken(uint32(d))
				k += 2
			} else {
				k += putLong(tokens[k:], n, distanceToken(uint32(d)))
			}
			p += n
			continue
		}
		if byte(v) == '"' {
			// New to this place. In the next row a match will end behind the
			// quote, or behind the colon, and that is where it will look.
			if byte(v>>8) == ':' {
				e.table[hash(v>>16)] = uint16(p + 2)
			} else {
				e.table[hash(v>>8)] = uint16(p + 1)
			}
		}
		mark := marks(v&^0xff | 'a') // not the byte that was looked up
		for mark == 0 && p < limit-8 && k < blockTokens {
			putFour(tokens, k, uint32(v))
			putFour(tokens, k+4, uint32(v>>32))
			p, k = p+8, k+8
			v = load64(src, p)
			mark = marks(v)
		}
		putFour(tokens, k, uint32(v))
		putFour(tokens, k+4, uint32(v>>32))
		n := bits.TrailingZeros64(mark) >> 3 // all eight without a mark
		p, k = p+n, k+n
	}
	if p >= limit {
		for ; p < len(src); p++ {
			tokens[k] = token(src[p])
			k++
		}
	}
	return tokens[:k], p
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// marks returns a word whose lowest bit that is set tells the first byte of v
// that is punctuation: below '-', or '}'.
func marks(v uint64) uint64 {
	brace := v ^ '}'*lowBits
	return ((v-'-'*lowBits)&^v | (brace-lowBits)&^brace) & highBits
}

// putFour stores four literals, of which some may count. It is short enough
// to be inlined.
func putFour(tokens []token, k int, v uint32) {
	dst := tokens[k : k+4 : k+4]
	dst[0] = token(byte(v))
	dst[1] = token(byte(v >> 8))
	dst[2] = token(byte(v >> 16))
	dst[3] = token(v >> 24)
}

// matchLength returns how many bytes src has in common at c and at p, behind
// c, up to longest. It looks at four words at a time without a branch between
// them: matches end anywhere, so such a branch goes wrong every other time.
func matchLength(src []byte, c, p int) int {
	start, end := p, min(len(src), p+longest)
	for p+32 <= end {
		a, b := src[c:c+32:c+32], src[p:p+32:p+32]
		x0, x1 := load64(a, 0)^load64(b, 0), load64(a, 8)^load64(b, 8)
		x2, x3 := load64(a, 16)^load64(b, 16), load64(a, 24)^load64(b, 24)
		x, n := x0, p-start
		if x == 0 {
			x, n = x1, n+8
		}
		if x == 0 {
			x, n = x2, n+8
		}
		if x == 0 {
			x, n = x3, n+8
		}
		if x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		c, p = c+32, p+32
	}
	for p < end && src[c] == src[p] {
		c, p = c+1, p+1
	}
	return p - start
}

// putLong stores a match longer than DEFLATE's as several, and returns the
// number of tokens.
func putLong(tokens []token, n int, distance token) (k int) {
	for n > 0 {
		part := min(n, maxMatch)
		if rest := n - part; rest > 0 && rest < minMatch {
			part -= minMatch
		}
		tokens[k], tokens[k+1] = lengthToken[part], distance
		k, n = k+2, n-part
	}
	return k
}
