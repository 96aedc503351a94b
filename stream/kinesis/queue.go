package kinesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// entry is a record on its way.
type entry struct {
	ctx     context.Context // of the Append that waits
	data    []byte
	hash    string
	attempt int // how often it was sent and not stored
	done    chan error
}

func (e *entry) size() int { return len(e.data) + len(partitionKey) }

// queue holds the records that wait for a request.
type queue struct {
	ctx   context.Context // of requests; ends with Close
	close context.CancelFunc

	mu       sync.Mutex
	waiting  []*entry
	inFlight int
}

func (q *queue) init() { q.ctx, q.close = context.WithCancel(context.Background()) }

var errClosed = errors.New("the stream is closed")

// put queues a record and sends requests off as far as there is room for them.
func (w *Writer) put(e *entry) {
	q := &w.queue
	q.mu.Lock()
	q.waiting = append(q.waiting, e)
	q.mu.Unlock()
	w.pump()
}

func (w *Writer) pump() {
	q := &w.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.inFlight < w.opts.InFlight {
		batch := q.take()
		if len(batch) == 0 {
			return
		}
		q.inFlight++
		go w.send(batch)
	}
}

// take takes the records of one request. q.mu is held.
func (q *queue) take() (batch []*entry) {
	size, taken := 0, 0
	for _, e := range q.waiting {
		switch {
		case q.ctx.Err() != nil:
			e.done <- errClosed
			taken++
			continue
		case e.ctx.Err() != nil: // nobody waits for it any more
			taken++
			continue
		}
		if len(batch) == maxRecords || size+e.size() > maxRequest {
			break
		}
		batch = append(batch, e)
		size += e.size()
		taken++
	}
	clear(q.waiting[:taken]) // let the records go
	if q.waiting = q.waiting[taken:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return batch
}

// send makes one request and tells each record what became of it.
func (w *Writer) send(batch []*entry) {
	in := &sdk.PutRecordsInput{StreamName: &w.opts.Stream, Records: make([]types.PutRecordsRequestEntry, len(batch))}
	for i, e := range batch {
		in.Records[i] = types.PutRecordsRequestEntry{Data: e.data, PartitionKey: aws.String(partitionKey), ExplicitHashKey: &e.hash}
	}
	ctx, cancel := context.WithTimeout(w.queue.ctx, w.opts.Timeout)
	out, err := w.client.PutRecords(ctx, in)
	cancel()
	if err == nil && len(out.Records) != len(batch) {
		err = fmt.Errorf("PutRecords answered for %d records of %d", len(out.Records), len(batch))
	}
	w.queue.mu.Lock()
	w.queue.inFlight--
	w.queue.mu.Unlock()
	for i, e := range batch {
		switch {
		case err != nil:
			w.failed(e, err)
		case out.Records[i].ErrorCode != nil:
			w.failed(e, &refusal{*out.Records[i].ErrorCode, aws.ToString(out.Records[i].ErrorMessage)})
		default:
			e.done <- nil
		}
	}
	w.pump()
}

// failed has a record sent again after a pause, or gives it up.
func (w *Writer) failed(e *entry, err error) {
	e.attempt++
	switch {
	case w.queue.ctx.Err() != nil:
		e.done <- errClosed
	case !passing(err):
		e.done <- advise(err, &w.opts)
	case e.attempt >= w.opts.Attempts:
		e.done <- fmt.Errorf("gave up after %d attempts: %w", e.attempt, advise(err, &w.opts))
	default:
		w.warned.again(&w.opts, err)
		time.AfterFunc(w.pause(e.attempt), func() { w.put(e) })
	}
}

// pause returns how long to wait after so many attempts: at random, so that
// those who were refused together do not come back together.
func (w *Writer) pause(attempts int) time.Duration {
	full := w.opts.RetryTo
	if shift := attempts - 1; shift < 16 {
		full = min(full, w.opts.RetryFrom<<shift)
	}
	return full/2 + rand.N(full/2+1)
}

// warnings are given once a minute: a stream that is too small refuses often.
type warnings struct {
	mu   sync.Mutex
	last time.Time
}

func (w *warnings) again(opts *Options, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.last) > time.Minute {
		w.last = now
		opts.Log.Warn("Kinesis did not take records: trying again", "stream", opts.Stream, "error", advise(err, opts))
	}
}
