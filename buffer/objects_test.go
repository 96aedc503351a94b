package buffer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
)

var objectsLane = ikada.Lane{Stream: "failed", Incarnation: "12345678"}

// aside sets records of the lane aside, from first to last, as an object.
func aside(t *testing.T, from bucket.Bucket, first, last int) {
	t.Helper()
	key := fmt.Sprintf("aws/%d-%d", first, last)
	if err := from.Create(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
}

// objectsOf reads what aside wrote.
func objectsOf(from bucket.Bucket, undelivered bool) *Objects {
	return &Objects{From: from, Prefix: "aws/", Lane: objectsLane, MaxSize: 100, Unpack: func(key string, _ []byte) Unpacked {
		var first, last int
		if _, err := fmt.Sscanf(key, "aws/%d-%d", &first, &last); err != nil {
			return Unpacked{Records: []Record{{Parts: func() []batch.Part {
				return []batch.Part{{Tag: "bad", Format: batch.Bad, Payload: batch.AppendBad(nil, err.Error(), 1, 1, []byte(key))}}
			}}}}
		}
		return Unpacked{Lane: kinesisLane, Records: records(first, last), Undelivered: undelivered}
	}}
}

func sweep(t *testing.T, b, from bucket.Bucket) {
	t.Helper()
	if err := NewBatches(b, Options{}).Sweep(t.Context(), objectsOf(from, false)); err != nil {
		t.Fatal(err)
	}
	for info, err := range from.List(t.Context(), "aws/", "") {
		t.Errorf("%s is left, %v", info.Key, err)
	}
}

func TestWhatWasSetAsideComesBackOnce(t *testing.T) {
	b, from := mem.New(), mem.New()
	batches := NewBatches(b, Options{})
	takeAll(t, batches, records(0, 4))
	aside(t, from, 5, 5) // too large to be delivered
	takeAll(t, batches, records(6, 9))
	aside(t, from, 10, 12)
	aside(t, from, 0, 2) // delivered all the same
	for range 3 {
		sweep(t, b, from)
	}
	takeAll(t, NewBatches(b, Options{}), records(10, 14)) // delivered late
	got, _ := rows(t, b)
	wantSeqs(t, got, 15)
	for info, err := range b.List(t.Context(), bundle.Folder(objectsLane), "") {
		if err != nil {
			t.Fatal(err)
		}
		if x, err := bundle.ReadIndex(t.Context(), b, info.Key); err != nil || x.Lane != objectsLane {
			t.Errorf("%s: %v", info.Key, err)
		}
	}
}

// After every write of a run in turn, and before it, the process dies; and
// with bundles so small that each record gets its own.
func TestASweepMayBeCutOffAnywhere(t *testing.T) {
	for _, outcome := range []fault.Outcome{fault.CrashBefore, fault.CrashAfter} {
		for n := 1; ; n++ {
			b, from := mem.New(), mem.New()
			takeAll(t, NewBatches(b, Options{}), records(0, 2))
			takeAll(t, NewBatches(b, Options{}), records(6, 6))
			aside(t, from, 2, 5) // of which one was delivered
			aside(t, from, 7, 9)
			p := fault.NewProcess(n, outcome)
			o := fault.Options{Process: p}
			crashed := NewBatches(fault.New(b, o), Options{BundleSize: 1})
			if err := crashed.Sweep(t.Context(), objectsOf(fault.New(from, o), false)); (err != nil) != p.Crashed() {
				t.Errorf("%d: %v", n, err)
			}
			sweep(t, b, from)
			got, _ := rows(t, b)
			if slices.Sort(got); len(got) != 10 || got[9] != 9 {
				t.Fatalf("%v at write %d: %v", outcome, n, got)
			}
			if !p.Crashed() {
				break
			}
		}
	}
}

func TestSweepsSideBySide(t *testing.T) {
	b, from := mem.New(), mem.New()
	const n = 60
	for i := range n / 2 {
		aside(t, from, 2*i, 2*i+1)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := NewBatches(b, Options{BundleSize: 1}).Sweep(t.Context(), objectsOf(from, false)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sweep(t, b, from)
	got, _ := rows(t, b)
	wantSeqs(t, got, n)
}

func TestObjectThatCannotBeTakenHoldsUpNoOther(t *testing.T) {
	b, from := mem.New(), mem.New()
	batches := NewBatches(b, Options{})
	takeAll(t, batches, records(0, 1))
	takeAll(t, batches, records(5, 9))
	if err := b.Delete(t.Context(), bundle.Key(kinesisLane, 1)); err != nil {
		t.Fatal(err)
	}
	aside(t, from, 1, 1) // its bundle is gone
	aside(t, from, 2, 4)
	if err := from.Create(t.Context(), "aws/0-0", make([]byte, 101)); err != nil {
		t.Fatal(err)
	}
	err := batches.Sweep(t.Context(), objectsOf(from, false))
	if !errors.Is(err, ErrInDoubt) || !strings.Contains(err.Error(), "aws/1-1") || !strings.Contains(err.Error(), "aws/0-0 of 101 bytes") {
		t.Errorf("error %v", err)
	}
	if got := objectRows(t, b); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("rows %v", got)
	}
	left := 0
	for _, err := range from.List(t.Context(), "aws/", "") {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	if left != 2 {
		t.Errorf("%d objects are left", left)
	}
	// What cannot have been delivered is in no doubt.
	if err := from.Delete(t.Context(), "aws/0-0"); err != nil {
		t.Fatal(err)
	}
	if err := batches.Sweep(t.Context(), objectsOf(from, true)); err != nil {
		t.Error(err)
	}
	if got := objectRows(t, b); !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("rows %v", got)
	}
}

// objectRows returns the seq of each row in the lane of the objects.
func objectRows(t *testing.T, b bucket.Bucket) (seqs []int) {
	t.Helper()
	for info, err := range b.List(t.Context(), bundle.Folder(objectsLane), "") {
		if err != nil {
			t.Fatal(err)
		}
		x, err := bundle.ReadIndex(t.Context(), b, info.Key)
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, bundleRows(t, b, info.Key, x, map[string]bool{})...)
	}
	slices.Sort(seqs)
	return seqs
}

func TestUnreadableObjectIsQuarantined(t *testing.T) {
	b, from := mem.New(), mem.New()
	if err := from.Create(t.Context(), "aws/strange", []byte("x")); err != nil {
		t.Fatal(err)
	}
	sweep(t, b, from)
	x, err := bundle.ReadIndex(t.Context(), b, bundle.Key(objectsLane, 1))
	if err != nil || len(x.Segments) != 1 || x.Segments[0].Type != ikada.Quarantine {
		t.Errorf("%+v, %v", x, err)
	}
}

// Reads and writes fail now and then, in both buckets, with unknown outcomes.
func TestSweepsThatFailLoseNothing(t *testing.T) {
	b, from := mem.New(), mem.New()
	for i := range 10 {
		aside(t, from, 2*i, 2*i+1)
	}
	o := fault.Options{Hook: func(fault.Op, string) fault.Outcome {
		switch rand.IntN(12) {
		case 0:
			return fault.FailBefore
		case 1:
			return fault.FailAfter
		}
		return fault.Pass
	}}
	batches, failures := NewBatches(fault.New(b, o), Options{}), 0
	for {
		err := batches.Sweep(t.Context(), objectsOf(fault.New(from, o), false))
		if err == nil {
			break
		}
		if failures++; !errors.Is(err, fault.ErrFault) || failures > 1000 {
			t.Fatal(err)
		}
	}
	if failures == 0 {
		t.Error("nothing failed")
	}
	sweep(t, b, from)
	got, _ := rows(t, b)
	wantSeqs(t, got, 20)
}
