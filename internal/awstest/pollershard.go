package awstest

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// shardFeed reads a shard and delivers its records in batches.
type shardFeed struct {
	*Poller
	shard   string
	next    *string        // iterator
	waiting []types.Record // read and not delivered
	closed  bool           // nothing follows waiting
}

func (f *shardFeed) open(ctx context.Context) error {
	out, err := f.Kinesis.client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: &f.Stream, ShardId: &f.shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	f.next = out.ShardIterator
	return nil
}

// fill reads until there is a batch, or nothing more for now, and returns how
// many records are there.
func (f *shardFeed) fill(ctx context.Context) (int, error) {
	start := time.Now()
	for !f.closed && len(f.waiting) < f.BatchRecords {
		limit := int32(min(f.BatchRecords, 10_000))
		out, err := f.Kinesis.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: f.next, Limit: &limit})
		if err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		f.waiting = append(f.waiting, out.Records...)
		f.next, f.closed = out.NextShardIterator, out.NextShardIterator == nil
		switch {
		case len(out.Records) > 0 && f.cut(len(f.waiting)) < len(f.waiting): // it is full
			return len(f.waiting), nil
		case len(f.waiting) == 0 || time.Since(start) >= f.Window:
			return len(f.waiting), nil
		case len(out.Records) == 0:
			if err := pause(ctx, pollEvery); err != nil {
				return 0, err
			}
		}
	}
	return len(f.waiting), nil
}

// cut returns how many of the waiting records, at most n, fit a batch: always one.
func (f *shardFeed) cut(n int) int {
	size := 0
	for i, r := range f.waiting[:min(n, f.BatchRecords, len(f.waiting))] {
		size += base64.StdEncoding.EncodedLen(len(r.Data)) + 400 // what stands around it
		if i > 0 && size > f.BatchBytes {
			return i
		}
	}
	return min(n, f.BatchRecords, len(f.waiting))
}

// deliver delivers a batch of the waiting records until it succeeds.
func (f *shardFeed) deliver(ctx context.Context) (events.KinesisEvent, error) {
	n := f.cut(len(f.waiting))
	for attempt := 0; ; attempt++ {
		if f.Recut {
			n = 1 + rand.IntN(f.cut(len(f.waiting)))
		}
		event := KinesisEvent(f.Stream, f.shard, f.waiting[:n])
		err := f.invoke(ctx, event)
		if err == nil {
			f.waiting = f.waiting[n:]
			f.Counts.Batches.Add(1)
			f.Counts.Records.Add(int64(n))
			return event, nil
		}
		if ctx.Err() != nil {
			return event, fmt.Errorf("%d records in the %d-th attempt: %w", n, attempt+1, err)
		}
		f.Counts.Retries.Add(1)
		if err := pause(ctx, f.Backoff); err != nil {
			return event, err
		}
	}
}

// invoke calls the function with a batch, by dice twice at once.
func (f *shardFeed) invoke(ctx context.Context, event events.KinesisEvent) error {
	if rand.Float64() >= f.Zombies {
		return f.Invoke(ctx, event)
	}
	f.Counts.Zombies.Add(1)
	var first, second = make(chan error, 1), make(chan error, 1)
	for _, to := range []chan error{first, second} {
		f.zombies.Go(func() { to <- f.Invoke(ctx, event) })
	}
	if rand.IntN(2) == 0 {
		return <-first
	}
	return <-second
}
