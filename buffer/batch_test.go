package buffer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
)

var kinesisLane = ikada.Lane{Stream: "logs", Incarnation: "abcdefgh", Shard: 3}

// records are those of a lane from first to last, one row each, without keys.
func records(first, last int) (all []Record) {
	for seq := first; seq <= last; seq++ {
		part := batch.Part{Tag: fmt.Sprint("type", seq%3), Format: batch.JSON, Arrival: 1, Payload: fmt.Appendf(nil, `{"seq":%d}`, seq)}
		all = append(all, at(seq+1, part))
	}
	return all
}

func at(position int, parts ...batch.Part) Record {
	return Record{ikada.Position(fmt.Sprintf("%064d", position)), func() []batch.Part { return parts }}
}

func takeAll(t *testing.T, b *Batches, all []Record) {
	t.Helper()
	if err := b.Take(t.Context(), kinesisLane, all); err != nil {
		t.Fatal(err)
	}
}

func TestBatchIsOneBundle(t *testing.T) {
	b := mem.New()
	takeAll(t, NewBatches(b, Options{}), records(0, 99))
	got, _ := rows(t, b)
	wantSeqs(t, got, 100)
	if _, err := b.Stat(t.Context(), bundle.Key(kinesisLane, 2)); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("a second bundle: %v", err)
	}
}

func TestBatchDeliveredAgainAndCutDifferentlyAddsNothingTwice(t *testing.T) {
	b := mem.New()
	warm := NewBatches(b, Options{})
	takeAll(t, warm, records(0, 9))
	takeAll(t, warm, records(0, 9))                        // again
	takeAll(t, NewBatches(b, Options{}), records(5, 14))   // overlapping, cold
	takeAll(t, warm, records(3, 12))                       // a zombie with what others have written
	takeAll(t, warm, records(12, 19))                      // the warm one has not seen the cold one's
	takeAll(t, NewBatches(b, Options{}), records(0, 0))    // long ago
	takeAll(t, NewBatches(b, Options{}), []Record(nil))    // nothing
	takeAll(t, NewBatches(b, Options{}), records(20, 120)) // on
	got, _ := rows(t, b)
	wantSeqs(t, got, 121)
}

func TestALargeBatchIsSeveralBundles(t *testing.T) {
	b := mem.New()
	takeAll(t, NewBatches(b, Options{BundleSize: 500}), records(0, 99))
	got, _ := rows(t, b)
	wantSeqs(t, got, 100)
	if _, err := b.Stat(t.Context(), bundle.Key(kinesisLane, 10)); err != nil {
		t.Error(err)
	}
}

// Invocations that race, each with batches cut by its own dice, deliver until
// they succeed, as an event source mapping and its zombies do.
func TestRacingBatchesDoubleNothing(t *testing.T) {
	b := mem.New()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			stage := NewBatches(b, Options{BundleSize: 300})
			for next := 0; next < 300; {
				n := min(1+rand.IntN(40), 300-next)
				if err := stage.Take(context.Background(), kinesisLane, records(next, next+n-1)); err != nil {
					t.Error(err)
					return
				}
				next += n
			}
		})
	}
	all.Wait()
	got, _ := rows(t, b)
	wantSeqs(t, got, 300)
}

// Every create fails once before or after it took effect; a failed batch is
// delivered again, to a process that may be another one.
func TestBatchesSurviveABucketThatFails(t *testing.T) {
	for _, after := range []bool{false, true} {
		b := mem.New()
		failing := &flaky{Bucket: b, after: after}
		stage, failed := NewBatches(failing, Options{BundleSize: 300}), 0
		for next := 0; next < 200; next += 20 {
			for stage.Take(t.Context(), kinesisLane, records(next, next+19)) != nil {
				if failed++; failed%2 == 0 {
					stage = NewBatches(failing, Options{BundleSize: 300})
				}
			}
		}
		got, _ := rows(t, b)
		wantSeqs(t, got, 200)
		if failed == 0 {
			t.Error("nothing failed")
		}
	}
}

// flaky fails every other create, with or without effect.
type flaky struct {
	bucket.Bucket
	after bool
	n     int
}

func (f *flaky) Create(ctx context.Context, key string, body ...[]byte) error {
	if f.n++; f.n%2 == 0 {
		return f.Bucket.Create(ctx, key, body...)
	}
	if f.after {
		if err := f.Bucket.Create(ctx, key, body...); err != nil {
			return err
		}
	}
	return errors.New("no answer")
}

// A chunk whose first part went to a shard that was split since is known in
// the new shard's lane, though the process had read the windows before.
func TestChunkWindowSurvivesResharding(t *testing.T) {
	b := mem.New()
	child := kinesisLane
	child.Shard = 4
	keyed := func(position, seq int) Record {
		part := records(seq, seq)[0].Parts()[0]
		part.Key = batch.KeyOf("t", fmt.Append(nil, seq), nil, 0)
		return at(position, part)
	}
	warm := NewBatches(b, Options{})
	other := kinesisLane
	other.Shard = 9
	if err := warm.Take(t.Context(), other, []Record{keyed(1, 0)}); err != nil {
		t.Fatal(err)
	}
	takeAll(t, NewBatches(b, Options{}), []Record{keyed(1, 1), keyed(2, 2)})
	if err := warm.Take(t.Context(), child, []Record{keyed(7, 1), keyed(8, 3), keyed(9, 0)}); err != nil {
		t.Fatal(err)
	}
	got, dropped := rows(t, b)
	wantSeqs(t, got, 4)
	if dropped != 2 {
		t.Errorf("%d rows dropped, want 2", dropped)
	}
}

func TestPartsWithoutAKeyAreNeverDuplicates(t *testing.T) {
	b := mem.New()
	same := records(0, 0)[0].Parts()
	var all []Record
	for i := range 5 {
		all = append(all, at(i+1, slices.Concat(same, same)...))
	}
	takeAll(t, NewBatches(b, Options{}), all)
	got, dropped := rows(t, b)
	if len(got) != 10 || dropped != 0 {
		t.Errorf("%d rows, %d dropped, want 10 and 0", len(got), dropped)
	}
	x, err := bundle.ReadIndex(t.Context(), b, bundle.Key(kinesisLane, 1))
	if err != nil || len(x.Keys) != 0 {
		t.Errorf("the bundle holds %d keys, %v", len(x.Keys), err)
	}
}
