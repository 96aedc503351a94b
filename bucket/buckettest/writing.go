package buckettest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ikada-io/ikada"
)

func testCreate(s *suite) {
	for key, body := range map[string]string{
		"a":                               "one",
		"empty":                           "",
		"app.access/dt=2026/hh=05/x.json": "\x00\xff binary \n",
		"main-k3j9x2ab-0/00000000001":     strings.Repeat("0123456789abcdef", 1<<16),
	} {
		s.create(key, body)
		wantEqual(s, key, s.get(key), body)
	}
}

func testExists(s *suite) {
	s.create("a/b", "first")
	s.wantExists(s.Create(s.ctx, "a/b", []byte("second")))
	s.wantExists(s.Create(s.ctx, "a/b", []byte("first")))
	s.wantExists(s.Create(s.ctx, "a/b"))
	wantEqual(s, "content", s.get("a/b"), "first")
}

func testRacingCreators(s *suite) {
	const creators, rounds = 8, 20
	for round := range rounds {
		key := fmt.Sprintf("folder-%d/key", round)
		errs := make([]error, creators)
		inParallel(creators, func(i int) {
			errs[i] = s.Create(s.ctx, key, fmt.Append(nil, "creator "), fmt.Append(nil, i))
		})
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				s.Fatalf("%s: %d and %d have won", key, winner, i)
			case err == nil:
				winner = i
			default:
				s.wantExists(err)
			}
		}
		if winner < 0 {
			s.Fatalf("%s: nobody has won", key)
		}
		wantEqual(s, key, s.get(key), fmt.Sprint("creator ", winner))
	}
}

func testPut(s *suite) {
	for _, body := range []string{"first", "", "the third, longer than the others"} {
		if err := s.Put(s.ctx, "x/head", []byte(body)); err != nil {
			s.Fatal(err)
		}
		wantEqual(s, "content", s.get("x/head"), body)
	}
	s.wantExists(s.Create(s.ctx, "x/head"))
	wantEqual(s, "list", s.list("", "", -1), []string{"x/head"})
}

func testRacingPuts(s *suite) {
	const writers, size = 4, 100_000
	s.create("head", strings.Repeat("x", size))
	inParallel(writers, func(i int) {
		for range 5 {
			if err := s.Put(s.ctx, "head", bytes.Repeat([]byte{'a' + byte(i)}, size)); err != nil {
				s.Error(err)
			}
			data, err := s.Get(s.ctx, "head", 0, -1, nil)
			if err != nil || len(data) != size || bytes.Count(data, data[:1]) != size {
				s.Errorf("got a mix of %d bytes, error %v", len(data), err)
			}
		}
	})
}

func testPieces(s *suite) {
	for _, n := range []int{0, 1, 2, 1023, 1024, 1025, 5000} {
		var pieces [][]byte
		var want bytes.Buffer
		for i := range n {
			piece := bytes.Repeat(fmt.Append(nil, i, ","), i%40)
			pieces = append(pieces, piece)
			want.Write(piece)
		}
		key := fmt.Sprintf("pieces-%d", n)
		if err := s.Create(s.ctx, key, pieces...); err != nil {
			s.Fatal(err)
		}
		if s.get(key) != want.String() {
			s.Errorf("%d pieces come back changed", n)
		}
	}
}

func testBodyIsTheCallers(s *suite) {
	pieces := [][]byte{[]byte("one"), nil, []byte("two")}
	if err := s.Create(s.ctx, "a", pieces...); err != nil {
		s.Fatal(err)
	}
	wantEqual(s, "pieces", pieces, [][]byte{[]byte("one"), nil, []byte("two")})
	copy(pieces[0], "xxx")
	wantEqual(s, "content", s.get("a"), "onetwo")
	data, err := s.Get(s.ctx, "a", 0, -1, nil)
	if err != nil {
		s.Fatal(err)
	}
	copy(data, "xxx")
	wantEqual(s, "content", s.get("a"), "onetwo")
}

