package buffer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/stream"
)

// Unpacked is what an object holds.
type Unpacked struct {
	// Lane is where the records come from, in the order of their positions
	// there. If it is the zero lane the records have no positions.
	Lane    ikada.Lane
	Records []Record // at least one
	// Undelivered says that the lane cannot have taken them and never will.
	Undelivered bool
}

// Objects makes a lane of the objects of a bucket: batches that could not be
// delivered and were set aside. Each object is taken once and then deleted,
// however often Sweep is called, by however many at a time, and wherever it is
// cut off.
//
// A record's position in the lane is made of a number that counts the objects,
// the object's key (hashed) and the record's number in it. A bundle of another
// object is written only when the object of the newest bundle is deleted. So
// what may have been taken already, and is still there, is what the newest
// bundle ends in, and nothing else: the newest bundle, which is never deleted, is
// all the state there is.
type Objects struct {
	// From holds the objects, those whose keys begin with Prefix.
	From   bucket.Bucket
	Prefix string
	Lane   ikada.Lane
	// MaxSize bounds an object. A larger one is left where it is.
	MaxSize int64
	// Unpack reads an object. It is never refused: what cannot be read is a
	// record too.
	Unpack func(key string, data []byte) Unpacked
}

// ErrInDoubt: nothing tells any more whether the lane of an object's records
// has taken them already.
var ErrInDoubt = errors.New("cannot tell whether its records are loaded already, since the bundles of that time are gone")

// Sweep takes all objects there are. An object that cannot be taken is left
// where it is, holds no other one up, and is in the error.
func (b *Batches) Sweep(ctx context.Context, o *Objects) error {
	if empty, err := o.none(ctx); err != nil || empty {
		return err // mostly so, and not worth a look at the lane
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lane(o.Lane)
	for {
		err := l.objects(ctx, b, o)
		if errors.Is(err, errLostRace) && ctx.Err() == nil {
			continue // somebody else takes objects: see which are left
		}
		if err != nil {
			return fmt.Errorf("take the objects below %s: %w", o.From.URL(o.Prefix), err)
		}
		b.lanes[o.Lane] = l
		return nil
	}
}

// none reports whether there is no object.
func (o *Objects) none(ctx context.Context) (bool, error) {
	for _, err := range o.From.List(ctx, o.Prefix, "") {
		return false, err
	}
	return true, nil
}

// objects takes what is listed. The list is newer than the newest bundle that
// was read, and every further bundle is of this run, or lost to a race. So no
// object of the list is in a bundle, but for that of the newest one.
func (l *lane) objects(ctx context.Context, b *Batches, o *Objects) (err error) {
	ctx, end := l.begin(ctx)
	defer func() { err = end(err) }()
	if err := l.catchUpOrGoOn(ctx); err != nil {
		return err
	}
	var waiting []bucket.Info
	for info, err := range o.From.List(ctx, o.Prefix, "") {
		if err != nil {
			return err
		}
		waiting = append(waiting, info)
	}
	number, taken, begun := objectOf(l.last)
	if i := slices.IndexFunc(waiting, func(i bucket.Info) bool { return hashOf(i.Key) == taken }); i >= 0 && l.last != "" {
		begunOne := waiting[i]
		waiting = slices.Delete(waiting, i, i+1)
		if err := l.object(ctx, b, o, begunOne, number, begun+1); err != nil {
			return err
		}
	}
	var left []error
	for _, info := range waiting {
		if number++; number > maxObjects {
			return fmt.Errorf("lane %s is full", l.name)
		}
		err := l.object(ctx, b, o, info, number, 0)
		if errors.Is(err, ErrInDoubt) || errors.Is(err, errTooLarge) {
			left = append(left, err)
			number--
			continue
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(left...)
}

var errTooLarge = errors.New("larger than any batch")

// object takes the records of an object from one of them on, and deletes it.
func (l *lane) object(ctx context.Context, b *Batches, o *Objects, info bucket.Info, number uint64, from int) error {
	if info.Size > o.MaxSize {
		return fmt.Errorf("object %s of %d bytes: %w, which has %d at most: look what it is, and delete it", o.From.URL(info.Key), info.Size, errTooLarge, o.MaxSize)
	}
	data, err := o.From.Get(ctx, info.Key, 0, -1, nil)
	if errors.Is(err, ikada.ErrNotFound) {
		return errLostRace // somebody else has taken it
	}
	if err != nil {
		return err
	}
	u := o.Unpack(info.Key, data)
	held, err := b.heldOf(ctx, &u)
	if errors.Is(err, ErrInDoubt) && from > 0 {
		err = nil // it was in no doubt when it was begun
	}
	if err != nil {
		return fmt.Errorf("object %s of lane %s: %w: look for them, and delete the object, or put what is missing on the stream again first", o.From.URL(info.Key), u.Lane, err)
	}
	for i := from; i < len(u.Records); i++ {
		l.parts = l.parts[:0]
		if r := u.Records[i]; !held[r.Position] || u.Lane == (ikada.Lane{}) {
			l.parts = append(l.parts, r.Parts()...)
		}
		if err := l.take(ctx, stream.Message{Position: objectPosition(number, info.Key, i)}); err != nil {
			return err
		}
		if l.open.set.Size() >= l.opts.BundleSize {
			if err := l.seal(ctx); err != nil {
				return err
			}
		}
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	if err := o.From.Delete(ctx, info.Key); err != nil {
		return fmt.Errorf("delete an object that was taken: %w", err)
	}
	l.opts.Log.Info("took a batch that was set aside", "object", o.From.URL(info.Key), "lane", u.Lane, "records", len(u.Records), "held", len(held))
	return nil
}

// Parts of an object's position: decimal digits, so that rows have short ids.
const (
	numberDigits, hashDigits, recordDigits = 12, 20, 8
	maxObjects                             = 999_999_999_999
)

// objectPosition is the position of a record of an object.
func objectPosition(number uint64, key string, record int) ikada.Position {
	return ikada.Position(fmt.Sprintf("%0*d%0*d%0*d", numberDigits, number, hashDigits, hashOf(key), recordDigits, record))
}

// objectOf is the inverse of objectPosition; zeros for no position.
func objectOf(p ikada.Position) (number, hash uint64, record int) {
	text := string(p)
	if len(text) != numberDigits+hashDigits+recordDigits || strings.Trim(text, "0123456789") != "" {
		return 0, 0, 0
	}
	// They are digits of numbers that fit, or positions of somebody else.
	number, _ = strconv.ParseUint(text[:numberDigits], 10, 64)
	hash, _ = strconv.ParseUint(text[numberDigits:][:hashDigits], 10, 64)
	record, _ = strconv.Atoi(text[numberDigits+hashDigits:])
	return number, hash, record
}

func hashOf(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:])
}
