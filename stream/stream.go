// Package stream is the contract of a durable stream: shards that keep
// messages in order until they are trimmed. Adapters: stream/jetstream
// (embedded NATS JetStream), stream/mem (memory). Package stream/streamtest
// holds the suite that every adapter passes, and stream/fault a wrapper that
// fails on purpose.
package stream

import (
	"context"
	"time"

	"github.com/ikada-io/ikada"
)

// Stream keeps messages. All methods are safe for concurrent use.
type Stream interface {
	// Lanes lists the lanes that may hold messages: one a shard, in its
	// current incarnation. Shards counts those that Append writes to: 0 to
	// Shards-1. Lanes may list more after the number of shards was lowered.
	Lanes(ctx context.Context) ([]ikada.Lane, error)
	Shards() int

	// Append adds a message of at most MaxMessage bytes to a shard and returns
	// when it is durable (fsynced). It returns an error that wraps
	// ikada.ErrFull, and stores nothing, if the disk limit is reached. After
	// any other error the message may or may not be stored. data is not kept.
	// Concurrent Appends are stored in any order.
	Append(ctx context.Context, shard int, data []byte) error

	// Open reads a lane strictly in order, beginning with the first message
	// behind after that is still held. It returns an error that wraps
	// ikada.ErrTruncated if the lane ends before after, and ikada.ErrNotFound
	// if the lane's incarnation is not the current one.
	Open(ctx context.Context, lane ikada.Lane, after ikada.Position) (Reader, error)

	// Renew gives the lane's shard a new incarnation and returns it. What the
	// shard holds is read again under the new name. Readers of the old lane
	// end, with an error that wraps ikada.ErrNotFound.
	Renew(ctx context.Context, lane ikada.Lane) (ikada.Lane, error)

	// Trim lets go of a lane's messages up to and including a position. It is
	// a convenience: losing a Trim costs space and nothing else.
	Trim(ctx context.Context, lane ikada.Lane, upTo ikada.Position) error

	// Backlog tells what a lane holds behind a position.
	Backlog(ctx context.Context, lane ikada.Lane, after ikada.Position) (Backlog, error)

	// Close releases everything. Appends in flight end with an error.
	Close() error
}

// MaxMessage is the greatest size of a message, in bytes.
const MaxMessage = 8 << 20

// Reader reads one lane in order. It is not safe for concurrent use.
type Reader interface {
	// Next waits for the next message. Its Data is valid until the next call
	// of Next. An error other than ctx's ends the reader: close it and open
	// another behind the last message held. The error is a *Damaged if what
	// comes next cannot be read.
	Next(ctx context.Context) (Message, error)
	Close() error
}

// Message is one entry of a lane.
type Message struct {
	Position ikada.Position
	Time     time.Time // when the stream stored it
	Data     []byte
}

// Backlog is what waits in a lane. Bytes may be an estimate.
type Backlog struct {
	Messages int64
	Bytes    int64
	Oldest   time.Time // zero if nothing waits
}

// Damaged is the error of a Reader whose next messages are stored and cannot be
// read. It wraps ikada.ErrCorrupt. Another try may help; if not, a reader opened
// behind Last, the last of them, goes on.
type Damaged struct {
	Last ikada.Position
	Err  error
}

func (d *Damaged) Error() string { return d.Err.Error() }
func (d *Damaged) Unwrap() error { return d.Err }