func testDelete(s *suite) {
	for _, key := range []string{"a/b/c", "a/b/d", "a/e", "f"} {
		s.create(key, key)
	}
	s.delete("a/b/c")
	wantEqual(s, "after one", s.list("", "", -1), []string{"a/b/d", "a/e", "f"})
	_, err := s.Get(s.ctx, "a/b/c", 0, -1, nil)
	s.wantNotFound(err)
	s.delete("a/b/d")
	s.delete("f")
	wantEqual(s, "after three", s.list("", "", -1), []string{"a/e"})
	for _, absent := range []string{"a/b/c", "a/b", "a", "f", "g/h/i", "a/e/f"} {
		s.delete(absent)
	}
	wantEqual(s, "what is left", s.get("a/e"), "a/e")
}

func testDeleteCreate(s *suite) {
	for i := range 3 {
		body := fmt.Sprint("round ", i)
		s.create("a/b/c", body)
		wantEqual(s, "content", s.get("a/b/c"), body)
		s.delete("a/b/c")
	}
	s.create("a/b", "what was a folder is free")
	wantEqual(s, "list", s.list("", "", -1), []string{"a/b"})
}

// Adapters that remove empty folders must not pull one from under a writer.
func testCreateBesideDelete(s *suite) {
	inParallel(4, func(i int) {
		for round := range 25 {
			key := fmt.Sprintf("a/b/%d", i)
			if err := s.Create(s.ctx, key, []byte(key)); err != nil {
				s.Error(err)
			}
			if data, err := s.Get(s.ctx, key, 0, -1, nil); err != nil || string(data) != key {
				s.Errorf("round %d: got %q, error %v", round, data, err)
			}
			if err := s.Delete(s.ctx, key); err != nil {
				s.Error(err)
			}
		}
	})
	wantEqual(s, "list", s.list("", "", -1), []string{})
	wantEqual(s, "folders", s.folders(""), []string{})
}

func testConcurrentUse(s *suite) {
	const workers, objects = 6, 15
	inParallel(workers, func(w int) {
		for i := range objects {
			key := fmt.Sprintf("w%d/part=%d/o%02d", w, i%3, i)
			if err := s.Create(s.ctx, key, []byte(key)); err != nil {
				s.Error(err)
			}
			if data, err := s.Get(s.ctx, key, 0, -1, nil); err != nil || string(data) != key {
				s.Errorf("%s: got %q, error %v", key, data, err)
			}
			found := false
			for info, err := range s.List(s.ctx, key[:9], "") {
				found = found || err == nil && info.Key == key
			}
			if !found {
				s.Errorf("%s is not listed after it was created", key)
			}
		}
	})
	if got := s.list("", "", -1); len(got) != workers*objects {
		s.Errorf("%d objects are listed, want %d", len(got), workers*objects)
	}
}

func testBadKeys(s *suite) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a b", "a\x00b", "丸太", "a~", `a\b`,
		strings.Repeat("k", 256), strings.Repeat("abcdefghi/", 90) + "a",
	} {
		_, getErr := s.Get(s.ctx, key, 0, -1, nil)
		_, statErr := s.Stat(s.ctx, key)
		for op, err := range map[string]error{
			"create": s.Create(s.ctx, key, []byte("x")),
			"put":    s.Put(s.ctx, key, []byte("x")),
			"delete": s.Delete(s.ctx, key),
			"get":    getErr,
			"stat":   statErr,
		} {
			if err == nil || errors.Is(err, ikada.ErrNotFound) || errors.Is(err, ikada.ErrExists) {
				s.Errorf("%s of %.20q: error %v, want a refusal", op, key, err)
			}
		}
	}
	wantEqual(s, "list", s.list("", "", -1), []string{})
}

func testLongKeys(s *suite) {
	for _, key := range []string{
		strings.Repeat("k", 255),
		strings.Repeat("abcdefghi/", 89) + "abcdefghij",
		strings.Repeat("f", 255) + "/" + strings.Repeat("g", 255),
		"...", ".hidden", "-", "=", "_/.a",
	} {
		s.create(key, key)
		wantEqual(s, "content", s.get(key), key)
		wantEqual(s, "list", s.list(key, "", -1), []string{key})
	}
}

// inParallel calls f with 0 to n-1 at once and waits.
func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
