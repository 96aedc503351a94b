package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

var lanes = []ikada.Lane{{Stream: "main", Incarnation: "k3j9x2ab", Shard: 0}, {Stream: "main", Incarnation: "k3j9x2ab", Shard: 1}}

// testPlan returns a plan with n outputs of m segments.
func testPlan(n, m int) *Plan {
	p := &Plan{
		Number: 12, Created: 1e18,
		Before: []Mark{{lanes[0], 6}}, After: []Mark{{lanes[0], 7}, {lanes[1], 1}},
		Inputs: []Input{
			{Lane: lanes[0], Ordinal: 7, Size: 1 << 30, FirstArrival: 3e17, First: "000005", Last: "000009", Dropped: []bundle.TypeCount{{Type: "app.access", Rows: 3}}},
			{Lane: lanes[1], Ordinal: 1, Size: 1 << 30, FirstArrival: 2e17, First: "000001", Last: "000001"},
			{Lane: lanes[1], Ordinal: 2, Size: 5, Excluded: "damaged"},
		},
		Manifests: []Manifest{
			{"app.access/000000000012.manifest", "app.access", ikada.Plain, []ikada.Field{{Name: "path", Kinds: ikada.KindText, MaxBytes: 9, Rows: 5, Nulls: 1}}},
			{"app.access/000000000012.hard.manifest", "app.access", ikada.Hard, []ikada.Field{}},
		},
	}
	for i := range n {
		o := Output{Key: ArchiveKey("app.access", 490000, ikada.Class(i%2), 12, i+1), Manifest: i % 2, Hour: ikada.Hour(490000 + i)}
		for j := range m {
			o.Segments = append(o.Segments, Segment{(i + j) % 2, int64(j), bundle.Extent{
				Offset: int64(1000 * (i*m + j)), Length: 1000, Raw: 4000, CRC32: 1 << 31, CRC32C: uint32(j),
			}})
		}
		p.Outputs = append(p.Outputs, o)
	}
	return p
}

func TestAPlanReadsBackAsItWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		p := testPlan(n, 3)
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("%d outputs: read %+v, wrote %+v", n, got, p)
		}
		again, err := got.Encode()
		if err != nil || !slices.Equal(again, data) {
			t.Errorf("%d outputs: written again it has other bytes (%v)", n, err)
		}
	}
}

func TestAnyFlippedBitOfAPlanIsFound(t *testing.T) {
	data, err := testPlan(2, 2).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if _, err := Decode(bad); !errors.Is(err, ikada.ErrCorrupt) {
			t.Fatalf("byte %d of %d: got %v, want ErrCorrupt", i, len(data), err)
		}
		if _, err := Decode(data[:i]); !errors.Is(err, ikada.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: got %v, want ErrCorrupt", i, err)
		}
	}
}

// reversion gives a frame another format version.
func reversion(data []byte, v uint32) []byte {
	data = slices.Clone(data[:len(data)-4])
	binary.LittleEndian.PutUint32(data[8:], v)
	return finish(data)
}

