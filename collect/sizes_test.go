package collect

import (
	"bytes"
	"testing"

	"github.com/ikada-io/ikada/batch"
)

func TestMessagesFitAStreamOfSmallerOnes(t *testing.T) {
	for _, limit := range []int{0, 64 << 10, 1<<20 - 14} {
		f := &fakeStream{shards: 1}
		b := start(t, f, BatcherOptions{MaxMessage: limit})
		chunks := []Chunk{
			{Tag: "lines", ID: []byte("1"), Format: batch.JSON, Payload: bytes.Repeat([]byte(`{"a":12345}`+"\n"), 300_000)},
			{Tag: "long", ID: []byte("2"), Format: batch.JSON, Payload: bytes.Repeat([]byte("x"), 3<<20)},
			{Tag: "bad", ID: []byte("3"), Format: batch.Bad, Reason: "why", Payload: make([]byte, 5<<20)},
			{Tag: "entries", ID: []byte("4"), Format: batch.Msgpack, Payload: packed(3000, 1000)},
		}
		sent := 0
		for i := range chunks {
			sent += len(chunks[i].Payload)
			if err := b.Add(t.Context(), chunks[i]); err != nil {
				t.Fatal(err)
			}
		}
		stored := 0
		for _, p := range f.parts(t) {
			if p.Format == batch.Bad {
				_, _, _, raw, err := batch.ParseBad(p.Payload)
				if err != nil {
					t.Fatal(err)
				}
				p.Payload = raw
			}
			stored += len(p.Payload)
		}
		if stored != sent {
			t.Errorf("limit %d: %d bytes of %d are stored", limit, stored, sent)
		}
		for _, m := range f.stored {
			if limit > 0 && len(m) > limit {
				t.Errorf("limit %d: a message of %d bytes", limit, len(m))
			}
		}
	}
}
