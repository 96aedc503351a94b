package ikada

import "strconv"

// MaxExact bounds the integers that are exact in a double.
const MaxExact = 1 << 53

// NumberKind returns the kind of a JSON number's text, which must be valid.
func NumberKind(text []byte) Kinds {
	digits, integer := 0, true
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.', c == 'e', c == 'E':
			integer = false
		}
	}
	if !integer || string(text) == "-0" { // a bigint would lose the sign
		return decimalKind(text)
	}
	if digits <= 15 {
		return KindInt
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	switch {
	case err != nil:
		return KindBigInt
	case v < -MaxExact || v > MaxExact:
		return KindInt64
	}
	return KindInt
}

// decimalKind tells a number with a point or an exponent that a double holds,
// as far as 17 digits tell it, from one that it does not.
func decimalKind(text []byte) Kinds {
	if significant(text) > 17 {
		return KindBeyond
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || v == 0 && significant(text) > 0 {
		return KindBeyond
	}
	return KindDecimal
}

// significant counts a number's digits between its first and its last that
// are not zero.
func significant(text []byte) int {
	n, zeros := 0, 0
	for _, c := range text {
		switch {
		case c == 'e' || c == 'E':
			return n
		case c == '0' && n > 0:
			zeros++
		case c >= '1' && c <= '9':
			n += zeros + 1
			zeros = 0
		}
	}
	return n
}

// TextKind returns the kind of a string with the given content.
func TextKind(s []byte) Kinds {
	if len(s) == 0 {
		return KindEmpty
	}
	if isTimestamp(s) {
		return KindTimestamp
	}
	return KindText
}

// isTimestamp reports whether s is YYYY-MM-DDTHH:MM:SS, at most six fractional
// digits, and Z or ±HH:MM: a moment that a timestamp column holds exactly.
func isTimestamp(s []byte) bool {
	if len(s) < 20 || len(s) > 32 || s[4] != '-' || s[10] != 'T' {
		return false
	}
	_, digits, ok := ParseTimestamp(s)
	return ok && digits <= 6
}
