package buckettest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
)

func testRanges(s *suite) {
	s.create("ten", "0123456789")
	s.create("empty", "")
	for _, c := range []struct {
		key    string
		off, n int64
		want   string
	}{
		{"ten", 0, -1, "0123456789"},
		{"ten", 0, 10, "0123456789"},
		{"ten", 3, 4, "3456"},
		{"ten", 3, 0, ""},
		{"ten", 9, 1, "9"},
		{"ten", 8, 100, "89"},
		{"ten", 4, math.MaxInt64, "456789"},
		{"ten", 10, -1, ""},
		{"ten", 11, 5, ""},
		{"ten", 1 << 40, 5, ""},
		{"ten", -1, -1, "9"},
		{"ten", -4, -1, "6789"},
		{"ten", -4, 2, "67"},
		{"ten", -4, 0, ""},
		{"ten", -10, 3, "012"},
		{"ten", -1 << 40, 3, "012"},
		{"empty", 0, -1, ""},
		{"empty", 0, 5, ""},
		{"empty", 5, 5, ""},
		{"empty", -5, -1, ""},
	} {
		wantEqual(s, fmt.Sprintf("%s from %d, %d bytes", c.key, c.off, c.n), s.rangeOf(c.key, c.off, c.n), c.want)
	}
}

func testGetUsesBuffer(s *suite) {
	s.create("a", "0123456789")
	buf := make([]byte, 3, 10)
	data, err := s.Get(s.ctx, "a", 0, -1, buf)
	if err != nil {
		s.Fatal(err)
	}
	wantEqual(s, "content", string(data), "0123456789")
	if &data[0] != &buf[0] {
		s.Error("memory that is large enough was not used")
	}
	data, err = s.Get(s.ctx, "a", 2, -1, make([]byte, 0, 7))
	if err != nil {
		s.Fatal(err)
	}
	wantEqual(s, "content with little memory", string(data), "23456789")
}

func testNotFound(s *suite) {
	s.create("a/b", "x")
	for _, key := range []string{"b", "a", "a/", "a/c", "a/b/c", "x/y/z"} {
		if key = strings.TrimSuffix(key, "/"); key == "a/b" {
			continue
		}
		_, err := s.Get(s.ctx, key, 0, -1, nil)
		s.wantNotFound(err)
		_, err = s.Get(s.ctx, key, -8, 0, nil)
		s.wantNotFound(err)
		_, err = s.Stat(s.ctx, key)
		s.wantNotFound(err)
		if err != nil && !strings.Contains(err.Error(), key) {
			s.Errorf("the error %q does not name the key %q", err, key)
		}
	}
}

func testStat(s *suite) {
	before := time.Now().Add(-time.Minute) // clocks of stores differ
	s.create("a/b", "12345")
	info, err := s.Stat(s.ctx, "a/b")
	if err != nil {
		s.Fatal(err)
	}
	if info.Key != "a/b" || info.Size != 5 || info.ModTime.Before(before) || info.ModTime.After(time.Now().Add(time.Minute)) {
		s.Errorf("got %+v", info)
	}
	for listed, err := range s.List(s.ctx, "", "") {
		if err != nil {
			s.Fatal(err)
		}
		if listed.Key != info.Key || listed.Size != info.Size || !listed.ModTime.Truncate(time.Second).Equal(info.ModTime.Truncate(time.Second)) {
			s.Errorf("list says %+v, stat %+v", listed, info)
		}
	}
}

// An adapter may refuse the second of "a" and "a/b", but neither may claim to
// exist, be lost or be changed by it.
func testNested(s *suite) {
	for _, order := range [][2]string{{"p", "p/q"}, {"r/s/t", "r"}, {"u", "u/v/w"}} {
		s.create(order[0], "first")
		err := s.Create(s.ctx, order[1], []byte("second"))
		if errors.Is(err, ikada.ErrExists) || errors.Is(err, ikada.ErrNotFound) {
			s.Errorf("create %s beside %s: %v", order[1], order[0], err)
		}
		want := []string{order[0]}
		if err == nil {
			want = append(want, order[1])
			slices.Sort(want)
		}
		wantEqual(s, "list", s.list(order[0][:1], "", -1), want)
		wantEqual(s, "content", s.get(order[0]), "first")
	}
}

