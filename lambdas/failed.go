package lambdas

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/buffer"
)

const (
	// failedPrefix is where Lambda puts its objects, as
	// aws/lambda/MAPPING/SHARD/YYYY/MM/DD/TIME-UUID. Others are none of ours.
	failedPrefix = "aws/lambda/"
	// maxFailed bounds an object: a record of 10 MiB, the most that Kinesis
	// takes, is 14 MB of text.
	maxFailed = 64 << 20
	// maxPayload is the most that Lambda hands to a function at once.
	maxPayload = 6_291_556
)

// failedObjects are the batches that Lambda could not deliver, on a lane of
// their own.
func (b *Buffer) failedObjects(from bucket.Bucket) *buffer.Objects {
	return &buffer.Objects{
		From: from, Prefix: failedPrefix, MaxSize: maxFailed,
		Lane:   ikada.Lane{Stream: "failed", Incarnation: incarnationOf(from.URL(""))},
		Unpack: func(key string, data []byte) buffer.Unpacked { return b.unpack(from.URL(key), data) },
	}
}

func (b *Buffer) sweep(ctx context.Context) error {
	if b.failed == nil {
		return fmt.Errorf("the event is none of Kinesis, and %s is not set: where are the batches that could not be delivered?", failedBucket)
	}
	return b.batches.Sweep(ctx, b.failed)
}

// unpack reads an object. What is no batch goes to the quarantine, as it is.
func (b *Buffer) unpack(url string, data []byte) buffer.Unpacked {
	u, err := b.undelivered(data)
	if err == nil {
		return u
	}
	return buffer.Unpacked{Records: []buffer.Record{{Parts: func() []batch.Part {
		return []batch.Part{{
			Tag: string(ikada.Quarantine), Format: batch.Bad, Arrival: time.Now().UnixNano(), Origin: "object " + url,
			Payload: batch.AppendBad(nil, err.Error(), 1, 1, data),
		}}
	}}}}
}

// invocationRecord is what Lambda puts into an on-failure bucket, as far as it
// is of use.
type invocationRecord struct {
	KinesisBatchInfo *struct{ ShardID, StreamArn, StartSequenceNumber, EndSequenceNumber string }
	Payload          json.RawMessage // the event: as a text, or as it is
}

// undelivered returns the records of an invocation record.
func (b *Buffer) undelivered(data []byte) (u buffer.Unpacked, err error) {
	var r invocationRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return u, fmt.Errorf("read the record of an invocation that failed: %w", err)
	}
	if r.KinesisBatchInfo == nil || len(r.Payload) == 0 {
		return u, errors.New("read the record of an invocation that failed: it names no batch of Kinesis, or has no payload")
	}
	payload := []byte(r.Payload)
	if payload[0] == '"' {
		var text string
		if err := json.Unmarshal(payload, &text); err != nil {
			return u, fmt.Errorf("read the payload of an invocation that failed: %w", err)
		}
		payload = []byte(text)
	}
	var event events.KinesisEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return u, fmt.Errorf("read the payload of an invocation that failed: want an event of Kinesis: %w", err)
	}
	if len(event.Records) == 0 {
		return u, errors.New("the payload of an invocation that failed holds no records")
	}
	for i := range event.Records {
		r := &event.Records[i]
		lane, position, err := placeOf(r)
		if err != nil {
			return u, fmt.Errorf("the payload of an invocation that failed: %w", err)
		}
		if i > 0 && lane != u.Lane {
			return u, fmt.Errorf("the payload of an invocation that failed holds records of %s and of %s: want one shard", u.Lane, lane)
		}
		u.Lane = lane
		u.Records = append(u.Records, buffer.Record{Position: position, Parts: func() []batch.Part { return b.decode(lane, r) }})
	}
	slices.SortFunc(u.Records, func(a, b buffer.Record) int { return cmp.Compare(a.Position, b.Position) })
	u.Undelivered = len(u.Records) == 1 && len(payload) > maxPayload
	return u, nil
}
