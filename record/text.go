package record

import (
	"encoding/binary"
	"unicode/utf8"
)

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plainASCII reports whether s can be copied between JSON quotes as it is: no
// control character, quote, backslash or byte beyond ASCII. It looks at eight
// bytes at a time, of which the last may have been seen before.
func plainASCII(s []byte) bool {
	n := len(s)
	if n < 8 {
		return plainShort(s)
	}
	var found uint64
	for i := 0; i < n-8; i += 8 {
		found |= special(binary.LittleEndian.Uint64(s[i : i+8 : i+8]))
	}
	return found|special(binary.LittleEndian.Uint64(s[n-8:])) == 0
}

// plainShort is plainASCII of less than eight bytes.
func plainShort(s []byte) bool {
	if cap(s) >= 8 && len(s) > 0 {
		// What is behind s goes out at the top, and letters come in.
		shift := uint(8-len(s)) * 8
		w := binary.LittleEndian.Uint64(s[:8])
		return special(w<<shift|'a'*lowBits>>(64-shift)) == 0
	}
	for _, c := range s {
		if c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

// special returns a word that is not zero if any byte of w is below 0x20, '"',
// '\\' or above 0x7f.
func special(w uint64) uint64 {
	quote := w ^ ('"' * lowBits)
	slash := w ^ ('\\' * lowBits)
	return ((w - 0x20*lowBits) | (quote - lowBits) | (slash - lowBits) | w) & highBits
}

// escaped returns a word that is not zero if any byte of w is one that JSON
// escapes: below 0x20, '"' or '\\'. It looks more closely than special, for
// which bytes above 0x7f may look like any of them.
func escaped(w uint64) uint64 {
	quote := w ^ ('"' * lowBits)
	slash := w ^ ('\\' * lowBits)
	return ((w-0x20*lowBits)&^w | (quote-lowBits)&^quote | (slash-lowBits)&^slash) & highBits
}

const hex = "0123456789abcdef"

// nulText stands for U+0000, which no warehouse holds in text: the symbol for
// null, U+2400.
const nulText = "\u2400"

// appendText appends valid UTF-8 as a JSON string.
func appendText(dst, s []byte) []byte {
	dst = append(dst, '"')
	if plainASCII(s) {
		return append(appendBytes(dst, s), '"')
	}
	start := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case 0:
			dst = append(dst, nulText...)
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// repair returns s as UTF-8 where it is CESU-8 or Java's modified UTF-8 (a
// surrogate pair in two times three bytes, NUL in two). It returns false if
// something else is wrong with s: guessing would change the value.
func repair(s []byte) ([]byte, bool) {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		if r, n := utf8.DecodeRune(s); r != utf8.RuneError || n > 1 {
			out, s = append(out, s[:n]...), s[n:]
			continue
		}
		if len(s) >= 2 && s[0] == 0xc0 && s[1] == 0x80 {
			out, s = append(out, 0), s[2:]
			continue
		}
		high, ok1 := surrogate(s)
		if !ok1 || high >= 0xdc00 {
			return nil, false
		}
		low, ok2 := surrogate(s[3:])
		if !ok2 || low < 0xdc00 {
			return nil, false
		}
		out, s = utf8.AppendRune(out, (high-0xd800)<<10+(low-0xdc00)+0x10000), s[6:]
	}
	return out, true
}

// surrogate decodes the three bytes of a UTF-16 surrogate in CESU-8.
func surrogate(s []byte) (rune, bool) {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return 0, false
	}
	return rune(s[0]&15)<<12 | rune(s[1]&63)<<6 | rune(s[2]&63), true
}