// tricky are keys whose order by folder is not their order by byte.
var tricky = []string{
	"a+", // no key: it must not matter as a bound
	"a-", "a-/x", "a-b", "a-b/c", "a.b", "a.b/c/d", "a.b/c0", "a/b", "a/b-c/d", "a/b.c", "a0", "a=1/x", "a=1/y/z", "a=10/x", "aa/b", "b",
}

// put creates those of the keys that go together, and returns them in order.
func (s *suite) put(keys []string) []string {
	s.Helper()
	var made []string
	for _, key := range slices.Backward(keys) {
		folder := func(other string) bool {
			return strings.HasPrefix(other, key+"/") || strings.HasPrefix(key, other+"/")
		}
		if !strings.Contains(key, "+") && !slices.ContainsFunc(made, folder) {
			s.create(key, key)
			made = append(made, key)
		}
	}
	slices.Sort(made)
	return made
}

func testListOrder(s *suite) {
	all := s.put(tricky)
	if len(all) < 12 {
		s.Fatalf("only %d keys to test with", len(all))
	}
	wantEqual(s, "list", s.list("", "", -1), all)
}

func testListBounds(s *suite) {
	all := s.put(tricky)
	bounds := append([]string{
		"", "a/", "a-", "a.", "a.b/", "a/b", "a/b-", "a=1", "a=1/", "a=1/y", "a/z", "c", "zz/", "a//", "/", "../", "a/../", ".", "a b", "~",
	}, tricky...)
	for _, prefix := range bounds {
		for _, after := range bounds {
			want := []string{}
			for _, key := range all {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			wantEqual(s, fmt.Sprintf("list of %q after %q", prefix, after), s.list(prefix, after, -1), want)
		}
	}
}

func testListStops(s *suite) {
	all := s.put(tricky)
	for n := range all {
		wantEqual(s, fmt.Sprintf("first %d", n), s.list("", "", n), all[:n])
	}
}

func testListWhileChanging(s *suite) {
	for i := range 20 {
		s.create(fmt.Sprintf("d%d/o%02d", i%2, i), "x")
	}
	seen := 0
	for info, err := range s.List(s.ctx, "", "") {
		if err != nil {
			s.Fatal(err)
		}
		seen++
		s.delete(info.Key)
		s.create("z/"+strings.ReplaceAll(info.Key, "/", "-"), "y")
		if seen == 20 {
			break
		}
	}
	wantEqual(s, "what is left", s.list("d", "", -1), []string{})
	if got := s.list("z/", "", -1); len(got) != 20 {
		s.Errorf("%d objects were moved, want 20", len(got))
	}
}

func testFolders(s *suite) {
	wantEqual(s, "of an empty bucket", s.folders(""), []string{})
	s.put(tricky)
	s.create("file", "x")
	s.create("gone/x", "x")
	s.delete("gone/x")
	for prefix, want := range map[string][]string{
		"":        {"a", "a-", "a-b", "a.b", "a=1", "a=10", "aa"},
		"a/":      {"b-c"},
		"a.b/":    {"c"},
		"a=1/":    {"y"},
		"a=1/y/":  {},
		"absent/": {},
		"../":     {},
	} {
		wantEqual(s, "folders of "+prefix, s.folders(prefix), want)
	}
	for name, err := range s.Folders(s.ctx, "") {
		if name != "a" || err != nil {
			s.Errorf("the first folder is %q, error %v", name, err)
		}
		break
	}
}

func testCancelled(s *suite) {
	s.create("a", "x")
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.Create(ctx, "b", []byte("x")); !errors.Is(err, context.Canceled) {
		s.Errorf("create: %v", err)
	}
	if _, err := s.Get(ctx, "a", 0, -1, nil); !errors.Is(err, context.Canceled) {
		s.Errorf("get: %v", err)
	}
	for _, err := range s.List(ctx, "", "") {
		if !errors.Is(err, context.Canceled) {
			s.Errorf("list: %v", err)
		}
	}
	wantEqual(s, "list", s.list("", "", -1), []string{"a"})
}
