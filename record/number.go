package record

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/ikada-io/ikada"
)

func intKind(v int64) ikada.Kinds {
	if v >= -ikada.MaxExact && v <= ikada.MaxExact {
		return ikada.KindInt
	}
	return ikada.KindInt64
}

// appendFloat appends a finite float so that it reads back as the same value
// and never looks like an integer.
func appendFloat(dst []byte, v float64, bits int) []byte {
	if bits == 64 {
		dst = slices.Grow(dst, shortBytes)
		if end, ok := putShort(dst[:cap(dst)], len(dst), v); ok {
			return dst[:end]
		}
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e17) {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, format, -1, bits)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// putShort puts a float that a decimal of at most six places and fifteen digits
// stands for, as measured and computed values mostly are, into out, which has room
// for shortBytes. It returns where the text ends. The quotient of two integers that
// are exact is rounded as the decimal's text would be, so where it gives v that text
// reads back as v; and no other text of fifteen digits does, so it is the shortest.
func putShort(out []byte, at int, v float64) (end int, ok bool) {
	const places = 1e6
	if !(v > 0 && v < 1e9) {
		return at, false
	}
	n := int64(v*places + 0.5)
	if float64(n)/places != v || n < 1 {
		return at, false
	}
	at = putUint(out, at, uint64(n/places))
	out[at] = '.'
	eight := eightDigits(uint32(n%places) * 100)
	binary.LittleEndian.PutUint64(out[at+1:], eight)
	return at + 9 - min(bits.LeadingZeros64(eight^'0'*lowBits)/8, 7), true // 1.0 has one
}

// appendFraction appends nine digits without the zeros at their end.
func appendFraction(dst []byte, billionths uint32) []byte {
	at := len(dst)
	dst = slices.Grow(dst, 9)
	out := dst[at : at+9]
	eight := eightDigits(billionths / 10)
	binary.LittleEndian.PutUint64(out, eight)
	if last := billionths % 10; last != 0 {
		out[8] = byte('0' + last)
		return dst[:at+9]
	}
	return dst[:at+8-bits.LeadingZeros64(eight^'0'*lowBits)/8]
}

// scanNumber returns the length of the JSON number at the start of b, or 0.
func scanNumber(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		n := scanDigits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	if i < len(b) && b[i] == '.' {
		n := scanDigits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := scanDigits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
}

func scanDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
