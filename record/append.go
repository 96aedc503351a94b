package record

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Most of what a row is made of is shorter than this. It is copied as if it
// were so long, wherever there is room: that is two instructions, where a
// copy of the right length is a call with a branch for each length.
const shortBytes = 32

// appendBytes appends s.
func appendBytes(dst, s []byte) []byte {
	at := len(dst)
	if len(s) <= shortBytes && cap(s) >= shortBytes && cap(dst)-at >= shortBytes {
		*(*[shortBytes]byte)(dst[at : at+shortBytes]) = *(*[shortBytes]byte)(s[:shortBytes])
		return dst[:at+len(s)]
	}
	return append(dst, s...)
}

// pairs has the digits of 0 to 99.
const pairs = "0001020304050607080910111213141516171819" +
	"2021222324252627282930313233343536373839" +
	"4041424344454647484950515253545556575859" +
	"6061626364656667686970717273747576777879" +
	"8081828384858687888990919293949596979899"

// appendInt appends an integer's digits.
func appendInt(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst, u = append(dst, '-'), -u
	}
	at, n := len(dst), digits(u)
	if cap(dst)-at < n {
		dst = slices.Grow(dst, n)
	}
	out := dst[at : at+n]
	for u >= 100 {
		n -= 2
		binary.LittleEndian.PutUint16(out[n:n+2:n+2], pair(u%100))
		u /= 100
	}
	if n == 2 {
		binary.LittleEndian.PutUint16(out, pair(u))
	} else {
		out[0] = byte('0' + u)
	}
	return dst[:at+len(out)]
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

func pair(n uint64) uint16 { return uint16(pairs[2*n]) | uint16(pairs[2*n+1])<<8 }

// digits returns how many decimal digits u has.
func digits(u uint64) int {
	n := bits.Len64(u) * 1233 >> 12 // log10(2) is 1233/4096 and a little less
	if u >= tens[n] {
		n++
	}
	return n
}

// tens has the powers of ten, but for the first, so that 0 has a digit.
var tens = func() (t [20]uint64) {
	for i, power := 1, uint64(10); i < len(t); i, power = i+1, 10*power {
		t[i] = power
	}
	return t
}()