func TestAnUnknownVersionIsRefused(t *testing.T) {
	data, err := testPlan(1, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(reversion(data, 2)); !errors.Is(err, ikada.ErrVersion) {
		t.Errorf("plan: got %v, want ErrVersion", err)
	}
	data, err = (&Amendment{Plan: 3, Number: 1}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeAmendment(reversion(data, 0)); !errors.Is(err, ikada.ErrVersion) {
		t.Errorf("amendment: got %v, want ErrVersion", err)
	}
}

func TestAPlanThatContradictsItselfIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Plan){
		"no such manifest":            func(p *Plan) { p.Outputs[1].Manifest = 2 },
		"no such input":               func(p *Plan) { p.Outputs[0].Segments[0].Input = 3 },
		"a segment beyond its bundle": func(p *Plan) { p.Outputs[0].Segments[0].Offset = 1 << 30 },
		"a negative length":           func(p *Plan) { p.Outputs[0].Segments[0].Length = -1 },
		"an offset that overflows":    func(p *Plan) { p.Outputs[0].Segments[0].Offset = 1<<63 - 1 },
		"no such class":               func(p *Plan) { p.Manifests[0].Class = 2 },
	} {
		p := testPlan(2, 2)
		spoil(p)
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(data); !errors.Is(err, ikada.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
	}
}

func TestAmendmentsAddUpAndRenameWhatTheyTouch(t *testing.T) {
	p := testPlan(3, 3)
	amendments := []*Amendment{
		{Plan: 12, Number: 1, Created: 5, Cuts: []Cut{{0, 1, "lost"}, {1, 0, "lost"}}},
		{Plan: 12, Number: 2, Created: 6, Cuts: []Cut{{1, 1, "damaged"}, {1, 2, "damaged"}}},
	}
	for i, a := range amendments {
		data, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if amendments[i], err = DecodeAmendment(data); err != nil || !reflect.DeepEqual(amendments[i], a) {
			t.Fatalf("amendment reads back as %+v, %v", amendments[i], err)
		}
	}
	got, err := p.Amend(amendments)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Segment{p.Outputs[0].Segments[0], p.Outputs[0].Segments[2]}; !reflect.DeepEqual(got.Outputs[0].Segments, want) {
		t.Errorf("output 0 has %+v, want %+v", got.Outputs[0].Segments, want)
	}
	if len(got.Outputs[1].Segments) != 0 {
		t.Errorf("output 1 has %+v, want nothing", got.Outputs[1].Segments)
	}
	if !reflect.DeepEqual(got.Outputs[2], p.Outputs[2]) {
		t.Errorf("output 2 was changed: %+v", got.Outputs[2])
	}
	if want := "app.access/dt=2025-11-24/hh=16/000000000012-1.a1.json.gz"; got.Outputs[0].Key != want {
		t.Errorf("output 0 is %s, want %s", got.Outputs[0].Key, want)
	}
	if want := "app.access/dt=2025-11-24/hh=16/000000000012-2.hard.a2.json.gz"; got.Outputs[1].Key != want {
		t.Errorf("output 1 is %s, want %s", got.Outputs[1].Key, want)
	}
	if !reflect.DeepEqual(p, testPlan(3, 3)) {
		t.Error("the plan as it was made has changed")
	}
	if _, err := p.Amend([]*Amendment{{Plan: 12, Number: 1, Cuts: []Cut{{3, 0, ""}}}}); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("cut of output 3: got %v, want ErrCorrupt", err)
	}
}

func TestOldestArrivalIsThatOfTheInputsUsed(t *testing.T) {
	p := testPlan(2, 1) // output 0 uses input 0, output 1 uses input 1
	if got := p.OldestArrival(&p.Outputs[0]); got != 3e17 {
		t.Errorf("output 0: %d", got)
	}
	if got := p.OldestArrival(&p.Outputs[0], &p.Outputs[1]); got != 2e17 {
		t.Errorf("both: %d", got)
	}
}

func TestKeysSortNewestPlanFirst(t *testing.T) {
	keys := []string{AmendKey(10, 1), DoneKey(10), Key(10), DoneKey(9), Key(9), AmendKey(1, 1), AmendKey(1, 2), DoneKey(1), Key(1)}
	if !slices.IsSorted(keys) {
		t.Errorf("not sorted: %q", keys)
	}
	for key, want := range map[string]string{Key(7): ".plan", DoneKey(7): ".done", AmendKey(7, 3): ".a3"} {
		if n, suffix, err := parseKey(key); n != 7 || suffix != want || err != nil {
			t.Errorf("parseKey(%q) = %d, %q, %v", key, n, suffix, err)
		}
	}
	for _, key := range []string{"", "plans/", "plans/99999999999.plan", "plans/+99999999999.plan", "plan/999999999999.plan"} {
		if _, _, err := parseKey(key); err == nil {
			t.Errorf("parseKey(%q) gave no error", key)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, n := range []int{0, 3} {
		data, err := testPlan(n, 2).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[headSize : len(data)-4])
	}
	data, err := (&Amendment{Plan: 3, Number: 1, Cuts: []Cut{{1, 2, "lost"}}}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[headSize : len(data)-4])
	f.Fuzz(func(t *testing.T, body []byte) {
		if p, err := Decode(finish(append(start(planMagic), body...))); err == nil {
			again, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if q, err := Decode(again); err != nil || !reflect.DeepEqual(p, q) {
				t.Fatalf("reads back as %+v, %v; want %+v", q, err, p)
			}
		} else if !errors.Is(err, ikada.ErrCorrupt) {
			t.Fatalf("unexpected error %v", err)
		}
		if _, err := DecodeAmendment(finish(append(start(amendMagic), body...))); err != nil && !errors.Is(err, ikada.ErrCorrupt) {
			t.Fatalf("unexpected error %v", err)
		}
	})
}

func BenchmarkPlanOf200000Segments(b *testing.B) {
	p := testPlan(400, 500)
	data, err := p.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(fmt.Sprintf("decode %d bytes", len(data)), func(b *testing.B) {
		for b.Loop() {
			if _, err := Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
