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
}

func (u *unreadable) Error() string {
	return bundle.Key(u.lane, u.ordinal) + ": the newest bundle cannot be read"
}

// isUnreadable returns what an error says of a damaged checkpoint, or nil.
func isUnreadable(err error) *unreadable {
	u, _ := errors.AsType[*unreadable](err)
	return u
}

// goOnBehind goes on behind a checkpoint that cannot be read. A lane of batches has no
// other name to go on by, and where the bundle ended is to be known: records that
// it holds may come again, and behind it there are others. A plan knows, since
// routing goes on: if the bundle was read in time, how far it went; if not, that
// what it held is lost, and so may come again. Until a plan has it the batch fails
// and is delivered again.
func (l *lane) goOnBehind(ctx context.Context, u *unreadable) error {
	last := ikada.Position("")
	for ordinal := u.ordinal; ordinal > 0; ordinal-- {
		in, number, err := plan.Find(ctx, l.bucket, l.name, ordinal)
		if errors.Is(err, ikada.ErrNotFound) {
			return fmt.Errorf("%w, and no plan has it yet: the next run of route decides what becomes of it", u)
		}
		if err != nil {
			return fmt.Errorf("%w, and what became of it: %w", u, err)
		}
		if in.Excluded != "" {
			continue
		}
		if in.Last == "" {
			return fmt.Errorf("%w, and plan %d is too old to tell where it ended: restore the bundle from a backup", u, number)
		}
		last = in.Last
		break
	}
	l.ordinal, l.last = u.ordinal, max(l.last, last)
	l.pass(l.last)
	l.opts.Log.Error("the newest bundle is damaged: going on behind it, as its plan says", "bundle", bundle.Key(l.name, u.ordinal), "position", l.last)
	l.opts.Stats.Failed(time.Now(), u)
	return nil
}
