package e2e

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/gen"
)

// traffic is senders that send as fast as they can, or with pauses, and send
// again what was not acknowledged.
type traffic struct {
	gen    *gen.Generator
	pause  time.Duration
	blocks atomic.Int64 // taken by a sender, and sent to the end
	acked  atomic.Int64 // events
	stop   atomic.Bool
	done   sync.WaitGroup
}

const blockEvents = 2000

// startTraffic starts senders to a server, which pause after each block.
func startTraffic(ctx context.Context, s *server, senders int, pause time.Duration) *traffic {
	s.t.Helper()
	tr := &traffic{gen: gen.New(7, gen.Options{}), pause: pause}
	for range senders {
		c, err := forwardclient.Dial(ctx, s.forward, forwardclient.Options{
			InFlight: 64, AckTimeout: 10 * time.Second, RetryFrom: 20 * time.Millisecond, RetryTo: 200 * time.Millisecond,
			Acked: func(events int, _ time.Duration) { tr.acked.Add(int64(events)) },
		})
		if err != nil {
			s.t.Fatal(err)
		}
		tr.done.Go(func() {
			if err := errors.Join(tr.send(ctx, c), c.Close(ctx)); err != nil {
				s.t.Errorf("sender: %v", err)
			}
		})
	}
	return tr
}

func (tr *traffic) send(ctx context.Context, c *forwardclient.Client) error {
	for !tr.stop.Load() {
		from := int(tr.blocks.Add(1)-1) * blockEvents
		for k := range tr.gen.Chunks(from, from+blockEvents, 100) {
			if err := c.Send(ctx, k.Tag, k.Entries, k.N); err != nil {
				return err
			}
		}
		time.Sleep(tr.pause)
	}
	return nil
}

// finish ends the traffic, waits until all is acknowledged, and returns what the
// tables must add up to.
func (tr *traffic) finish() (events int, want map[string]gen.Total) {
	tr.stop.Store(true)
	tr.done.Wait()
	events = int(tr.blocks.Load()) * blockEvents
	return events, tr.gen.Totals(0, events)
}

// wantTotals waits until the tables hold every event once.
func (s *server) wantTotals(want map[string]gen.Total) {
	s.t.Helper()
	var selects []string
	for name := range want {
		selects = append(selects, fmt.Sprintf(
			`select '%s' as type, count(*) as n, sum(checksum)::varchar as checksum, sum(seq)::varchar as seq, count(distinct _id) as ids from "%s"`,
			name, ikada.LogType(name).TableName()))
	}
	sql := strings.Join(selects, " union all ")
	s.eventually("totals", func() error {
		rows, err := s.queryAll(sql)
		if err != nil {
			return err
		}
		var wrong error
		for _, row := range rows {
			w := want[fmt.Sprint(row["type"])]
			got := fmt.Sprint(row["n"], row["checksum"], row["seq"], row["ids"])
			if expected := fmt.Sprint(w.Count, strconv.FormatInt(w.Checksum, 10), strconv.FormatInt(w.Seq, 10), w.Count); got != expected {
				wrong = errors.Join(wrong, fmt.Errorf("%s: count, checksum, seq, ids are %s, want %s", row["type"], got, expected))
			}
		}
		return wrong
	})
}

// Kills and orderly ends at random moments under full load, each followed by a
// start with another number of shards.
func TestRandomKillsAndOtherShardsLoseAndDoubleNothing(t *testing.T) {
	s := start(t)
	tr := startTraffic(t.Context(), s, 4, 0)
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for round := range 10 {
		time.Sleep(time.Duration(50+random.IntN(700)) * time.Millisecond)
		if round%4 == 3 {
			s.stop()
		} else {
			s.kill()
		}
		s.flags = []string{"--stream-shards", fmt.Sprint(1 + random.IntN(4))}
		s.run()
	}
	events, want := tr.finish()
	if acked := tr.acked.Load(); acked != int64(events) {
		t.Errorf("%d events were acknowledged of %d", acked, events)
	}
	s.wantTotals(want)
	s.stop()
	s.run()
	s.wantTotals(want)
	t.Logf("%d events", events)
}

// limited mounts a small memory disk on a folder of the data directory.
func limited(t *testing.T, dir, size string) (resize func(string)) {
	t.Helper()
	mount := func(options string) error {
		out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mount("size=" + size); err != nil {
		t.Skipf("this test needs the right to mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, out)
		}
	})
	return func(size string) {
		if err := mount("remount,size=" + size); err != nil {
			t.Fatal(err)
		}
	}
}

