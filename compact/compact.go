// Package compact is the stage that binds an hour's small archive files into
// few. Segments are copied as they were compressed, and checked; only tiny ones
// are compressed anew, where that pays.
//
// It may die at any moment, and any number may run at once. What it does to a
// day is a record in the archive's map, created if absent: the decision. Then
// the new file is written; then the record's end, from which on it counts; then
// an empty file takes the place of each old one, until nobody can come late who
// would write it again; then those are deleted.
//
// It takes only files whose manifests are in the ledger: no load looks for them.
package compact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
)

// Options tune the stage. The zero value of each gives its default.
type Options struct {
	// MinAge is how long ago an hour ended, and its files were planned, before
	// they are bound; 2 h. No less than 15 minutes.
	MinAge time.Duration
	// FileSize is where a new file is full, in stored bytes; 64 MiB. It is in
	// memory once. Files of half the size stay as they are.
	FileSize int64
	// Grace is how long an empty file stands in the place of an old one; 24 h.
	Grace time.Duration
	// Days bounds how many days back archive hours are looked at; 0: all.
	Days int
	// Stats is where the stage counts.
	Stats *ikada.Stats
	// Log gets what needs attention.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

const leastAge = 15 * time.Minute // a load asks the map about what is older than ten

// Ledger tells which manifests are loaded.
type Ledger interface {
	Loaded(ctx context.Context, t ikada.LogType, manifests []string) (map[string]bool, error)
}

// Compactor compacts the archive.
type Compactor struct {
	archive   bucket.Bucket
	records   *archive.Map
	manifests bucket.Bucket
	ledger    Ledger
	opts      Options
}

// New returns the stage. The archive's map is read by the view.
func New(view *archive.View, manifests bucket.Bucket, ledger Ledger, opts Options) *Compactor {
	opts.MinAge = max(cmp.Or(opts.MinAge, 2*time.Hour), leastAge)
	opts.FileSize = cmp.Or(opts.FileSize, 64<<20)
	opts.Grace = cmp.Or(opts.Grace, 24*time.Hour)
	opts.Stats = cmp.Or(opts.Stats, new(ikada.Stats))
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Compactor{archive: view.Bucket, records: view.Map, manifests: manifests, ledger: ledger, opts: opts}
}

// Report tells what was done.
type Report struct {
	Types []TypeReport `json:"types"`
}

// TypeReport is that of a log type.
type TypeReport struct {
	Type ikada.LogType `json:"type"`
	Counts
}

// Counts count files that were bound, and those that they became.
type Counts struct {
	Files        int   `json:"files"`
	Bytes        int64 `json:"bytes"`
	NewFiles     int   `json:"new_files"`
	NewBytes     int64 `json:"new_bytes"`
	Rows         int64 `json:"rows"`
	Raw          int64 `json:"raw"`
	Recompressed int   `json:"recompressed"`   // files whose segments were tiny
	Deleted      int   `json:"deleted"`        // old files that are gone for good
	Waiting      int   `json:"waiting"`        // files that are not loaded yet
	Busy         int   `json:"busy,omitempty"` // days at which somebody else is
}

func (c *Counts) add(o Counts) {
	c.Files += o.Files
	c.Bytes += o.Bytes
	c.NewFiles += o.NewFiles
	c.NewBytes += o.NewBytes
	c.Rows += o.Rows
	c.Raw += o.Raw
	c.Recompressed += o.Recompressed
	c.Deleted += o.Deleted
	c.Waiting += o.Waiting
	c.Busy += o.Busy
}

// Once compacts a log type, or all if it is "". A log type that fails does not
// keep others from being compacted; the error joins those of all. tell is told of
// files that were bound.
func (c *Compactor) Once(ctx context.Context, only ikada.LogType, tell func(files int64)) (*Report, error) {
	var folders []string
	for folder, err := range c.archive.Folders(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("list log types of the archive: %w", err)
		}
		if only == "" || folder == only.PathName() {
			folders = append(folders, folder)
		}
	}
	if only != "" && len(folders) == 0 {
		return nil, fmt.Errorf("compact %q: nothing of this log type is archived: %w", only, ikada.ErrNotFound)
	}
	report := &Report{Types: []TypeReport{}} // in JSON a list, if it is empty, too
	var errs []error
	begin, done := c.opts.Now(), int64(0)
	for _, folder := range folders {
		r, err := c.folder(ctx, folder, func(files int) {
			done += int64(files)
			tell(done)
		})
		if r.Counts != (Counts{}) {
			report.Types = append(report.Types, r)
		}
		if r.NewFiles > 0 {
			c.opts.Stats.Done(c.opts.Now(), r.Rows, r.Bytes, c.opts.Now().Sub(begin))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("compact %s: %w", folder, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return report, errors.Join(errs...)
}

// folder compacts a log type, day by day. A day that fails does not keep others
// from being compacted.
func (c *Compactor) folder(ctx context.Context, folder string, tell func(files int)) (TypeReport, error) {
	report := TypeReport{Type: ikada.LogType(folder)}
	var dates []string
	for name, err := range c.archive.Folders(ctx, folder+"/") {
		if err != nil {
			return report, fmt.Errorf("list days: %w", err)
		}
		if date, ok := strings.CutPrefix(name, "dt="); ok && c.near(date) {
			dates = append(dates, date)
		}
	}
	var errs []error
	for _, date := range dates {
		d := &day{Compactor: c, folder: folder, date: date, tell: tell}
		if err := d.run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", date, err))
		}
		report.add(d.counts)
		if d.logType != "" {
			report.Type = d.logType
		}
		if ctx.Err() != nil {
			break
		}
	}
	return report, errors.Join(errs...)
}

// near reports whether a day is to be looked at.
func (c *Compactor) near(date string) bool {
	t, err := time.Parse(time.DateOnly, date)
	return err == nil && (c.opts.Days == 0 || c.opts.Now().Sub(t) < time.Duration(c.opts.Days+1)*24*time.Hour)
}

// Run compacts now and then, until ctx ends. Errors are logged and counted.
func (c *Compactor) Run(ctx context.Context, every time.Duration) error {
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		report, err := c.Once(ctx, "", func(int64) {})
		if err != nil && ctx.Err() == nil {
			c.opts.Stats.Failed(c.opts.Now(), err)
			c.opts.Log.Error("compaction failed; trying again next time", "error", err)
		}
		if report != nil {
			for _, t := range report.Types {
				c.opts.Log.Info("compacted", "type", t.Type, "files", t.Files, "new_files", t.NewFiles, "bytes", t.Bytes, "new_bytes", t.NewBytes)
			}
		}
		timer.Reset(every)
	}
}
