package record

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Most of what a row is made of is shorter than this. It is copied as if it
// were so long, wherever there is room: a copy of the right length is a call
// with a branch for each length.
const shortBytes = 32

// appendBytes appends s.
func appendBytes(dst, s []byte) []byte {
	at := len(dst)
	if len(s) <= shortBytes && cap(s) >= shortBytes && cap(dst)-at >= shortBytes {
		copyShort(dst[at:at+shortBytes], s)
		return dst[:at+len(s)]
	}
	return append(dst, s...)
}

// copyShort copies shortBytes word by word: the compiler makes a call of copying
// an array that may overlap.
func copyShort(to, from []byte) {
	to, from = to[:shortBytes], from[:shortBytes]
	a, b := binary.LittleEndian.Uint64(from[0:]), binary.LittleEndian.Uint64(from[8:])
	c, d := binary.LittleEndian.Uint64(from[16:]), binary.LittleEndian.Uint64(from[24:])
	binary.LittleEndian.PutUint64(to[0:], a)
	binary.LittleEndian.PutUint64(to[8:], b)
	binary.LittleEndian.PutUint64(to[16:], c)
	binary.LittleEndian.PutUint64(to[24:], d)
}

// appendInt appends an integer's digits.
func appendInt(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst, u = append(dst, '-'), -u
	}
	dst = slices.Grow(dst, maxDigits+8)
	return dst[:putUint(dst[:cap(dst)], len(dst), u)]
}

const maxDigits = 20 // of an uint64

// putUint puts a number's digits into out, which has room for eight bytes more
// than they are, and returns where they end.
func putUint(out []byte, at int, u uint64) int {
	if u < 1e8 { // two in a row mostly go the same way
		return putDigits(out, at, uint32(u))
	}
	at = putUint(out, at, u/1e8)
	binary.LittleEndian.PutUint64(out[at:], eightDigits(uint32(u%1e8)))
	return at + 8
}

// putDigits is putUint of a number below 10^8.
func putDigits(out []byte, at int, u uint32) int {
	eight := eightDigits(u)
	zeros := bits.TrailingZeros64(eight^'0'*lowBits|1<<56) &^ 7 // but for the last digit
	binary.LittleEndian.PutUint64(out[at:at+8:at+8], eight>>zeros)
	return at + 8 - zeros/8
}

// eightDigits returns the digits of a number below 10^8, zeros at the beginning
// included, as text in the order of memory. It works on all of them at once.
func eightDigits(u uint32) uint64 {
	fours := uint64(u/1e4) | uint64(u%1e4)<<32
	hundreds := fours * 10486 >> 20 & 0x7f_0000007f // a 100th, below 10^4
	twos := hundreds | (fours-hundreds*100)<<16
	tens := twos * 103 >> 10 & 0xf_000f_000f_000f // a tenth, below 100
	return tens | (twos-tens*10)<<8 | '0'*lowBits
}

// increment36 adds one to a number in base 36.
func increment36(text []byte) []byte {
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case 'z':
			text[i] = '0'
			continue
		case '9':
			text[i] = 'a'
		default:
			text[i]++
		}
		return text
	}
	return slices.Insert(text, 0, '1')
}
