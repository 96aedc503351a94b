package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// ParseTime reads a bound of a range: a day, or RFC 3339.
func ParseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, text); err != nil {
			return t, fmt.Errorf("%q is no time: want a day such as 2026-11-23, or 2026-11-23T05:00:00Z", text)
		}
	}
	return t.UTC(), whole(t)
}

// whole holds for whole hours of UTC: the archive knows no others.
func whole(t time.Time) error {
	if !t.Equal(t.Truncate(time.Hour)) {
		return fmt.Errorf("%s is no whole hour of UTC, and rows are replayed by archive hours", form(t))
	}
	return nil
}

// jobOf reads a request.
func jobOf(q Request) (job warehouse.ReplaceJob, err error) {
	job = warehouse.ReplaceJob{
		Type: q.Type, From: ikada.HourOf(q.From), To: ikada.HourOf(q.To), Shrink: q.Shrink, DryRun: q.DryRun,
	}
	switch {
	case q.Type == "":
		return job, errors.New("a log type is wanted")
	case !q.From.Before(q.To):
		return job, errors.New("the range is empty: its end is not behind its beginning")
	case q.To.Sub(q.From) > maxRange:
		return job, fmt.Errorf("the range has more than %d days, and a replay is one transaction: replay it in pieces", int(maxRange.Hours()/24))
	}
	if err := errors.Join(whole(q.From), whole(q.To)); err != nil || q.Into == "" {
		return job, err
	}
	job.Into, err = typeOf(q.Into)
	return job, err
}

// typeOf returns the log type that a table's name is of.
func typeOf(table string) (ikada.LogType, error) {
	dotted := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(table, "__", "\x00"), "_", "."), "\x00", "_")
	if t := ikada.LogType(dotted); t.TableName() == table {
		return t, nil
	}
	return "", fmt.Errorf("%q is no name for a table to replay into: want lower-case letters, digits and _, such as app_access_again", table)
}

// free reports an error if the table is of a log type that is archived or loaded.
func (r *Replayer) free(ctx context.Context, into ikada.LogType) error {
	taken := fmt.Errorf("table %s is that of log type %q, which has events of its own: choose another name", into.TableName(), into)
	table, err := r.Warehouse.Table(ctx, into)
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return err
	}
	if table.Rows > 0 {
		return taken
	}
	for _, err := range r.Manifests.List(ctx, into.PathName()+"/", "") {
		if err != nil {
			return fmt.Errorf("look for manifests of %q: %w", into, err)
		}
		return taken
	}
	return nil
}
