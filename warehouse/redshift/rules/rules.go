// Package rules is what Redshift can hold, and how a row is written so that it
// can: the Redshift adapter loads by it, and the DuckDB adapter can be told to
// apply it, so that a laptop shows what Redshift would do.
package rules

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// MaxVarchar is the greatest length of a text, in bytes.
	MaxVarchar = 65535
	minVarchar = 64
	// MaxID is the greatest length of a row's _id.
	MaxID = 128
	// MaxRow bounds a row as it is written: Redshift takes 4 MiB, and counts in
	// its own way.
	MaxRow = 4<<20 - 64<<10
)

// Storable refuses what a VARCHAR can't hold.
func Storable(text string) error {
	if strings.Contains(text, "\x00") || !utf8.ValidString(text) || len(text) > MaxVarchar {
		return fmt.Errorf("%.80q is no text that Redshift can hold: want at most %d bytes of UTF-8 without NUL", text, MaxVarchar)
	}
	return nil
}

// Width is how wide a text column is made for values of the given length:
// twice that, rounded up to a power of two, so that it seldom has to grow.
func Width(longest uint32) uint32 {
	if longest == 0 {
		return 256 // nobody knows
	}
	w := uint32(minVarchar)
	for w < MaxVarchar && uint64(w) < 2*uint64(longest) {
		w *= 2
	}
	return min(w, MaxVarchar)
}
