package lambdas

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/stream/kinesis"
)

// A stream's shard is split and the halves are merged again while it is written.
// What a sender sends again meanwhile goes to other shards than before. Each
// shard is delivered by new environments, parents before children, as Lambda
// does; every row is there once.
func TestSplitAndMergeInMidStream(t *testing.T) {
	c := newCloud(t)
	k := awstest.StartKinesis(t)
	name := k.NewStream(t, 1)
	w, err := kinesis.Open(t.Context(), kinesis.Options{Stream: name, Region: k.Region, Endpoint: k.Endpoint, Credentials: k.Credentials})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	send := func(first, last int) {
		for seq := first; seq <= last; seq++ {
			tag, payload := fmt.Sprint("type.", seq%3), fmt.Appendf(nil, `{"shard":0,"seq":%d}`, seq)
			part := batch.Part{Tag: tag, Format: batch.JSON, Key: batch.KeyOf(tag, fmt.Append(nil, seq), payload, 0), Arrival: time.Now().UnixNano(), Payload: payload}
			if err := w.Append(t.Context(), 0, batch.Append(nil, &part)); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(0, 29)
	k.SplitShard(t, name, "shardId-000000000000", new(big.Int).Lsh(big.NewInt(1), 127).String())
	send(20, 59)
	k.MergeShards(t, name, "shardId-000000000001", "shardId-000000000002")
	send(50, 89)

	held := k.Records(t, name)
	for shard := range 4 {
		id := fmt.Sprintf("shardId-%012d", shard)
		if len(held[id]) < 10 {
			t.Fatalf("%s has %d records", id, len(held[id]))
		}
		f := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-buffer"), c.env...)
		for part := range slices.Chunk(held[id], 7) {
			var e events.KinesisEvent
			for _, r := range part {
				e.Records = append(e.Records, events.KinesisEventRecord{
					EventID: id + ":" + *r.SequenceNumber, EventSource: "aws:kinesis", EventSourceArn: "arn:aws:kinesis:eu-central-1:123456789012:stream/" + name,
					Kinesis: events.KinesisRecord{
						Data: r.Data, SequenceNumber: *r.SequenceNumber, PartitionKey: *r.PartitionKey,
						ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: *r.ApproximateArrivalTimestamp},
					},
				})
			}
			if _, err := f.Invoke(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-route"), c.env...).Invoke(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantSeqs(t, "archive", c.archived(t)[0], 90)
}
