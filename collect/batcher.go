package collect

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/stream"
)

// Batcher puts chunks into the stream by group commit: parts that arrive while
// earlier appends are in flight travel together in one message.
type Batcher struct {
	stream Stream
	sizes  sizes
	log    *slog.Logger
	opts   BatcherOptions
	stats  *ikada.Stats
	shards []*shard
	next   atomic.Uint64 // round robin for chunks without an id
	full   atomic.Int64  // appends that wait because the stream is full
}

// Stream is what a Batcher needs of a stream.Stream. Append is that of the
// contract; shards are counted from 0.
type Stream interface {
	Shards() int
	Append(ctx context.Context, shard int, data []byte) error
}

// BatcherOptions tune a Batcher. The zero value is good.
type BatcherOptions struct {
	// InFlight is how many appends a shard has under way at once. Default 4.
	InFlight int
	// Message is the size at which a message is sent off whatever is under
	// way. Default 1 MiB.
	Message int
	// MaxMessage is the greatest message that the stream takes. Default
	// stream.MaxMessage, at least MinMaxMessage. Larger chunks are cut, so the
	// parts of one that is sent again are known again only while it stays.
	MaxMessage int
	// Linger is how long a smaller message waits for company while others of
	// its shard are in flight. Default 2 ms.
	Linger time.Duration
	// RetryFrom and RetryTo bound the back-off between attempts to append.
	// Defaults 50 ms and 2 s.
	RetryFrom, RetryTo time.Duration
	// Stats counts messages as runs. Optional.
	Stats *ikada.Stats
}

// MinMaxMessage is the smallest MaxMessage.
const MinMaxMessage = 64 << 10

// NewBatcher returns a Batcher for a stream. It works once Run runs.
func NewBatcher(s Stream, log *slog.Logger, opts BatcherOptions) *Batcher {
	opts.InFlight = cmp.Or(opts.InFlight, 4)
	opts.Message = cmp.Or(opts.Message, 1<<20)
	opts.Linger = cmp.Or(opts.Linger, 2*time.Millisecond)
	opts.RetryFrom = cmp.Or(opts.RetryFrom, 50*time.Millisecond)
	opts.RetryTo = max(opts.RetryFrom, cmp.Or(opts.RetryTo, 2*time.Second))
	opts.MaxMessage = max(MinMaxMessage, cmp.Or(opts.MaxMessage, stream.MaxMessage))
	b := &Batcher{stream: s, sizes: sizesFor(opts.MaxMessage), log: log, opts: opts, stats: opts.Stats}
	if b.stats == nil {
		b.stats = new(ikada.Stats)
	}
	for i := range s.Shards() {
		b.shards = append(b.shards, newShard(b, i))
	}
	return b
}

// Run appends until ctx ends. What is not durable then fails with ErrStopped,
// so stop the servers first: they wait for what they have put.
func (b *Batcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range b.shards {
		wg.Go(func() { s.run(ctx) })
	}
	wg.Wait()
	return ctx.Err()
}

// Full tells whether the stream refuses messages for want of space.
func (b *Batcher) Full() bool { return b.full.Load() > 0 }

// MaxEntry is the greatest size of one entry, with the newline of a line. Larger
// ones are quarantined.
func (b *Batcher) MaxEntry() int { return b.sizes.payload }

// Add puts chunks and waits until all of them are durable.
func (b *Batcher) Add(ctx context.Context, chunks ...Chunk) error {
	receipts := make([]Receipt, len(chunks))
	for i := range chunks {
		r, err := b.Put(ctx, &chunks[i])
		if err != nil {
			return err
		}
		receipts[i] = r
	}
	for _, r := range receipts {
		if err := r.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Put copies a chunk into the messages that go next. It waits for room there,
// which is how a slow or full stream stops its callers. When it returns, the
// chunk's memory is the caller's again; the receipt tells when the chunk is
// durable. After an error some parts of the chunk may be stored nevertheless: a
// resend with the same id makes them whole.
func (b *Batcher) Put(ctx context.Context, c *Chunk) (Receipt, error) {
	var random [16]byte
	id, s := c.ID, (*shard)(nil)
	if len(id) > 0 {
		s = b.shards[xxh3.Hash(id)%uint64(len(b.shards))]
	} else {
		if _, err := rand.Read(random[:]); err != nil {
			return Receipt{}, fmt.Errorf("make a chunk id: %w", err)
		}
		id = random[:]
		s = b.shards[b.next.Add(1)%uint64(len(b.shards))]
	}
	var receipt Receipt
	// To the microsecond: it may become an event's time, of which tables keep that
	// much, and Redshift's fast load takes no more digits.
	part := batch.Part{Tag: head(c.Tag), Arrival: time.Now().UnixMicro() * 1000}
	events, i := c.Events, 0
	err := b.sizes.cut(c, func(cut cutPart) error {
		part.Format, part.Payload, part.Origin = cut.format, cut.payload, head(c.Origin)
		if cut.whole != (batch.Key{}) {
			part.Origin = batch.PieceOrigin(part.Origin, batch.KeyOf(c.Tag, id, cut.whole[:], 0))
		}
		part.Key = batch.KeyOf(c.Tag, id, cut.payload, i)
		g, err := s.put(ctx, &part, events)
		if err != nil {
			return fmt.Errorf("put part %d of a chunk of %s into shard %d: %w", i, part.Tag, s.number, err)
		}
		receipt.add(g)
		i, events = i+1, 0 // a chunk's events are counted with its first part
		return nil
	})
	return receipt, err
}

func head(s string) string { return s[:min(len(s), maxText)] }

// Receipt tells when what was put is durable. The zero value is.
type Receipt struct {
	last *group
	more []*group // of a chunk that went into several messages
}

func (r *Receipt) add(g *group) {
	if r.last != nil && r.last != g {
		r.more = append(r.more, r.last)
	}
	r.last = g
}

// Wait waits until everything is durable and returns nil then.
func (r Receipt) Wait(ctx context.Context) error {
	if r.last == nil {
		return nil
	}
	for _, g := range append(r.more, r.last) {
		select {
		case <-g.done:
			if g.err != nil {
				return g.err
			}
		case <-ctx.Done():
			return fmt.Errorf("wait until it is in the stream: %w", ctx.Err())
		}
	}
	return nil
}

// Done tells whether Wait would return at once.
func (r Receipt) Done() bool {
	if r.last == nil {
		return true
	}
	for _, g := range append(r.more, r.last) {
		select {
		case <-g.done:
		default:
			return false
		}
	}
	return true
}
