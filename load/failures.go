package load

import (
	"context"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/failure"
	"github.com/ikada-io/ikada/warehouse"
)

// maxCauses bounds the causes of failed loads that are told apart, for a log type.
const maxCauses = 20

// otherCause is of failures beyond the bound.
const otherCause = "other"

// failures are a log type's failed loads, by cause.
type failures struct {
	byCause map[string]*failure.Group // nil until the journal was read
	waiting []failed                  // not in the journal yet
}

type failed struct {
	err error
	at  time.Time
}

// noteFailure records that a load failed. If the warehouse can't be written
// just now, that waits for the next failure, or the next load.
func (l *Loader) noteFailure(ctx context.Context, b *backlog, err error) {
	f := &b.failed
	if err != nil && len(f.waiting) < 1000 {
		f.waiting = append(f.waiting, failed{err, time.Now().UTC()})
	}
	if len(f.waiting) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	if err := l.writeFailures(ctx, b); err != nil {
		l.opts.Log.Debug("a failed load is not recorded yet", "type", b.folder, "error", err)
		f.byCause = nil // with counts that the journal may not have
		return
	}
	f.waiting = nil
}

func (l *Loader) writeFailures(ctx context.Context, b *backlog) error {
	f, of := &b.failed, b.logType
	if of == "" {
		of = ikada.LogType(b.folder)
	}
	if f.byCause == nil {
		known := map[string]*failure.Group{}
		for e, err := range l.warehouse.Journal(ctx, warehouse.JournalFilter{Type: of, Kind: failure.Kind}) {
			if err != nil {
				return err
			}
			one, err := failure.Parse(e)
			if err != nil {
				return err
			}
			known[e.Key] = &one
		}
		f.byCause = known
	}
	changed := map[string]bool{}
	for _, one := range f.waiting {
		cause := failure.Cause(one.err)
		if f.byCause[cause] == nil && len(f.byCause) >= maxCauses {
			cause = otherCause
		}
		if f.byCause[cause] == nil {
			f.byCause[cause] = &failure.Group{Type: of}
		}
		f.byCause[cause].Add(one.err, one.at)
		changed[cause] = true
	}
	var entries []warehouse.JournalEntry
	for cause := range changed {
		e, err := f.byCause[cause].Entry(cause)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	return l.warehouse.Record(ctx, entries...)
}
