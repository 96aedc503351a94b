// Package buckettest is the suite that every adapter of the bucket contract
// passes.
package buckettest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// Run runs the suite. open returns an empty bucket.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"what was created comes back", testCreate},
		{"a taken key is refused whatever its content", testExists},
		{"of racing creators exactly one wins", testRacingCreators},
		{"put creates and replaces", testPut},
		{"racing puts leave one of them whole", testRacingPuts},
		{"pieces are joined", testPieces},
		{"the body is neither kept nor changed", testBodyIsTheCallers},
		{"ranges are cut to the object", testRanges},
		{"get uses the caller's memory", testGetUsesBuffer},
		{"an absent object is not found", testNotFound},
		{"stat tells size and time", testStat},
		{"delete removes", testDelete},
		{"a deleted key can be created again", testDeleteCreate},
		{"creating beside deletes never fails", testCreateBesideDelete},
		{"bad keys are refused", testBadKeys},
		{"long keys are taken", testLongKeys},
		{"a key below an object is no object", testNested},
		{"a list is in order of the whole key", testListOrder},
		{"a list has the prefix and is behind after", testListBounds},
		{"a list can be stopped early", testListStops},
		{"a list goes on while objects come and go", testListWhileChanging},
		{"folders are those that hold objects", testFolders},
		{"concurrent use", testConcurrentUse},
		{"a cancelled context is an error", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(&suite{Bucket: open(t), T: t, ctx: t.Context()})
		})
	}
}

// suite is a bucket under test with helpers that end the test on an error.
type suite struct {
	bucket.Bucket
	*testing.T
	ctx context.Context
}

func (s *suite) create(key, body string) {
	s.Helper()
	if err := s.Create(s.ctx, key, []byte(body)); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) get(key string) string {
	s.Helper()
	return s.rangeOf(key, 0, -1)
}

func (s *suite) rangeOf(key string, off, n int64) string {
	s.Helper()
	data, err := s.Get(s.ctx, key, off, n, nil)
	if err != nil {
		s.Fatal(err)
	}
	return string(data)
}

func (s *suite) delete(key string) {
	s.Helper()
	if err := s.Delete(s.ctx, key); err != nil {
		s.Fatal(err)
	}
}

// list returns at most n keys, all if n is negative.
func (s *suite) list(prefix, after string, n int) []string {
	s.Helper()
	keys := []string{}
	if n == 0 {
		return keys
	}
	for info, err := range s.List(s.ctx, prefix, after) {
		if err != nil {
			s.Fatal(err)
		}
		keys = append(keys, info.Key)
		if len(keys) == n {
			break
		}
	}
	return keys
}

func (s *suite) folders(prefix string) []string {
	s.Helper()
	names := []string{}
	for name, err := range s.Folders(s.ctx, prefix) {
		if err != nil {
			s.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func (s *suite) wantNotFound(err error) {
	s.Helper()
	if !errors.Is(err, ikada.ErrNotFound) {
		s.Errorf("error %v, want one that wraps ErrNotFound", err)
	}
}

func (s *suite) wantExists(err error) {
	s.Helper()
	if !errors.Is(err, ikada.ErrExists) {
		s.Errorf("error %v, want one that wraps ErrExists", err)
	}
}

func wantEqual[T any](s *suite, what string, got, want T) {
	s.Helper()
	if g, w := fmt.Sprintf("%q", any(got)), fmt.Sprintf("%q", any(want)); g != w {
		s.Errorf("%s: got %.400s, want %.400s", what, g, w)
	}
}
