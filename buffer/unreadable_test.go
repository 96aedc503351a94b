package buffer

import (
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// The second bundle is damaged, and the first is deleted, since it is routed.
// What no plan tells of them is not guessed.
func TestBatchesGoOnBehindADamagedBundleAsItsPlanSays(t *testing.T) {
	position := func(seq int) ikada.Position { return records(seq, seq)[0].Position }
	for name, test := range map[string]struct {
		first, second plan.Input
		fails         string
		rows          int64 // in the third bundle, of a batch of 30
	}{
		"routed":                  {plan.Input{Last: position(9)}, plan.Input{Last: position(19)}, "", 10},
		"lost":                    {plan.Input{Last: position(9)}, plan.Input{Excluded: "damaged"}, "", 20},
		"both lost":               {plan.Input{Excluded: "damaged"}, plan.Input{Excluded: "damaged"}, "", 30},
		"of an old plan":          {plan.Input{}, plan.Input{}, "plan 2 is too old to tell", 0},
		"lost behind an old plan": {plan.Input{}, plan.Input{Excluded: "damaged"}, "plan 1 is too old to tell", 0},
	} {
		b := mem.New()
		takeAll(t, NewBatches(b, Options{}), records(0, 9))
		takeAll(t, NewBatches(b, Options{}), records(10, 19))
		if err := b.Put(t.Context(), bundle.Key(kinesisLane, 2), []byte("damaged")); err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), bundle.Key(kinesisLane, 1)); err != nil {
			t.Fatal(err)
		}
		batches := NewBatches(b, Options{})
		take := func(want string) {
			t.Helper()
			err := batches.Take(t.Context(), kinesisLane, records(0, 29))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Fatalf("%s: got %v, want %q", name, err, want)
			}
		}
		for i, in := range []plan.Input{test.first, test.second} {
			take("no plan has it yet")
			in.Lane, in.Ordinal = kinesisLane, uint64(i+1)
			decide(t, b, in)
		}
		take(test.fails)
		if got := rowsOf(t, b, kinesisLane, 3); got != test.rows {
			t.Errorf("%s: %d rows in the bundle behind, want %d", name, got, test.rows)
		}
	}
}

// decide writes a plan of one bundle, which has its ordinal for a number.
func decide(t *testing.T, b *mem.Bucket, in plan.Input) {
	t.Helper()
	data, err := (&plan.Plan{Number: in.Ordinal, Inputs: []plan.Input{in}, After: []plan.Mark{{Lane: in.Lane, Ordinal: in.Ordinal}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), plan.Key(in.Ordinal), data); err != nil {
		t.Fatal(err)
	}
}

// The lane of what was set aside goes on, too. An object of which the damaged
// bundle had a part goes on behind it, if that was routed, or else where the
// bundle began.
func TestASweepGoesOnBehindADamagedBundle(t *testing.T) {
	for _, lost := range []bool{false, true} {
		b, from := mem.New(), mem.New()
		aside(t, from, 0, 19)
		object := mem.New() // as it was, if the sweep is cut off before it is deleted
		aside(t, object, 0, 19)
		if err := NewBatches(b, Options{BundleSize: 1000}).Sweep(t.Context(), objectsOf(from, false)); err != nil {
			t.Fatal(err)
		}
		if n := rowsOf(t, b, objectsLane, 1); n == 0 || n == 20 || rowsOf(t, b, objectsLane, 3) > 0 {
			t.Fatalf("the first bundle has %d rows", n)
		}
		x, err := bundle.ReadIndex(t.Context(), b, bundle.Key(objectsLane, 2))
		if err != nil {
			t.Fatal(err)
		}
		in := plan.Input{Lane: objectsLane, Ordinal: 2, First: x.First, Last: x.Last}
		second := rowsOf(t, b, objectsLane, 2)
		if err := b.Put(t.Context(), bundle.Key(objectsLane, 2), []byte("damaged")); err != nil {
			t.Fatal(err)
		}
		if lost {
			in = plan.Input{Lane: objectsLane, Ordinal: 2, Excluded: "damaged"}
		}
		err = NewBatches(b, Options{}).Sweep(t.Context(), objectsOf(object, false))
		if err == nil || !strings.Contains(err.Error(), "no plan has it yet") {
			t.Fatalf("without a plan: %v", err)
		}
		decide(t, b, in) // where the first one ends it tells itself
		sweep(t, b, object)
		want := int64(0)
		if lost {
			want = second
		}
		if got := rowsOf(t, b, objectsLane, 3); got != want {
			t.Errorf("lost %v: %d rows in the third bundle, want %d", lost, got, want)
		}
	}
}

// rowsOf counts the rows of a bundle, 0 without one.
func rowsOf(t *testing.T, b *mem.Bucket, lane ikada.Lane, ordinal uint64) (n int64) {
	t.Helper()
	data, err := b.Get(t.Context(), bundle.Key(lane, ordinal), 0, -1, nil)
	if err != nil {
		return 0
	}
	x, err := bundle.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Segments {
		n += x.Segments[i].Rows
	}
	return n
}
