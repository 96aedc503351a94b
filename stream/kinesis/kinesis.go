// Package kinesis writes to a Kinesis data stream: the half of a stream that
// collect needs.
//
// It does not fulfil the whole contract of package stream, on purpose. On AWS a
// Lambda function is handed what a shard holds, in order, and Kinesis forgets by
// age; so there is nothing to open, to renew or to trim, and a stream that is
// made anew has shards with the sequence numbers of another time.
//
//	Append ──► seal (zstd) ──► queue ──► PutRecords, up to 500 records of all shards
//	                             ▲            │
//	                             └─ back-off ─┘ what was refused, and nothing else
//
// While requests are under way the queue grows, so requests grow with the
// traffic and nothing has to wait for company.
package kinesis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/ikada-io/ikada/stream/kinesisrecord"
)

// Options of Open. What is not required has a default.
type Options struct {
	Stream string // required: the stream's name
	// Region, Endpoint and Credentials are those of AWS's standard chain (the
	// environment, ~/.aws, the role of the container or machine) if empty.
	Region      string
	Endpoint    string
	Credentials aws.CredentialsProvider

	// InFlight bounds the requests under way; 4.
	InFlight int
	// Timeout bounds one request; 30 s.
	Timeout time.Duration
	// RetryFrom and RetryTo bound the pause before a record is sent again, which
	// doubles and is random by half; 100 ms and 5 s.
	RetryFrom, RetryTo time.Duration
	// Attempts is how often a record is sent before Append gives up; 10, which
	// is about 20 s.
	Attempts int
	Log      *slog.Logger
}

// Limits of Kinesis.
const (
	maxRecord  = 1 << 20 // data and partition key, unless the stream is set to take more
	maxRecords = 500     // in one request
	maxRequest = 5 << 20 // bytes in one request; 10 MiB lately, and not everywhere
)

// partitionKey is required, and no more: the explicit hash key picks the shard.
const partitionKey = "ikada"

// MaxMessage is the greatest message that Append takes whatever it holds. A
// larger one is taken if it compresses well enough.
const MaxMessage = maxRecord - len(partitionKey) - kinesisrecord.SealOverhead

// ErrTooLarge: a message makes a record larger than Kinesis takes.
var ErrTooLarge = errors.New("larger than a Kinesis record may be")

// Writer appends to a stream. It is safe for concurrent use.
type Writer struct {
	client api
	opts   Options
	sealer *kinesisrecord.Sealer
	shards []hashRange
	queue  queue
	warned warnings
}

// api is what is used of the SDK's client.
type api interface {
	ListShards(context.Context, *sdk.ListShardsInput, ...func(*sdk.Options)) (*sdk.ListShardsOutput, error)
	PutRecords(context.Context, *sdk.PutRecordsInput, ...func(*sdk.Options)) (*sdk.PutRecordsOutput, error)
}

// Open looks up the stream's shards. The stream must be there.
func Open(ctx context.Context, opts Options) (*Writer, error) {
	opts.InFlight = cmp.Or(opts.InFlight, 4)
	opts.Timeout = cmp.Or(opts.Timeout, 30*time.Second)
	opts.RetryFrom = cmp.Or(opts.RetryFrom, 100*time.Millisecond)
	opts.RetryTo = max(opts.RetryFrom, cmp.Or(opts.RetryTo, 5*time.Second))
	opts.Attempts = cmp.Or(opts.Attempts, 10)
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	if opts.Stream == "" {
		return nil, errors.New("open a Kinesis stream: its name is missing")
	}
	client, err := newClient(ctx, &opts)
	if err != nil {
		return nil, fmt.Errorf("open Kinesis stream %s: %w", opts.Stream, err)
	}
	w := &Writer{client: client, opts: opts}
	if w.sealer, err = kinesisrecord.NewSealer(); err != nil {
		return nil, err
	}
	if w.shards, err = listShards(ctx, client, &opts); err != nil {
		return nil, fmt.Errorf("list the shards of Kinesis stream %s: %w", opts.Stream, advise(err, &opts))
	}
	w.queue.init()
	return w, nil
}

// Shards counts the shards that were open when the stream was opened. If it is
// resharded meanwhile, records go to the shards that took over.
func (w *Writer) Shards() int { return len(w.shards) }

// Append adds a message, a batch, to a shard and returns when Kinesis has it. A
// record that Kinesis has refused is sent again, with growing pauses. After an
// error the message may be stored or not, unless it wraps ErrTooLarge. data is
// not kept. Concurrent Appends are stored in any order.
func (w *Writer) Append(ctx context.Context, shard int, data []byte) error {
	if shard < 0 || shard >= len(w.shards) {
		return fmt.Errorf("append to shard %d of %d of Kinesis stream %s: no such shard", shard, len(w.shards), w.opts.Stream)
	}
	e := &entry{
		ctx:  ctx,
		data: w.sealer.Seal(nil, data),
		hash: w.shards[shard].any(),
		done: make(chan error, 1),
	}
	if e.size() > maxRecord {
		return fmt.Errorf("append %d bytes to Kinesis stream %s: as a record they are %d bytes, of %d; a message of %d always fits: %w",
			len(data), w.opts.Stream, e.size(), maxRecord, MaxMessage, ErrTooLarge)
	}
	w.put(e)
	var err error
	select {
	case err = <-e.done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-w.queue.ctx.Done():
		err = errClosed
	}
	if err != nil {
		return fmt.Errorf("append to shard %d of Kinesis stream %s: %w", shard, w.opts.Stream, err)
	}
	return nil
}

// Close ends the Appends in flight with an error.
func (w *Writer) Close() error {
	w.queue.close()
	return nil
}

// hashRange is the hash keys of a shard.
type hashRange struct{ first, size *big.Int }

// any returns one of the range's hash keys at random, so that the children of a
// shard that was split share what comes.
func (r hashRange) any() string {
	n := new(big.Int).SetUint64(rand.Uint64())
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(rand.Uint64()))
	return n.Mod(n, r.size).Add(n, r.first).String()
}
