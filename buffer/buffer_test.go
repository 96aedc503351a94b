package buffer

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/stream"
	memstream "github.com/ikada-io/ikada/stream/mem"
)

// chunk is a stream message with one part: records seq first to last.
func chunk(first, last int) []byte {
	var lines []byte
	for seq := first; seq <= last; seq++ {
		lines = fmt.Appendf(lines, `{"seq":%d}`+"\n", seq)
	}
	id := fmt.Append(nil, "chunk ", first)
	return batch.Append(nil, &batch.Part{
		Tag: fmt.Sprint("type", first%3), Format: batch.JSON, Key: batch.KeyOf("t", id, lines, 0),
		Arrival: time.Now().UnixNano(), Origin: "test", Payload: lines,
	})
}

func fill(t *testing.T, s stream.Stream, shard int, data []byte) {
	t.Helper()
	if err := s.Append(t.Context(), shard, data); err != nil {
		t.Fatal(err)
	}
}

// rows reads all bundles, asserts that lanes have no gaps, and returns the seq
// of every row, sorted, and the rows dropped as duplicates.
func rows(t *testing.T, b bucket.Bucket) (seqs []int, dropped int64) {
	t.Helper()
	ctx := context.Background()
	ids := map[string]bool{}
	for folder, err := range b.Folders(ctx, bundle.LanesPrefix) {
		if err != nil {
			t.Fatal(err)
		}
		var next *bundle.Index // newest first
		for info, err := range b.List(ctx, bundle.LanesPrefix+folder+"/", "") {
			if err != nil {
				t.Fatal(err)
			}
			x, err := bundle.ReadIndex(ctx, b, info.Key)
			if err != nil {
				t.Fatal(err)
			}
			if next != nil && (x.Ordinal != next.Ordinal-1 || x.Last != next.Previous || x.Last >= next.First) {
				t.Errorf("%s: bundle %d (%s to %s) does not precede %d (from %s, behind %s)", folder, x.Ordinal, x.First, x.Last, next.Ordinal, next.First, next.Previous)
			}
			next = x
			for _, d := range x.Dropped {
				dropped += d.Rows
			}
			seqs = append(seqs, bundleRows(t, b, info.Key, x, ids)...)
		}
		if next != nil && next.Ordinal != 1 {
			t.Errorf("%s begins with bundle %d", folder, next.Ordinal)
		}
	}
	slices.Sort(seqs)
	return seqs, dropped
}

func bundleRows(t *testing.T, b bucket.Bucket, key string, x *bundle.Index, ids map[string]bool) (seqs []int) {
	t.Helper()
	for _, s := range x.Segments {
		data, err := b.Get(context.Background(), key, s.Offset, s.Length, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(data), bytes.NewReader([]byte{3, 0}))))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			var row struct {
				ID  string `json:"_id"`
				Seq int
			}
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatal(err)
			}
			if ids[row.ID] {
				t.Errorf("_id %s twice", row.ID)
			}
			ids[row.ID] = true
			seqs = append(seqs, row.Seq)
		}
	}
	return seqs
}

// wantSeqs asserts that rows 0 to n-1 are there, each once.
func wantSeqs(t *testing.T, got []int, n int) {
	t.Helper()
	want := make([]int, n)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d: %.200v", len(got), n, got)
	}
}

// drain runs the stage until the stream is in bundles.
func drain(t *testing.T, s stream.Stream, b bucket.Bucket, opts Options) *Buffer {
	t.Helper()
	stage := New(s, b, opts)
	stage.Drain()
	if err := stage.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return stage
}

func TestDrainPutsEverythingIntoBundles(t *testing.T) {
	s, b := memstream.New(memstream.Options{}), mem.New()
	for i := range 100 {
		fill(t, s, i%2, chunk(i*10, i*10+9))
	}
	var stats ikada.Stats
	stage := drain(t, s, b, Options{BundleSize: 2000, Stats: &stats})
	got, dropped := rows(t, b)
	wantSeqs(t, got, 1000)
	if n := stats.Snapshot(); dropped != 0 || n.Events != 1000 || n.Runs < 10 {
		t.Errorf("dropped %d, stats %+v", dropped, n)
	}
	if left, err := stage.Backlog(t.Context()); err != nil || left.Messages != 0 {
		t.Errorf("backlog %+v, %v", left, err)
	}
	for _, lane := range lanes(t, s) {
		if left, err := s.Backlog(t.Context(), lane, ""); err != nil || left.Messages != 0 {
			t.Errorf("lane %s was not trimmed: %+v, %v", lane, left, err)
		}
	}
}

