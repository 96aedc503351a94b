package collect

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/batch"
)

// TestPiecesBearTheNameOfTheirWhole: by it they are found again, also where some are
// of one attempt to send and some of another.
func TestPiecesBearTheNameOfTheirWhole(t *testing.T) {
	f := &fakeStream{shards: 1}
	b := start(t, f, BatcherOptions{MaxMessage: MinMaxMessage, InFlight: 1}) // in order
	large := `{"s":"` + strings.Repeat("x", 2*MinMaxMessage) + "\"}\n"       // three pieces
	for i, c := range []Chunk{chunk("1", large+"{}\n"+large), chunk("1", large+"{}\n"+large), chunk("2", large+"{}\n"+large)} {
		c.Origin = "from " + string('a'+rune(i))
		if err := b.Add(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	wholes, keys, origins := map[string][]byte{}, map[batch.Key]string{}, map[string]bool{}
	for _, p := range f.parts(t) {
		origin, whole := batch.ParsePieceOrigin(p.Origin)
		origins[origin] = true
		if known, again := keys[p.Key]; again && known != whole {
			t.Errorf("a piece that was sent again is of %q, and was of %q", whole, known)
		} else if again {
			continue
		}
		keys[p.Key] = whole
		if p.Format != batch.Bad {
			if whole != "" {
				t.Errorf("entries are a piece of %q", whole)
			}
			continue
		}
		_, i, n, raw, err := batch.ParseBad(p.Payload)
		if err != nil || n != 3 || whole == "" || i == 1 != (wholes[whole] == nil) {
			t.Errorf("piece %d of %d of %q, %v", i, n, whole, err)
		}
		wholes[whole] = append(wholes[whole], raw...)
	}
	if len(wholes) != 4 || len(origins) != 3 {
		t.Errorf("%d wholes of %v; want 4, two of each chunk that differs, of 3 origins", len(wholes), origins)
	}
	for name, raw := range wholes {
		if !bytes.Equal(raw, []byte(large)) {
			t.Errorf("%s has %d bytes, want %d", name, len(raw), len(large))
		}
	}
}
