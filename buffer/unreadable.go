package buffer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// unreadable says that a lane's checkpoint is damaged for good.
type unreadable struct {
	lane    ikada.Lane
	ordinal uint64
	known   uint64 // the newest bundle whose end is known; 0 without any
}

func (u *unreadable) Error() string {
	return bundle.Key(u.lane, u.ordinal) + ": the newest bundle cannot be read"
}

// catchUpOrGoOn is catchUp of a lane that has no other name to go on by, where
// its checkpoint is damaged. It goes on behind it, and where it ended is to be
// known: records that it holds may come again, and behind it there are others. A
// plan knows, since routing goes on: if the bundle was read in time, how far it
// went; if not, that what it held is lost, and so may come again. Until a plan
// has it the lane fails, and what it was to take is delivered again.
func (l *lane) catchUpOrGoOn(ctx context.Context) error {
	err := l.catchUp(ctx)
	u, damaged := errors.AsType[*unreadable](err)
	if !damaged {
		return err
	}
	last, err := l.endOf(ctx, u)
	if err != nil {
		return fmt.Errorf("%w: %w", u, err)
	}
	l.ordinal, l.last = u.ordinal, last
	l.pass(l.last)
	l.opts.Log.Error("the newest bundle is damaged: going on behind it, as its plan says", "bundle", bundle.Key(l.name, u.ordinal), "position", l.last)
	l.opts.Stats.Failed(time.Now(), u)
	return nil
}

// endOf returns the last position that is in the lane's bundles: of those up to
// the damaged one, the newest that is not lost.
func (l *lane) endOf(ctx context.Context, u *unreadable) (ikada.Position, error) {
	for ordinal := u.ordinal; ordinal > u.known; ordinal-- {
		in, number, err := plan.Find(ctx, l.bucket, l.name, ordinal)
		switch {
		case errors.Is(err, ikada.ErrNotFound):
			return "", errors.New("no plan has it yet: the next run of route decides what becomes of it")
		case err != nil:
			return "", fmt.Errorf("find its plan: %w", err)
		case in.Excluded != "":
			continue
		case in.Last == "":
			return "", fmt.Errorf("plan %d is too old to tell where %s ended: restore that bundle from a backup", number, bundle.Key(l.name, ordinal))
		}
		return max(l.last, in.Last), nil
	}
	return l.last, nil
}
