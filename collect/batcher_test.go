package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/stream"
)

// fakeStream stores what append says it may.
type fakeStream struct {
	stream.Stream
	shards int
	append func(shard, attempt int) error // may wait

	mu       sync.Mutex
	attempts int
	stored   [][]byte
	offered  [][]byte
}

func (f *fakeStream) Shards() int { return f.shards }

func (f *fakeStream) Append(ctx context.Context, shard int, data []byte) error {
	f.mu.Lock()
	attempt := f.attempts
	f.attempts++
	f.offered = append(f.offered, bytes.Clone(data))
	f.mu.Unlock()
	if f.append != nil {
		if err := f.append(shard, attempt); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored = append(f.stored, bytes.Clone(data))
	return nil
}

func (f *fakeStream) appends() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attempts
}

func (f *fakeStream) messages() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stored)
}

func (f *fakeStream) parts(t *testing.T) (out []batch.Part) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.stored {
		if len(m) > stream.MaxMessage {
			t.Errorf("message of %d bytes is over the limit", len(m))
		}
		for p, err := range batch.Parts(m) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
	}
	return out
}

// start runs a batcher until the test ends.
func start(t *testing.T, s stream.Stream, opts BatcherOptions) *Batcher {
	t.Helper()
	b := NewBatcher(s, slog.New(slog.DiscardHandler), opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { end(t, cancel, done) })
	return b
}

// end ends a batcher, which should say why it ended.
func end(t *testing.T, cancel func(), done <-chan error) {
	t.Helper()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

func chunk(id, payload string) Chunk {
	return Chunk{Tag: "app", ID: []byte(id), Format: batch.JSON, Payload: []byte(payload), Origin: "test", Events: 1}
}

func TestPartsThatArriveDuringAnAppendTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := &fakeStream{shards: 1, append: func(int, int) error { <-release; return nil }}
		stats := new(ikada.Stats)
		b := start(t, f, BatcherOptions{InFlight: 1, Stats: stats})
		var wg sync.WaitGroup
		for i := range 101 {
			wg.Go(func() {
				if err := b.Add(t.Context(), chunk(fmt.Sprint(i), `{"a":1}`)); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait() // the first is in flight, alone
			}
		}
		synctest.Wait()
		if n := f.messages(); n != 0 {
			t.Fatalf("%d messages are stored before the stream said so", n)
		}
		close(release)
		wg.Wait()
		if f.messages() != 2 || len(f.parts(t)) != 101 {
			t.Errorf("%d messages with %d parts; want 2 with 101", f.messages(), len(f.parts(t)))
		}
		if s := stats.Snapshot(); s.Events != 101 || s.Runs != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestALonePartDoesNotLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeStream{shards: 1}, BatcherOptions{Linger: time.Hour})
		begin := time.Now()
		if err := b.Add(t.Context(), chunk("1", "{}")); err != nil || time.Since(begin) > 0 {
			t.Errorf("took %s, %v", time.Since(begin), err)
		}
	})
}

func TestASmallMessageLingersWhileAnotherIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{shards: 1, append: func(int, int) error { time.Sleep(time.Second); return nil }}
		b := start(t, f, BatcherOptions{Linger: 2 * time.Millisecond})
		for i := range 3 {
			c := chunk(fmt.Sprint(i), "{}")
			if _, err := b.Put(t.Context(), &c); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Millisecond)
		if n := f.appends(); n != 1 {
			t.Errorf("%d appends within the linger; want 1", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := f.appends(); n != 2 {
			t.Errorf("%d appends after the linger; want 2", n)
		}
	})
}

func TestAFullStreamHoldsCallersBackAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full = true
		var mu sync.Mutex
		f := &fakeStream{shards: 1, append: func(int, int) error {
			mu.Lock()
			defer mu.Unlock()
			if full {
				return fmt.Errorf("append: %w", ikada.ErrFull)
			}
			return nil
		}}
		b := start(t, f, BatcherOptions{})
		payload := string(bytes.Repeat([]byte("x"), 1<<20))
		put := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var receipts []Receipt
		for ; ; put++ {
			c := chunk(fmt.Sprint(put), payload)
			r, err := b.Put(ctx, &c)
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Put: %v", err)
				}
				break
			}
			receipts = append(receipts, r)
		}
		if put == 0 || put<<20 > RoomPerShard {
			t.Errorf("%d MiB were taken while the stream was full", put)
		}
		if !b.Full() || receipts[0].Done() {
			t.Errorf("full %v, done %v", b.Full(), receipts[0].Done())
		}
		mu.Lock()
		full = false
		mu.Unlock()
		for _, r := range receipts {
			if err := r.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if b.Full() || len(f.parts(t)) != put {
			t.Errorf("full %v, %d of %d parts stored", b.Full(), len(f.parts(t)), put)
		}
	})
}

