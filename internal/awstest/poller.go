package awstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Poller invokes a function with the records of a stream as Lambda's event
// source mapping does (StartingPosition TRIM_HORIZON, ParallelizationFactor 1,
// endless retries, no bisecting): shard by shard in order, one batch of a shard at
// a time, the same batch until it succeeds. It follows splits and merges: a shard
// begins when its parents have been delivered to their ends.
//
// Lambda promises at least once, and no more. Recut, Zombies and Late are the
// trouble that this leaves room for.
type Poller struct {
	Kinesis *Kinesis
	Stream  string
	// Invoke calls the function. A batch whose call fails is delivered again.
	Invoke func(context.Context, events.KinesisEvent) error

	// A batch is full with so many records or bytes (of base64; 6 MB less 64 KB
	// for the rest of the event), or when its first record has waited for Window.
	BatchRecords int // 10,000
	BatchBytes   int
	Window       time.Duration // 0: what is there makes a batch
	Backoff      time.Duration // before a retry; 20 ms

	// Recut cuts each batch by dice, and anew after a failure.
	Recut bool
	// Zombies is the share of batches that are delivered twice at once. What
	// becomes of one of the two, by dice, decides; the other goes on beside
	// the batches that follow.
	Zombies float64
	// Late is the share of batches that are delivered again when some later
	// ones of the shard have succeeded.
	Late float64

	Counts PollerCounts

	zombies sync.WaitGroup
}

// PollerCounts tell what a poller has done.
type PollerCounts struct {
	Shards, Records, Batches, Retries, Zombies, Late atomic.Int64
}

const (
	payloadLimit = 6_000_000 - 64_000
	pollEvery    = 20 * time.Millisecond
)

// Run delivers the stream's records until stop is closed and each shard was
// delivered to its end. It returns when no invocation is left.
func (p *Poller) Run(ctx context.Context, stop <-chan struct{}) error {
	p.BatchRecords = positive(p.BatchRecords, 10_000)
	p.BatchBytes = positive(p.BatchBytes, payloadLimit)
	p.Backoff = positive(p.Backoff, 20*time.Millisecond)
	ctx, cancel := context.WithCancel(ctx)
	defer p.zombies.Wait()
	defer cancel()
	begun, ended := map[string]bool{}, map[string]bool{}
	done := make(chan shardEnd)
	running := 0
	for {
		stopped := isClosed(stop) // before the look: no shard is made afterwards
		shards, err := p.Kinesis.shards(ctx, p.Stream)
		if err != nil {
			return err
		}
		for _, s := range ready(shards, begun, ended) {
			begun[*s.ShardId] = true
			p.Counts.Shards.Add(1)
			running++
			go func() { done <- shardEnd{*s.ShardId, p.follow(ctx, *s.ShardId, stop)} }()
		}
		if stopped && running == 0 {
			return nil
		}
		select {
		case end := <-done:
			running--
			if end.err != nil && !errors.Is(end.err, errDrained) {
				return drainShards(cancel, done, running, fmt.Errorf("shard %s: %w", end.shard, end.err))
			}
			ended[end.shard] = end.err == nil
		case <-time.After(5 * pollEvery):
		}
	}
}

// shardEnd tells that a shard was delivered to its end, or why not.
type shardEnd struct {
	shard string
	err   error
}

// errDrained: a shard is still open, and everything in it was delivered.
var errDrained = errors.New("the shard is open")

func drainShards(cancel func(), done <-chan shardEnd, running int, err error) error {
	cancel()
	for range running {
		<-done
	}
	return err
}

// ready returns the shards that are to begin: those of whose parents none is
// there that has not ended. A parent beyond the stream's retention is not there.
func ready(shards []types.Shard, begun, ended map[string]bool) (next []types.Shard) {
	there := map[string]bool{}
	for _, s := range shards {
		there[*s.ShardId] = true
	}
	waits := func(parent *string) bool { return parent != nil && there[*parent] && !ended[*parent] }
	for _, s := range shards {
		if !begun[*s.ShardId] && !waits(s.ParentShardId) && !waits(s.AdjacentParentShardId) {
			next = append(next, s)
		}
	}
	return next
}

// shards lists all shards of a stream, closed ones among them.
func (k *Kinesis) shards(ctx context.Context, stream string) (all []types.Shard, err error) {
	in := &kinesis.ListShardsInput{StreamName: &stream}
	for {
		out, err := k.client.ListShards(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the shards of stream %s: %w", stream, err)
		}
		all = append(all, out.Shards...)
		if out.NextToken == nil {
			return all, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

// follow delivers a shard's records; nil if the shard is closed and all of it
// was delivered.
func (p *Poller) follow(ctx context.Context, shard string, stop <-chan struct{}) error {
	f := &shardFeed{Poller: p, shard: shard}
	if err := f.open(ctx); err != nil {
		return err
	}
	var late []events.KinesisEvent
	for {
		stopped := isClosed(stop) // before the reading: nothing is put afterwards
		n, err := f.fill(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			p.again(ctx, late)
			switch {
			case f.closed:
				return nil
			case stopped:
				return errDrained
			}
			late = nil
			if err := pause(ctx, pollEvery); err != nil {
				return err
			}
			continue
		}
		event, err := f.deliver(ctx)
		if err != nil {
			return err
		}
		if len(late) > 0 && rand.IntN(3) == 0 {
			p.again(ctx, late)
			late = nil
		}
		if rand.Float64() < p.Late {
			late = append(late, event)
		}
	}
}

// again delivers old batches once more, beside what goes on. How that ends does
// not matter to Lambda, which takes them for done.
func (p *Poller) again(ctx context.Context, late []events.KinesisEvent) {
	for _, event := range late {
		p.Counts.Late.Add(1)
		p.zombies.Go(func() { _ = p.Invoke(ctx, event) })
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func positive[N int | time.Duration](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}