// get returns the status and the text of an answer.
func (s *server) get(path string) (int, string, error) {
	resp, err := http.Get("http://" + s.http + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// wantFull waits until the server says that it is full, in every way it can.
func (s *server) wantFull() {
	s.t.Helper()
	s.eventually("full", func() error {
		code, text, err := s.get("/readyz")
		if err == nil && (code != http.StatusServiceUnavailable || !strings.Contains(text, "full")) {
			err = fmt.Errorf("readyz: %d %s", code, text)
		}
		return err
	})
	resp, err := http.Post("http://"+s.http+"/v1/logs/refused", "", strings.NewReader(`{"a":1}`))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		s.t.Errorf("HTTP into a full stream: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}

// wantReady waits until the server takes logs again.
func (s *server) wantReady() {
	s.t.Helper()
	s.eventually("ready again", func() error {
		code, text, err := s.get("/readyz")
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("readyz: %d %s", code, text)
		}
		return err
	})
}

// A disk of the buckets that is full stops the buffer, so the stream fills, so
// senders wait. All goes on without a start once there is room.
func TestFullBufferDiskIsBackPressure(t *testing.T) {
	s := prepare(t, "--stream-disk-limit", "64MiB")
	resize := limited(t, filepath.Join(s.dir, "buffer"), "6m")
	s.run()
	s.ballast(10)
	tr := startTraffic(t.Context(), s, 2, 0)
	s.wantFull()
	acked := tr.acked.Load()
	time.Sleep(2 * time.Second)
	if more := tr.acked.Load() - acked; more > 50_000 {
		t.Errorf("%d events more were acknowledged by a full server", more)
	}
	s.kill() // a start into it changes nothing: it may never have been ready
	s.launch()
	s.wantFull()
	resize("1g")
	s.wantReady()
	events, want := tr.finish()
	s.wantTotals(want)
	s.wantRow("select count(*) as n, count(distinct text) as texts from ballast", map[string]any{"n": 10, "texts": 10})
	t.Logf("%d events", events)
}

// ballast sends events of 4 MiB each that nothing compresses: so a stream is
// nearly full sooner than by small events.
func (s *server) ballast(events int) {
	s.t.Helper()
	text := make([]byte, 3<<20)
	for range events {
		_, _ = cryptorand.Read(text)
		if code, answer := s.post("ballast", `{"text":"`+base64.StdEncoding.EncodeToString(text)+`"}`); code != http.StatusOK {
			s.t.Fatal(code, answer)
		}
	}
}

// A disk of the stream that is full is back-pressure too: the stream refuses
// before it meets the end of the disk.
func TestFullStreamDiskIsBackPressure(t *testing.T) {
	s := prepare(t)
	resizeBuffer := limited(t, filepath.Join(s.dir, "buffer"), "4m")
	resize := limited(t, filepath.Join(s.dir, "stream"), "150m")
	s.run()
	tr := startTraffic(t.Context(), s, 2, 0)
	s.wantFull()
	resize("1g")
	resizeBuffer("1g")
	s.wantReady()
	events, want := tr.finish()
	s.wantTotals(want)
	t.Logf("%d events", events)
}

// The stream comes back from an older copy: its next messages bear positions
// that the bundles know already, and must not be taken for what those hold.
func TestStreamRestoredFromAnOlderCopyLosesNothingNew(t *testing.T) {
	s := start(t)
	next := 0
	send := func(n int) {
		t.Helper()
		for range n {
			if code, answer := s.post("restored", fmt.Sprintf(`{"seq":%d,"checksum":%d}`, next, next*31+7)); code != http.StatusOK {
				t.Fatal(code, answer)
			}
			next++
		}
	}
	live, backup := filepath.Join(s.dir, "stream"), filepath.Join(t.TempDir(), "stream")
	send(4)
	s.stop()
	if err := os.CopyFS(backup, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	s.run()
	send(10)
	s.stop()
	if err := errors.Join(os.RemoveAll(live), os.CopyFS(live, os.DirFS(backup))); err != nil {
		t.Fatal(err)
	}
	s.run()
	send(20)
	s.wantRow(sumsOf+"restored", sums(next))
}
