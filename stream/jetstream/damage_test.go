package jetstream

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

// damageOptions have one shard, so that all files are its.
var damageOptions = Options{Shards: 1, MaxBytes: 1 << 30}

// storeTen stores ten messages and returns their lane and positions.
func storeTen(t *testing.T, dir string) (ikada.Lane, []ikada.Position) {
	t.Helper()
	s := openDir(t, dir, damageOptions)
	var positions []ikada.Position
	for i := range 10 {
		if err := s.Append(t.Context(), 0, tenth(i)); err != nil {
			t.Fatal(err)
		}
		positions = append(positions, position(uint64(i+1)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s.lanes[0], positions
}

func tenth(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "message %d.", i), 1000) }

// files returns the files below dir that match a pattern, in order.
func files(t *testing.T, dir, pattern string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s below %s: %v", pattern, dir, err)
	}
	slices.Sort(found)
	return found
}

// loseIndex removes the index that a killed process would not have written.
func loseIndex(t *testing.T, dir string) {
	t.Helper()
	for _, path := range files(t, dir, "index.db") {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHalfWrittenTailIsDropped(t *testing.T) {
	dir := t.TempDir()
	lane, positions := storeTen(t, dir)
	loseIndex(t, dir)
	blocks := files(t, dir, "*.blk")
	last := blocks[len(blocks)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()-100); err != nil {
		t.Fatal(err)
	}

	s := openDir(t, dir, damageOptions)
	if s.lanes[0] != lane {
		t.Fatalf("lane %s became %s", lane, s.lanes[0])
	}
	held := readHeld(t, s, lane, "")
	if len(held) != 9 || !bytes.Equal(held[8], tenth(8)) {
		t.Fatalf("%d messages are left of 10 whose last was cut", len(held))
	}
	if _, err := s.Open(t.Context(), lane, positions[9]); !errors.Is(err, ikada.ErrTruncated) {
		t.Errorf("open behind the lost message: %v, want %v", err, ikada.ErrTruncated)
	}
	if err := s.Append(t.Context(), 0, []byte("goes on")); err != nil {
		t.Fatal(err)
	}
	if held := readHeld(t, s, lane, positions[8]); len(held) != 1 || string(held[0]) != "goes on" {
		t.Errorf("behind the cut the lane holds %q", held)
	}
}

// damageMessage4 changes one byte of the fifth message.
func damageMessage4(t *testing.T, dir string) {
	t.Helper()
	block := files(t, dir, "*.blk")[0]
	data, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, []byte("message 4."))] = 'X'
	if err := os.WriteFile(block, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedMessageIsAnErrorAndNotPassedOver(t *testing.T) {
	dir := t.TempDir()
	lane, positions := storeTen(t, dir)
	damageMessage4(t, dir)
	s := openDir(t, dir, damageOptions)
	r, err := s.Open(t.Context(), lane, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		m, err := r.Next(t.Context())
		if err != nil || !bytes.Equal(m.Data, tenth(i)) {
			t.Fatalf("message %d came as %.20q, error %v", i, m.Data, err)
		}
	}
	for range 2 {
		if m, err := r.Next(t.Context()); !errors.Is(err, ikada.ErrCorrupt) {
			t.Fatalf("the damaged message came as %.20q, error %v", m.Data, err)
		} else if damaged := (*stream.Damaged)(nil); !errors.As(err, &damaged) || damaged.Last != positions[4] {
			t.Fatalf("the error does not say that %s is damaged: %#v", positions[4], err)
		}
	}
	if held := readHeld(t, s, lane, positions[4]); len(held) != 5 || !bytes.Equal(held[0], tenth(5)) {
		t.Errorf("%d messages are held behind the damaged one, want 5", len(held))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Without the index the server cannot tell a damaged message from the end of
// what a killed process wrote: it cuts the file there.
func TestDamageBehindAKillCutsTheLaneAndIsLogged(t *testing.T) {
	dir := t.TempDir()
	lane, positions := storeTen(t, dir)
	damageMessage4(t, dir)
	loseIndex(t, dir)
	var logged bytes.Buffer
	s, err := Open(t.Context(), dir, slog.New(slog.NewTextHandler(&logged, nil)), damageOptions)
	if err != nil {
		t.Fatal(err)
	}
	if held := readHeld(t, s, lane, ""); len(held) != 4 {
		t.Errorf("%d messages are left before the damaged one, want 4", len(held))
	}
	if _, err := s.Open(t.Context(), lane, positions[4]); !errors.Is(err, ikada.ErrTruncated) {
		t.Errorf("open behind the damage: %v, want %v", err, ikada.ErrTruncated)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(logged.String(), "recovery cut the end of the stream's files") {
		t.Errorf("the log does not tell of the cut:\n%s", logged.String())
	}
}

func TestFewerShardsStillDrain(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir, Options{Shards: 3})
	for shard := range 3 {
		if err := s.Append(t.Context(), shard, fmt.Appendf(nil, "shard %d", shard)); err != nil {
			t.Fatal(err)
		}
	}
	before := s.lanes
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir, Options{Shards: 1, MaxBytes: 2 * stream.MaxMessage})
	lanes, err := s.Lanes(t.Context())
	if err != nil || s.Shards() != 1 || !slices.Equal(lanes, before) {
		t.Fatalf("%d shards and lanes %v of %v, error %v", s.Shards(), lanes, before, err)
	}
	for shard, lane := range lanes {
		if held := readHeld(t, s, lane, ""); len(held) != 1 || string(held[0]) != fmt.Sprintf("shard %d", shard) {
			t.Errorf("lane %s holds %q", lane, held)
		}
	}
	if err := s.Append(t.Context(), 1, []byte("x")); err == nil {
		t.Errorf("a shard that was given up took a message")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, opts := range map[string]Options{
		"name with other characters": {Name: "Main"},
		"name too long":              {Name: "a2345678901234567"},
		"negative shards":            {Shards: -1},
		"room for too little":        {Shards: 4, MaxBytes: 16 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := Open(t.Context(), t.TempDir(), nil, opts); err == nil {
				t.Errorf("opened %v", errors.Join(s.Close()))
			}
		})
	}
}

func TestOpenTellsWhyTheServerDidNotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), file, testLog(t), Options{})
	if err == nil {
		t.Fatalf("opened a file as a directory; close: %v", s.Close())
	}
	t.Log(err)
}
