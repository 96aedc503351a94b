package bucket

import (
	"fmt"
	"strings"
)

const (
	maxKey     = 900
	maxSegment = 255
)

// Check tells whether a key is one that every bucket takes, and if not, why.
func Check(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("key %.40q… has %d bytes: want 1 to %d", key, len(key), maxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	return nil
}

// checkSegment is the rule for one segment of a key.
func checkSegment(s string) error {
	switch {
	case s == "" || len(s) > maxSegment:
		return fmt.Errorf("a segment has %d bytes: want 1 to %d", len(s), maxSegment)
	case s == "." || s == "..":
		return fmt.Errorf("segment %q is not allowed", s)
	}
	for i := range len(s) {
		if !keyByte(s[i]) {
			return fmt.Errorf("segment %q: want only A-Z a-z 0-9 . _ = -", s)
		}
	}
	return nil
}

func keyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '.' || c == '_' || c == '=' || c == '-'
}

// Range resolves the range of a Get against an object's size: where it begins
// and how many bytes it has.
func Range(size, off, n int64) (from, length int64) {
	if off < 0 {
		off = max(0, size+off)
	}
	from = min(off, size)
	if n < 0 || n > size-from {
		n = size - from
	}
	return from, n
}