func lanes(t *testing.T, s stream.Stream) []ikada.Lane {
	t.Helper()
	l, err := s.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestResentChunksAreDroppedAndCounted(t *testing.T) {
	s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	fill(t, s, 0, chunk(0, 9))
	fill(t, s, 0, chunk(0, 9)) // in the same bundle
	drain(t, s, b, Options{})
	fill(t, s, 0, chunk(0, 9)) // another bundle, another process
	fill(t, s, 0, chunk(10, 19))
	drain(t, s, b, Options{})
	got, dropped := rows(t, b)
	wantSeqs(t, got, 20)
	if dropped != 20 {
		t.Errorf("%d rows dropped, want 20", dropped)
	}
}

func TestResentChunkIsNewAgainOutsideOfTheWindow(t *testing.T) {
	s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	for i := range 5 {
		fill(t, s, 0, chunk(i*10, i*10+9))
	}
	drain(t, s, b, Options{BundleSize: 1, WindowKeys: 2})
	fill(t, s, 0, chunk(0, 9))
	fill(t, s, 0, chunk(40, 49))
	drain(t, s, b, Options{BundleSize: 1, WindowKeys: 2})
	got, dropped := rows(t, b)
	if len(got) != 60 || dropped != 10 {
		t.Errorf("%d rows, %d dropped; want 60 and 10", len(got), dropped)
	}
}

func TestBundleIsWrittenWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- New(s, b, Options{Flush: 3 * time.Second}).Run(ctx) }()
		for _, step := range []struct {
			first, want int
		}{{0, 10}, {10, 20}} {
			fill(t, s, 0, chunk(step.first, step.first+9))
			time.Sleep(2900 * time.Millisecond)
			synctest.Wait()
			if got, _ := rows(t, b); len(got) != step.first {
				t.Errorf("%d rows before the bundle is due, want %d", len(got), step.first)
			}
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if got, _ := rows(t, b); len(got) != step.want {
				t.Errorf("%d rows when it was due, want %d", len(got), step.want)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestRacingBuffersDoubleNothing(t *testing.T) {
	s, b := memstream.New(memstream.Options{}), mem.New()
	for i := range 200 {
		fill(t, s, i%2, chunk(i*5, i*5+4))
	}
	done := make(chan error)
	for range 4 {
		go func() {
			stage := New(s, b, Options{BundleSize: 700, Backoff: time.Millisecond})
			stage.Drain()
			done <- stage.Run(t.Context())
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	got, _ := rows(t, b)
	wantSeqs(t, got, 1000)
}

// The same chunks in both lanes, in opposite order, and several processes: what
// one of them drops because of an open bundle, that bundle may never hold.
func TestRacingBuffersLoseNothingThatTwoLanesHave(t *testing.T) {
	for range 20 {
		s, b := memstream.New(memstream.Options{}), mem.New()
		const n = 60
		for i := range n {
			fill(t, s, 0, chunk(i*5, i*5+4))
			fill(t, s, 1, chunk((n-1-i)*5, (n-1-i)*5+4))
		}
		done := make(chan error)
		for range 3 {
			go func() {
				stage := New(s, b, Options{BundleSize: 300, Flush: time.Millisecond, Backoff: time.Millisecond})
				stage.Drain()
				done <- stage.Run(t.Context())
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		got, _ := rows(t, b)
		if missing := slices.Compact(got); len(missing) != n*5 {
			t.Fatalf("%d of %d rows are there", len(missing), n*5)
		}
	}
}

func TestTruncatedStreamBeginsANewIncarnation(t *testing.T) {
	old, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	for i := range 5 {
		fill(t, old, 0, chunk(i*10, i*10+9))
	}
	drain(t, old, b, Options{})
	before := lanes(t, old)[0]

	// The same lane, restored from a copy that is older than the bundles.
	s := &shortened{Stream: memstream.New(memstream.Options{Shards: 1}), as: before}
	fill(t, s, 0, chunk(40, 49)) // resent: known by the old lane's window
	fill(t, s, 0, chunk(50, 59))
	drain(t, s, b, Options{})
	if s.as == before {
		t.Error("the lane kept its incarnation")
	}
	got, dropped := rows(t, b)
	wantSeqs(t, got, 60)
	if dropped != 10 {
		t.Errorf("%d rows dropped, want 10", dropped)
	}
}

// shortened gives a stream's only lane another name, until it is renewed.
type shortened struct {
	*memstream.Stream
	as ikada.Lane
}

func (s *shortened) Lanes(context.Context) ([]ikada.Lane, error) { return []ikada.Lane{s.as}, nil }

func (s *shortened) own(ctx context.Context) ikada.Lane {
	l, _ := s.Stream.Lanes(ctx)
	return l[0]
}

func (s *shortened) Open(ctx context.Context, lane ikada.Lane, after ikada.Position) (stream.Reader, error) {
	if lane == s.as {
		lane = s.own(ctx)
	}
	return s.Stream.Open(ctx, lane, after)
}

func (s *shortened) Renew(ctx context.Context, _ ikada.Lane) (ikada.Lane, error) {
	l, err := s.Stream.Renew(ctx, s.own(ctx))
	s.as = l
	return l, err
}

func TestDamagedCheckpointBeginsANewIncarnation(t *testing.T) {
	s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	fill(t, s, 0, chunk(0, 9))
	drain(t, s, b, Options{})
	lane := lanes(t, s)[0]
	key := bundle.Key(lane, 1)
	if err := b.Put(t.Context(), key, []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 0, chunk(10, 19))
	var stats ikada.Stats
	drain(t, s, b, Options{Stats: &stats})
	if stats.Snapshot().Errors == 0 {
		t.Error("nobody was told")
	}
	if err := b.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got, _ := rows(t, b); len(got) != 10 || got[0] != 10 {
		t.Errorf("rows %v", got)
	}
}

func TestForeignMessageIsQuarantined(t *testing.T) {
	s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	fill(t, s, 0, []byte("no batch"))
	fill(t, s, 0, chunk(0, 0))
	var stats ikada.Stats
	drain(t, s, b, Options{Stats: &stats})
	if n := stats.Snapshot(); n.Quarantined != 1 || n.Events != 2 {
		t.Errorf("stats %+v", n)
	}
}

// A chunk that is sent again comes to another lane if the number of shards was
// changed meanwhile: whether the first copy is in a bundle already, or waits in
// its lane yet.
func TestResentChunksAreRecognisedInOtherLanes(t *testing.T) {
	s, b := memstream.New(memstream.Options{}), mem.New()
	fill(t, s, 0, chunk(0, 9))
	fill(t, s, 1, chunk(10, 19))
	drain(t, s, b, Options{})
	fill(t, s, 1, chunk(0, 9))
	fill(t, s, 0, chunk(20, 29))
	fill(t, s, 1, chunk(20, 29))
	drain(t, s, b, Options{})
	drain(t, s, b, Options{})
	got, dropped := rows(t, b)
	wantSeqs(t, got, 30)
	if dropped != 20 {
		t.Errorf("%d rows were dropped as duplicates, want 20", dropped)
	}
}

// A lane that drops what another has in its open bundle relies on that bundle:
// if it is not written, its lane reads the part again.
func TestPartOfABundleThatFailedIsNotLostToAnotherLane(t *testing.T) {
	const shared = 30
	for failing := range 2 {
		s, b := memstream.New(memstream.Options{}), mem.New()
		for i := range shared {
			fill(t, s, 0, chunk(i*10, i*10+9))
			fill(t, s, 1, chunk(i*10, i*10+9))
		}
		faulty := &failingLane{Bucket: b, prefix: bundle.Folder(lanes(t, s)[failing]), left: 5}
		drain(t, s, faulty, Options{BundleSize: 200, Backoff: time.Millisecond})
		got, dropped := rows(t, b)
		wantSeqs(t, got, shared*10)
		if faulty.left != 0 || dropped != shared*10 {
			t.Errorf("%d failures are left, %d rows were dropped, want %d", faulty.left, dropped, shared*10)
		}
	}
}

// Nothing more comes that could show the lane that its last bundle failed.
func TestABundleThatFailedIsWrittenAgainThoughNothingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
		faulty := &failingLane{Bucket: b, prefix: bundle.Folder(lanes(t, s)[0]), left: 3}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- New(s, faulty, Options{Flush: time.Second, Backoff: time.Millisecond}).Run(ctx) }()
		fill(t, s, 0, chunk(0, 9))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		got, dropped := rows(t, b)
		wantSeqs(t, got, 10)
		if faulty.left != 0 || dropped != 0 {
			t.Errorf("%d failures are left, %d rows were dropped", faulty.left, dropped)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// failingLane fails the first bundles of a lane.
type failingLane struct {
	bucket.Bucket
	prefix string
	left   int
}

func (f *failingLane) Create(ctx context.Context, key string, body ...[]byte) error {
	if strings.HasPrefix(key, f.prefix) && f.left > 0 { // by one lane only
		f.left--
		return errors.New("no space left on device")
	}
	return f.Bucket.Create(ctx, key, body...)
}

// Ready comes behind the comparison of each lane with its newest bundle, and
// not before.
func TestReadyWhenEveryLaneIsCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := memstream.New(memstream.Options{}), mem.New()
		held := &heldLists{Bucket: b, release: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		stage := New(s, held, Options{})
		done := make(chan error, 1)
		go func() { done <- stage.Run(ctx) }()
		synctest.Wait()
		select {
		case <-stage.Ready():
			t.Error("ready before a bundle was looked for")
		default:
		}
		close(held.release)
		<-stage.Ready()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// heldLists holds listings up.
type heldLists struct {
	bucket.Bucket
	release chan struct{}
}

func (h *heldLists) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	<-h.release
	return h.Bucket.List(ctx, prefix, after)
}

// A message that is damaged for good holds nothing up behind it, and is not
// passed over in silence.
func TestDamagedMessagesAreGivenUpAndTold(t *testing.T) {
	s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	for i := range 8 {
		fill(t, s, 0, chunk(i*10, i*10+9))
	}
	var stats ikada.Stats
	drain(t, &rotten{Stream: s, bad: map[string]bool{"3": true, "4": true, "7": true}}, b, Options{Stats: &stats, Backoff: time.Millisecond})
	if n := stats.Snapshot(); n.Quarantined != 3 || n.Events != 53 || !strings.Contains(n.LastError, "damaged and lost") {
		t.Errorf("stats %+v", n)
	}
}

// rotten is a stream some messages of which cannot be read.
type rotten struct {
	*memstream.Stream
	bad map[string]bool // last digits of positions
}

func (s *rotten) Open(ctx context.Context, lane ikada.Lane, after ikada.Position) (stream.Reader, error) {
	r, err := s.Stream.Open(ctx, lane, after)
	return &rottenReader{r, s.bad}, err
}

type rottenReader struct {
	stream.Reader
	bad map[string]bool
}

func (r *rottenReader) Next(ctx context.Context) (stream.Message, error) {
	m, err := r.Reader.Next(ctx)
	if err == nil && r.bad[string(m.Position[19:])] {
		return stream.Message{}, &stream.Damaged{Last: m.Position, Err: fmt.Errorf("rotten: %w", ikada.ErrCorrupt)}
	}
	return m, err
}

// A lane that somebody else renewed goes on under its new name.
func TestLaneThatSomebodyElseRenewedGoesOn(t *testing.T) {
	s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
	fill(t, s, 0, chunk(0, 9))
	stage := New(s, b, Options{Backoff: time.Millisecond, Flush: time.Millisecond})
	done := make(chan error, 1)
	go func() { done <- stage.Run(t.Context()) }()
	<-stage.Ready()
	if _, err := s.Renew(t.Context(), lanes(t, s)[0]); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 0, chunk(10, 19))
	stage.Drain()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got, _ := rows(t, b)
	wantSeqs(t, got, 20)
}

// A lane whose newest bundle is damaged reads what the stream holds under a new
// name. Of that the bundles before hold some, and their keys may have left the
// chunk window while nothing ran.
func TestRenewedLaneTakesNothingAgainThatOlderBundlesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := memstream.New(memstream.Options{Shards: 1}), mem.New()
		for i := range 3 {
			fill(t, s, 0, chunk(i*10, i*10+9))
		}
		ctx, crash := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			_ = New(s, b, Options{BundleSize: 1}).Run(ctx) // it is cut off
			close(done)
		}()
		synctest.Wait() // three bundles, each of them full
		crash()
		<-done
		if got, _ := rows(t, b); len(got) != 30 {
			t.Fatalf("%d rows, want 30", len(got))
		}
		time.Sleep(2 * time.Hour)
		damaged := bundle.Key(lanes(t, s)[0], 3)
		if err := b.Put(t.Context(), damaged, []byte("damaged")); err != nil {
			t.Fatal(err)
		}
		drain(t, s, b, Options{})
		if err := b.Delete(t.Context(), damaged); err != nil {
			t.Fatal(err)
		}
		got, _ := rows(t, b)
		wantSeqs(t, got, 30)
	})
}
