package record

import (
	"encoding/json"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

func TestPiecesSayWhatTheyBelongTo(t *testing.T) {
	type row struct {
		Reason, Origin, Whole string
		Piece, Pieces, Part   int
	}
	for name, c := range map[string]struct {
		origin string
		n      int
		want   row
	}{
		"whole":                       {"http a", 1, row{"broken", "http a", "", 0, 0, 1}},
		"a piece":                     {batch.PieceOrigin("http a", batch.Key{0xab}), 3, row{"broken", "http a", "ab000000000000000000000000000000", 2, 3, 1}},
		"a piece of an older version": {"http a", 3, row{"broken", "http a", "", 2, 3, 1}},
	} {
		s := newSet()
		s.Part(&batch.Part{Tag: "t", Origin: c.origin, Format: batch.Bad, Payload: batch.AppendBad(nil, "broken", 2, c.n, []byte("x"))})
		var got row
		if err := json.Unmarshal([]byte(s.text(ikada.Quarantine)), &got); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}
