package kinesis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/stream/kinesisrecord"
)

// What collect puts comes out of the stream as it was, with one key for all
// copies, though the stream refuses and loses answers.
func TestCollectPutsThroughKinesis(t *testing.T) {
	r := newRig(t, 2, func(request int64, _ int) awstest.KinesisFault {
		switch request % 4 {
		case 1:
			return awstest.KinesisFault{Refuse: map[int]bool{0: true}}
		case 3:
			return awstest.KinesisFault{Lose: true}
		}
		return awstest.KinesisFault{}
	})
	b := collect.NewBatcher(r.open(), slog.New(slog.DiscardHandler), collect.BatcherOptions{MaxMessage: MaxMessage})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()

	var large []byte // that hardly compresses, in lines
	random := make([]byte, 500)
	for len(large) < 5<<19 {
		_, _ = rand.Read(random)
		large = fmt.Appendf(large, `{"x":"%s"}`+"\n", hex.EncodeToString(random))
	}
	chunks := []collect.Chunk{
		{Tag: "large", ID: []byte("1"), Format: batch.JSON, Payload: large},
		{Tag: "small", ID: []byte("2"), Format: batch.JSON, Payload: []byte(`{"x":1}`)},
	}
	for range 2 { // the sender sends all again
		for _, c := range chunks {
			if err := b.Add(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}

	d, seen, sizes := kinesisrecord.NewDecoder(kinesisrecord.Options{}), map[batch.Key]bool{}, map[string]int{}
	for shard, records := range r.Records(t, r.name) {
		for _, record := range records {
			for _, p := range d.Decode(&kinesisrecord.Record{Source: shard, SequenceNumber: *record.SequenceNumber, Data: record.Data}) {
				if !seen[p.Key] {
					seen[p.Key] = true
					sizes[p.Tag] += len(p.Payload)
				}
			}
		}
	}
	if sizes["large"] != len(large) || sizes["small"] != len(`{"x":1}`) || len(sizes) != 2 {
		t.Errorf("bytes by tag, each key once: %v; sent %d and %d", sizes, len(large), len(`{"x":1}`))
	}
}
