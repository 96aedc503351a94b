package plan

import (
	"reflect"
	"testing"

	"github.com/ikada-io/ikada/bucket/mem"
)

func TestListGoesFromAPlanDownToTheFirst(t *testing.T) {
	b := mem.New()
	for _, key := range []string{
		Key(1), DoneKey(1), Key(2), DoneKey(2), AmendKey(2, 1), AmendKey(2, 2), DoneKey(4), Key(1001), DoneKey(1001), Key(1002),
	} {
		if err := b.Create(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	for newest, want := range map[uint64][]Entry{
		5000: {{1002, true, false, 0}, {1001, true, true, 0}, {4, false, true, 0}, {2, true, true, 2}, {1, true, true, 0}},
		1001: {{1001, true, true, 0}, {4, false, true, 0}, {2, true, true, 2}, {1, true, true, 0}},
		2:    {{2, true, true, 2}, {1, true, true, 0}},
		0:    nil,
	} {
		var got []Entry
		for e, err := range List(t.Context(), b, newest) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("from %d: got %v, want %v", newest, got, want)
		}
	}
}

// A plan of before inputs told positions and duplicates reads as ever.
func TestAPlanWithoutPositionsReadsBack(t *testing.T) {
	p := testPlan(1, 1)
	full, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Inputs {
		p.Inputs[i].First, p.Inputs[i].Last, p.Inputs[i].Dropped = "", "", nil
	}
	old, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(old) >= len(full) {
		t.Errorf("%d bytes without, %d with", len(old), len(full))
	}
	got, err := Decode(old)
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("got %+v, %v; want %+v", got, err, p)
	}
}
