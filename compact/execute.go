package compact

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
)

// bind makes one file of a group.
func (d *day) bind(ctx context.Context, group []candidate) error {
	known, err := d.records.Day(ctx, d.folder, d.date)
	if err != nil {
		return err
	}
	n, open := known.Next()
	if open != nil {
		return archive.ErrBusy // of this very moment
	}
	for _, c := range group {
		if !c.there(known) {
			return ikada.ErrExists // somebody else has bound or deleted it
		}
	}
	b, err := d.build(ctx, group)
	if err != nil {
		// Somebody else may have emptied the files meanwhile.
		if now, failed := d.records.Day(ctx, d.folder, d.date); failed == nil && len(now.Entries) != len(known.Entries) {
			return ikada.ErrExists
		}
		return err
	}
	r := &archive.Record{Type: d.logType, Day: d.date, Number: n, Created: d.opts.Now().UnixNano(), Compaction: &b.c}
	b.c.File.Key = archive.CompactedKey(d.logType, b.c.Hour, group[0].hours, b.c.Class, n)
	if err := d.records.Add(ctx, r); err != nil {
		return err
	}
	if err := d.archive.Create(ctx, b.c.File.Key, b.member.Body()...); err != nil && !errors.Is(err, ikada.ErrExists) {
		return fmt.Errorf("write %s: %w", b.c.File.Key, err)
	}
	void, err := d.records.End(ctx, r, "")
	if err != nil {
		return err
	}
	if void != "" { // this took so long that somebody thought it gone
		if err := d.archive.Delete(ctx, b.c.File.Key); err != nil {
			return fmt.Errorf("delete %s: %w", b.c.File.Key, err)
		}
		return archive.ErrBusy
	}
	d.counts.NewFiles++
	d.counts.NewBytes += b.c.File.Size
	d.counts.Rows += b.c.File.Rows
	d.counts.Raw += b.c.File.Raw
	d.counts.Recompressed += b.renewed
	d.counts.Files += len(group)
	for _, c := range group {
		d.counts.Bytes += c.Size
	}
	d.tell(len(group))
	return d.empty(ctx, b.c.Replaces)
}

// there reports whether a file holds its rows still, as far as the map knows.
func (c *candidate) there(known *archive.Day) bool {
	if c.whose != "" {
		return known.Find(c.Key).Record == 0
	}
	place := known.Find(c.sources[0].File.Key)
	return place.Moved() && place.Object.Key == c.Key
}

// empty puts an empty file in the place of each old one.
func (d *day) empty(ctx context.Context, keys []string) error {
	return together(ctx, len(keys), func(ctx context.Context, i int) error {
		if err := d.archive.Put(ctx, keys[i], archive.Empty()); err != nil {
			return fmt.Errorf("empty %s: %w", keys[i], err)
		}
		return nil
	})
}

// parallel is the number of requests to a bucket at once.
const parallel = 8

// together does something n times, some of them at once.
func together(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range n {
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}

// tidy empties and deletes old files, as a process that ended too early may
// have left them: stored has the sizes of the day's files.
func (d *day) tidy(ctx context.Context, known *archive.Day, stored map[string]int64) error {
	empty := int64(len(archive.Empty()))
	for i := range known.Entries {
		e := &known.Entries[i]
		if e.Compaction == nil || !e.Ended {
			continue
		}
		d.logType = e.Type
		late := d.opts.Now().UnixNano()-e.Created >= d.opts.Grace.Nanoseconds()
		var full, gone []string
		left := e.Compaction.Replaces
		if e.Void != "" {
			left = []string{e.Compaction.File.Key}
		}
		for _, key := range left {
			size, there := stored[key]
			switch {
			case !there:
			case late || e.Void != "":
				gone = append(gone, key)
			case size != empty:
				full = append(full, key)
			}
		}
		if err := d.empty(ctx, full); err != nil {
			return err
		}
		err := together(ctx, len(gone), func(ctx context.Context, i int) error {
			if err := d.archive.Delete(ctx, gone[i]); err != nil {
				return fmt.Errorf("delete %s: %w", gone[i], err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, key := range gone {
			delete(stored, key)
		}
		d.counts.Deleted += len(gone)
		if late && !e.Swept {
			key := archive.SweptKey(d.folder, d.date, e.Number)
			if err := d.archive.Create(ctx, key, nil); err != nil && !errors.Is(err, ikada.ErrExists) {
				return fmt.Errorf("write %s: %w", key, err)
			}
		}
	}
	return nil
}
