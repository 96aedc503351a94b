package lambdas

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/stream/kinesisrecord"
)

// Buffer makes bundles of the batches of a Kinesis stream, and of those that
// Lambda has put into a bucket because it could not deliver them.
type Buffer struct {
	batches *buffer.Batches
	decoder *kinesisrecord.Decoder
	failed  *buffer.Objects // nil if the bucket is not set
}

// NewBuffer returns the function that the environment describes.
func NewBuffer(ctx context.Context, env Env, log *slog.Logger) (*Buffer, error) {
	buckets, err := env.open(ctx, bufferBucket)
	if err != nil {
		return nil, err
	}
	snappy, err := env.flag("IKADA_SNAPPY")
	if err != nil {
		return nil, err
	}
	types, err := declared(ctx, env(configFile), env(hashSecret))
	if err != nil {
		return nil, err
	}
	b := &Buffer{
		batches: buffer.NewBatches(buckets[0], buffer.Options{Declared: types, Log: log}),
		decoder: kinesisrecord.NewDecoder(kinesisrecord.Options{
			TypeKey: env("IKADA_TYPE_KEY"), TimeKey: env("IKADA_TIME_KEY"), DefaultType: env("IKADA_DEFAULT_TYPE"),
			Snappy: snappy, MaxInflated: maxInflated, MaxEvents: maxEvents,
		}),
	}
	if env(failedBucket) != "" {
		failed, err := env.open(ctx, failedBucket)
		if err != nil {
			return nil, err
		}
		b.failed = b.failedObjects(failed[0])
	}
	return b, nil
}

// Handle takes a batch of a shard. An error makes Lambda deliver all of it
// again, which adds nothing twice. Any other event, of S3 or of a schedule, is
// a wake-up: then what could not be delivered is taken.
func (b *Buffer) Handle(ctx context.Context, event events.KinesisEvent) error {
	if len(event.Records) == 0 || event.Records[0].EventSource == "aws:s3" {
		return b.sweep(ctx)
	}
	for first := 0; first < len(event.Records); {
		lane, _, err := placeOf(&event.Records[first])
		if err != nil {
			return err
		}
		var records []buffer.Record
		for ; first < len(event.Records); first++ { // a batch is of one shard, but who knows who calls
			r := &event.Records[first]
			other, position, err := placeOf(r)
			if err != nil {
				return err
			}
			if other != lane {
				break
			}
			records = append(records, buffer.Record{Position: position, Parts: func() []batch.Part { return b.decode(lane, r) }})
		}
		if err := b.batches.Take(ctx, lane, records); err != nil {
			return err
		}
	}
	return nil
}

// maxInflated and maxEvents bound what a record may be decompressed to, in a
// function of 512 MB: the decoder takes about twice as much as a record has bytes,
// and the rows of two records at a time some 100 bytes more each than the events.
const (
	maxInflated = 32 << 20
	maxEvents   = 250_000
)

func (b *Buffer) decode(lane ikada.Lane, r *events.KinesisEventRecord) []batch.Part {
	return b.decoder.Decode(&kinesisrecord.Record{
		Source:         lane.String(),
		SequenceNumber: r.Kinesis.SequenceNumber,
		PartitionKey:   r.Kinesis.PartitionKey,
		Arrival:        r.Kinesis.ApproximateArrivalTimestamp.Time,
		Data:           r.Kinesis.Data,
	})
}

// placeOf returns a record's lane and position.
func placeOf(r *events.KinesisEventRecord) (ikada.Lane, ikada.Position, error) {
	shard, sequence, ok := strings.Cut(r.EventID, ":")
	number, err := strconv.Atoi(strings.TrimPrefix(shard, "shardId-"))
	if !ok || err != nil || sequence != r.Kinesis.SequenceNumber {
		return ikada.Lane{}, "", fmt.Errorf("the record's eventID is %q: want shardId-N:SEQUENCENUMBER: is the function behind a Kinesis stream?", r.EventID)
	}
	position, err := kinesisrecord.Position(sequence)
	if err != nil {
		return ikada.Lane{}, "", fmt.Errorf("the record's place: %w", err)
	}
	return laneOf(r.EventSourceArn, number), position, nil
}

// laneOf names the lane of a shard. Shard numbers and sequence numbers are
// never used again within a stream, and those of a stream that was made anew
// under the same name are higher, so the stream's ARN does for its incarnation.
func laneOf(arn string, shard int) ikada.Lane {
	_, name, _ := strings.Cut(arn, "/")
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
	if name == "" {
		name = "kinesis"
	}
	return ikada.Lane{Stream: name[:min(len(name), 16)], Incarnation: incarnationOf(arn), Shard: shard}
}

// incarnationOf returns what stands for a stream or a bucket.
func incarnationOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:8]
}
