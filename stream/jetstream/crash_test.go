package jetstream

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
)

// The test binary runs itself as the process to kill if these are set.
const (
	childDir   = "IKADA_TEST_STREAM_DIR"
	childFirst = "IKADA_TEST_STREAM_FIRST"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		err := appendForever(dir, os.Getenv(childFirst), os.Stdout)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var crashOptions = Options{Shards: 2, MaxBytes: 4 << 30}

// appendForever appends messages that begin with their ids from first on, and
// writes each id when its message is acknowledged.
func appendForever(dir, first string, out io.Writer) error {
	id, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return err
	}
	s, err := Open(context.Background(), dir, slog.New(slog.DiscardHandler), crashOptions)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				mu.Lock()
				mine := id
				id++
				mu.Unlock()
				data := binary.BigEndian.AppendUint64(make([]byte, 0, 100_000), mine)
				data = data[:8+int(mine*7919%90_000)]
				if err := s.Append(context.Background(), int(mine%2), data); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				_, err := fmt.Fprintln(out, mine)
				mu.Unlock()
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// killInMidStream runs appendForever until it has acknowledged n messages and
// kills it. It returns all that was acknowledged, which may be more.
func killInMidStream(t *testing.T, dir string, first uint64, n int) []uint64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childFirst+"="+strconv.FormatUint(first, 10))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked []uint64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			break // the last line, cut short
		}
		if acked = append(acked, id); len(acked) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) < n {
		t.Fatalf("the process acknowledged %d of %d messages before it ended: %v", len(acked), n, err)
	}
	return acked
}

func TestAcknowledgedMessagesSurviveKill(t *testing.T) {
	dir := t.TempDir()
	acked := map[uint64]bool{}
	for round := range 3 {
		// Ids of rounds are apart, so none is sent twice.
		for _, id := range killInMidStream(t, dir, uint64(round)*1_000_000, 150) {
			acked[id] = true
		}
	}
	s := openDir(t, dir, crashOptions)
	seen := map[uint64]int{}
	for shard := range 2 {
		for _, data := range readHeld(t, s, s.lanes[shard], "") {
			id := binary.BigEndian.Uint64(data)
			if len(data) != 8+int(id*7919%90_000) || id%2 != uint64(shard) {
				t.Fatalf("message %d of shard %d has %d bytes", id, shard, len(data))
			}
			seen[id]++
		}
	}
	for id := range acked {
		if seen[id] != 1 {
			t.Errorf("acknowledged message %d is there %d times", id, seen[id])
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("message %d is there %d times", id, n)
		}
	}
	t.Logf("%d messages acknowledged, %d stored", len(acked), len(seen))
}

// readHeld reads what a lane holds behind a position.
func readHeld(t *testing.T, s *Stream, lane ikada.Lane, after ikada.Position) (held [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := s.Backlog(ctx, lane, after)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, lane, after)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range b.Messages {
		m, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, m.Data)
	}
	return held
}
