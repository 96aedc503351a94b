package record

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// Rows of many sizes, over several bundles: in pieces, in memory that others
// have left, and beyond all memory there is.
func TestRowsOfASegmentStayInOrder(t *testing.T) {
	s := NewSet(nil)
	for bundle := range 4 {
		s.Reset()
		s.Message(lane, "00000000000000000042")
		want := map[ikada.LogType]int{}
		for i := range 400 {
			tag := fmt.Sprintf("t%d", i%(3+2*bundle))
			size := []int{10, 300, 5_000, 60_000, 70}[(i+bundle)%5]
			payload := fmt.Appendf(nil, `{"n":%d,"s":["%s"`, want[ikada.LogType(tag)], bytes.Repeat([]byte{'x'}, size))
			for i == 100 && len(payload) < 900_000 {
				payload = fmt.Appendf(payload, `,"%s"`, bytes.Repeat([]byte{'y'}, 60_000))
			}
			payload = append(payload, "]}"...)
			s.Part(&batch.Part{Tag: tag, Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: payload})
			want[ikada.LogType(tag)]++
		}
		raw := int64(0)
		for _, src := range s.Sources() {
			raw += src.Raw
			got := 0
			for line := range bytes.Lines(rowsOf(src)) {
				if !bytes.Contains(line, fmt.Appendf(nil, `"n":%d,`, got)) {
					t.Fatalf("bundle %d, type %s: row %d is %.80s", bundle, src.Type, got, line)
				}
				got++
			}
			want[src.Type] -= got
		}
		for name, n := range want {
			if n != 0 {
				t.Errorf("bundle %d: %d rows of %s are missing", bundle, n, name)
			}
		}
		if raw != int64(s.Size()) {
			t.Errorf("bundle %d: the segments have %d bytes, the set says %d", bundle, raw, s.Size())
		}
	}
}

func TestManySegmentsTakeNoMoreMemoryThanTheyNeed(t *testing.T) {
	s := NewSet(nil)
	payload := bytes.Repeat([]byte(`{"a":"`+string(bytes.Repeat([]byte{'x'}, 4000))+`"}`+"\n"), 4)
	for range 3 {
		s.Reset()
		s.Message(lane, "00000000000000000042")
		for i := range 300 {
			s.Part(&batch.Part{Tag: fmt.Sprint("t", i), Format: batch.JSON, Arrival: arrival.UnixNano(), Payload: payload})
		}
		held := 0
		for _, t := range s.types {
			for _, g := range t.segments {
				held += cap(g.raw)
			}
		}
		if held > 3*s.Size() {
			t.Errorf("%d bytes of memory for %d of rows", held, s.Size())
		}
	}
}
