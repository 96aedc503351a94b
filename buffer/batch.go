package buffer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/stream"
)

// Record is a record of a lane that hands its records over in batches.
type Record struct {
	Position ikada.Position
	// Parts decodes the record. It is called when the record's turn comes, and
	// not at all if the record is in a bundle already; what it returns is
	// needed until its next call.
	Parts func() []batch.Part
}

// Batches makes bundles of batches that somebody else has read from a stream,
// as the event source mapping of a Lambda function does. It owes nothing to the
// process: what is known of a lane is read from its bundles, so a batch that is
// delivered again, cut differently or processed twice at a time adds nothing twice.
type Batches struct {
	buffer *Buffer

	mu    sync.Mutex // one batch at a time
	lanes map[ikada.Lane]*lane
}

// NewBatches returns the stage for batches. Options.Flush and Backoff mean nothing to it.
func NewBatches(b bucket.Bucket, opts Options) *Batches {
	return &Batches{buffer: New(nil, b, opts), lanes: map[ikada.Lane]*lane{}}
}

// Take writes a batch: the records of one lane, in order. The batches of a lane
// come in order too: whoever delivers one has seen the one before succeed. When
// Take returns nil every record is in a bundle; after an error some may be, and
// the batch is to be delivered again.
func (b *Batches) Take(ctx context.Context, name ikada.Lane, records []Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.takeLocked(ctx, name, records)
}

// lane returns what is known of a lane. The caller holds mu.
func (b *Batches) lane(name ikada.Lane) *lane {
	l, known := b.lanes[name]
	if !known {
		// Where shards were split or merged, chunks that went to another lane
		// may be sent again to this one: all windows are read as they are now.
		b.buffer.forgetWindows()
		l = newLane(b.buffer, name)
	}
	return l
}

func (b *Batches) takeLocked(ctx context.Context, name ikada.Lane, records []Record) error {
	l := b.lane(name)
	for {
		err := l.batch(ctx, records)
		if errors.Is(err, errLostRace) && ctx.Err() == nil {
			continue // somebody else has written: read what, first
		}
		if err != nil {
			return fmt.Errorf("take %d records of lane %s: %w", len(records), name, err)
		}
		b.lanes[name] = l
		return nil
	}
}

// batch writes those of the records that are in no bundle yet.
func (l *lane) batch(ctx context.Context, records []Record) (err error) {
	ctx, end := l.begin(ctx)
	defer func() { err = end(err) }()
	if err := l.catchUpOrGoOn(ctx); err != nil {
		return err
	}
	for _, r := range records {
		if r.Position <= max(l.last, l.sealed.head.Last) {
			continue // held already
		}
		l.parts = append(l.parts[:0], r.Parts()...)
		if err := l.take(ctx, stream.Message{Position: r.Position}); err != nil {
			return err
		}
		if l.open.set.Size() >= l.opts.BundleSize {
			if err := l.seal(ctx); err != nil {
				return err
			}
		}
	}
	return l.flush(ctx)
}