func TestAnUnknownOutcomeIsRepeatedWithTheSameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStream{shards: 1, append: func(_, attempt int) error {
			if attempt < 3 {
				return errors.New("connection reset")
			}
			return nil
		}}
		stats := new(ikada.Stats)
		b := start(t, f, BatcherOptions{Stats: stats})
		if err := b.Add(t.Context(), chunk("", "{}")); err != nil { // of one message: others would come between
			t.Fatal(err)
		}
		if !bytes.Equal(f.offered[0], f.offered[3]) {
			t.Error("the attempts differ")
		}
		if s := stats.Snapshot(); s.Errors != 3 {
			t.Errorf("%d errors counted; want 3", s.Errors)
		}
	})
}

func TestAResendHasTheSameKeysAndShard(t *testing.T) {
	f := &fakeStream{shards: 4}
	var mu sync.Mutex
	shards := map[int]bool{}
	f.append = func(shard, _ int) error {
		mu.Lock()
		defer mu.Unlock()
		shards[shard] = true
		return nil
	}
	b := start(t, f, BatcherOptions{})
	large := string(bytes.Repeat([]byte(`{"a":1}`+"\n"), 1<<20))
	for range 3 {
		if err := b.Add(t.Context(), chunk("the id", large)); err != nil {
			t.Fatal(err)
		}
	}
	count := map[batch.Key]int{}
	for _, p := range f.parts(t) {
		count[p.Key]++
	}
	if want := (len(large) + maxPart - 1) / maxPart; len(count) != want || len(shards) != 1 {
		t.Errorf("%d distinct keys in %d shards; want %d in 1", len(count), len(shards), want)
	}
	for k, n := range count {
		if n != 3 {
			t.Errorf("key %x came %d times; want 3", k, n)
		}
	}
}

func TestChunksWithoutIdAreDistinctAndSpread(t *testing.T) {
	var mu sync.Mutex
	shards := map[int]bool{}
	f := &fakeStream{shards: 3, append: func(shard, _ int) error {
		mu.Lock()
		defer mu.Unlock()
		shards[shard] = true
		return nil
	}}
	b := start(t, f, BatcherOptions{})
	for range 6 {
		if err := b.Add(t.Context(), chunk("", "{}")); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[batch.Key]bool{}
	for _, p := range f.parts(t) {
		keys[p.Key] = true
	}
	if len(keys) != 6 || len(shards) != 3 {
		t.Errorf("%d keys in %d shards; want 6 in 3", len(keys), len(shards))
	}
}

func TestWhatIsNotDurableWhenTheStageStopsFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		f := &fakeStream{shards: 1, append: func(int, int) error { <-block; return errors.New("cut off") }}
		b := NewBatcher(f, slog.New(slog.DiscardHandler), BatcherOptions{InFlight: 1})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		var receipts []Receipt
		for i := range 2 {
			c := chunk(fmt.Sprint(i), "{}")
			r, err := b.Put(t.Context(), &c)
			if err != nil {
				t.Fatal(err)
			}
			receipts = append(receipts, r)
			synctest.Wait()
		}
		close(block)
		end(t, cancel, done)
		for i, r := range receipts {
			if err := r.Wait(t.Context()); !errors.Is(err, ErrStopped) {
				t.Errorf("receipt %d: %v", i, err)
			}
		}
		if err := b.Add(t.Context(), chunk("3", "{}")); !errors.Is(err, ErrStopped) {
			t.Errorf("Add after the end: %v", err)
		}
	})
}

func TestTheCallersMemoryIsItsOwnAfterPut(t *testing.T) {
	f := &fakeStream{shards: 1}
	b := NewBatcher(f, slog.New(slog.DiscardHandler), BatcherOptions{})
	c := chunk("1", `{"a":1}`)
	r, err := b.Put(t.Context(), &c) // before anything runs
	if err != nil {
		t.Fatal(err)
	}
	copy(c.Payload, "garbage")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	end(t, cancel, done)
	payloads := slices.Collect(func(yield func(string) bool) {
		for _, p := range f.parts(t) {
			yield(string(p.Payload))
		}
	})
	if !slices.Equal(payloads, []string{`{"a":1}`}) {
		t.Errorf("stored %q", payloads)
	}
}
