package bucket

import (
	"math"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	good := []string{
		"a", ".a", "a.", "...", "a/b", "app.access/dt=2026-11-23/hh=05/x.json.gz", "-", "_quarantine/1",
		strings.Repeat("a", 255), strings.Repeat("abcdefghi/", 89) + "abcdefghij",
	}
	for _, key := range good {
		if err := Check(key); err != nil {
			t.Errorf("a good key is refused: %v", err)
		}
	}
	bad := []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a b", "a\x00", "a\\b", "丸太", "a~", "a%2f", "a:b",
		strings.Repeat("a", 256), strings.Repeat("abcdefghi/", 90) + "a",
	}
	for _, key := range bad {
		if Check(key) == nil {
			t.Errorf("a bad key is taken: %q", key)
		}
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct{ size, off, n, from, length int64 }{
		{10, 0, -1, 0, 10},
		{10, 0, 10, 0, 10},
		{10, 3, 4, 3, 4},
		{10, 3, 0, 3, 0},
		{10, 8, 5, 8, 2},
		{10, 10, 5, 10, 0},
		{10, 11, -1, 10, 0},
		{10, -4, -1, 6, 4},
		{10, -4, 2, 6, 2},
		{10, -40, 2, 0, 2},
		{0, 0, -1, 0, 0},
		{0, -1, 1, 0, 0},
		{10, 5, math.MaxInt64, 5, 5},
		{10, math.MaxInt64, math.MaxInt64, 10, 0},
		{10, math.MinInt64, -1, 0, 10},
	} {
		if from, length := Range(c.size, c.off, c.n); from != c.from || length != c.length {
			t.Errorf("Range(%d, %d, %d) = %d, %d; want %d, %d", c.size, c.off, c.n, from, length, c.from, c.length)
		}
	}
}
