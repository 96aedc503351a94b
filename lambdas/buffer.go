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
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/kinesisrecord"
)

// Buffer makes bundles of the batches of a Kinesis stream.
type Buffer struct {
	batches *buffer.Batches
	decoder *kinesisrecord.Decoder
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
	return &Buffer{
		batches: buffer.NewBatches(buckets[0], buffer.Options{Log: log}),
		decoder: kinesisrecord.New(kinesisrecord.Options{
			TypeKey: env("IKADA_TYPE_KEY"), TimeKey: env("IKADA_TIME_KEY"), DefaultType: env("IKADA_DEFAULT_TYPE"), Snappy: snappy,
		}),
	}, nil
}

// Handle takes a batch of a shard. An error makes Lambda deliver all of it
// again, which adds nothing twice.
func (b *Buffer) Handle(ctx context.Context, event events.KinesisEvent) error {
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
			origin := "kinesis " + lane.Stream + " " + r.Kinesis.SequenceNumber
			records = append(records, buffer.Record{
				Position: position,
				Parts:    b.decoder.Decode(r.Kinesis.Data, r.Kinesis.ApproximateArrivalTimestamp.Time, origin),
			})
		}
		if err := b.batches.Take(ctx, lane, records); err != nil {
			return err
		}
	}
	return nil
}

// positionDigits is how wide positions are: sequence numbers have 56 digits.
const positionDigits = 64

// placeOf returns a record's lane and position.
func placeOf(r *events.KinesisEventRecord) (ikada.Lane, ikada.Position, error) {
	shard, sequence, ok := strings.Cut(r.EventID, ":")
	number, err := strconv.Atoi(strings.TrimPrefix(shard, "shardId-"))
	if !ok || err != nil || sequence != r.Kinesis.SequenceNumber {
		return ikada.Lane{}, "", fmt.Errorf("the record's eventID is %q: want shardId-N:SEQUENCENUMBER: is the function behind a Kinesis stream?", r.EventID)
	}
	if len(sequence) == 0 || len(sequence) > positionDigits || strings.Trim(sequence, "0123456789") != "" {
		return ikada.Lane{}, "", fmt.Errorf("the record's sequence number is %q: want up to %d digits", sequence, positionDigits)
	}
	position := strings.Repeat("0", positionDigits-len(sequence)) + sequence
	return laneOf(r.EventSourceArn, number), ikada.Position(position), nil
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
	sum := sha256.Sum256([]byte(arn))
	id := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:8]
	return ikada.Lane{Stream: name[:min(len(name), 16)], Incarnation: id, Shard: shard}
}
