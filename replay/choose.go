package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse"
)

// chooser finds the files of a range. It remembers what it read, as it may have
// to choose more than once.
type chooser struct {
	*Replayer
	job       warehouse.ReplaceJob
	manifests map[string]*described // by key
	days      map[string]*archive.Day
}

// choice is the files of a range.
type choice struct {
	ledger int64 // rows that the ledger said before the choice
	files  []chosenFile
	report Report
}

type chosenFile struct {
	warehouse.File
	class  ikada.Class
	fields []ikada.Field
	plan   uint64 // the first one whose rows it holds
	of     []warehouse.Origin
}

// described is a manifest. Of manifests that were read, fields of the same
// shape share their memory.
type described struct {
	plan   uint64
	class  ikada.Class
	files  []manifest.File // of the range
	fields []ikada.Field
}

// own reports whether the rows go into the log type's own table.
func (c *chooser) own() bool { return c.job.Into == "" }

// choose finds the files. What it asks of the ledger, it asks first of all: so
// if a load comes between, the ledger says another number in the end.
func (c *chooser) choose(ctx context.Context) (*choice, error) {
	chosen := &choice{report: Report{Type: c.job.Type, From: c.job.From.Time(), To: c.job.To.Time()}}
	if c.own() {
		table, err := c.Warehouse.Table(ctx, c.job.Type)
		if err != nil {
			return nil, fmt.Errorf("%w: nothing of the log type was loaded yet; `ikada replay --all` loads all that was not", err)
		}
		chosen.ledger = table.Rows
	}
	// The map before the files: so if a compaction comes between, it is seen that
	// the map has changed since.
	if err := c.readDays(ctx); err != nil {
		return nil, err
	}
	stored, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.originals(ctx, stored, chosen); err != nil {
		return nil, err
	}
	if err := c.compacted(ctx, stored, chosen); err != nil {
		return nil, err
	}
	slices.SortStableFunc(chosen.files, func(a, b chosenFile) int {
		return cmp.Or(cmp.Compare(a.plan, b.plan), cmp.Compare(a.class, b.class), cmp.Compare(a.Key, b.Key))
	})
	for _, f := range chosen.files {
		chosen.report.Files++
		chosen.report.Rows += f.Rows
		chosen.report.Raw += f.Raw
		chosen.report.Stored += f.Size
	}
	return chosen, nil
}

// dates are the days of the range.
func (c *chooser) dates() (dates []string) {
	for h := c.job.From; h < c.job.To; h += 24 - (h%24+24)%24 { // on to the next midnight
		dates = append(dates, archive.DayOf(h))
	}
	return dates
}

// list returns the sizes of the range's objects.
func (c *chooser) list(ctx context.Context) (map[string]int64, error) {
	stored := map[string]int64{}
	folder := c.job.Type.PathName()
	for _, date := range c.dates() {
		for info, err := range c.Archive.List(ctx, folder+"/dt="+date+"/", "") {
			if err != nil {
				return nil, fmt.Errorf("list the archive: %w", err)
			}
			in, err := c.covers(info.Key)
			if err != nil {
				return nil, err
			}
			if in {
				stored[info.Key] = info.Size
			}
		}
	}
	return stored, nil
}

// covers reports whether the range has an archive file. It is an error if it
// has some of its hours only.
func (c *chooser) covers(key string) (bool, error) {
	folder, first, _ := archive.ParseKey(key)
	last := first + ikada.Hour(archive.Hours(key)) - 1
	switch {
	case folder == "": // no archive file
		return false, nil
	case last < c.job.From || first >= c.job.To:
		return false, nil
	case first < c.job.From || last >= c.job.To:
		return false, fmt.Errorf("%s has the rows of a whole day: the log type is partitioned by day, so replay whole days of UTC", key)
	}
	return true, nil
}

func (c *chooser) within(key string) bool {
	in, err := c.covers(key)
	return in && err == nil
}

func (c *chooser) readDays(ctx context.Context) error {
	c.days = map[string]*archive.Day{}
	for _, date := range c.dates() {
		day, err := c.Archive.Map.Day(ctx, c.job.Type.PathName(), date)
		if err != nil {
			return err
		}
		c.days[date] = day
	}
	return nil
}

// moved reports whether the archive's map has changed since the files were chosen.
func (c *chooser) moved(ctx context.Context) (bool, error) {
	for date, had := range c.days {
		day, err := c.Archive.Map.Day(ctx, c.job.Type.PathName(), date)
		if err != nil {
			return false, err
		}
		ends := func(d *archive.Day) (n int) {
			for _, e := range d.Entries {
				if e.Counts() {
					n++
				}
			}
			return n
		}
		if ends(day) != ends(had) {
			return true, nil
		}
	}
	return false, nil
}

// place tells where the map says that a file's rows are.
func (c *chooser) place(key string) archive.Place {
	_, hour, err := archive.ParseKey(key)
	if err != nil {
		return archive.Place{}
	}
	return c.days[archive.DayOf(hour)].Find(key)
}

// originals chooses the files that are as their manifests say.
func (c *chooser) originals(ctx context.Context, stored map[string]int64, chosen *choice) error {
	keys := map[string]bool{}
	for key := range stored {
		if name, err := plan.ParseArchiveKey(key); err == nil && c.place(key).Record == 0 {
			keys[manifest.Key(c.job.Type, name.Plan, name.Class)] = true
		}
	}
	loaded, err := c.inLedger(ctx, slices.Collect(maps.Keys(keys)))
	if err != nil {
		return err
	}
	if c.own() {
		if err := c.unseen(ctx, keys, loaded); err != nil {
			return err
		}
	}
	known, err := c.describe(ctx, keys, loaded)
	if err != nil {
		return err
	}
	for key, m := range known {
		for _, f := range m.files {
			place := c.place(f.Key)
			switch {
			case !place.Expired.IsZero():
				chosen.report.Expired += f.Rows
			case place.Moved(): // a compacted file has it
			case c.own() && !loaded[key]:
				chosen.report.Waiting++
			default:
				if err := check(f, stored, key); err != nil {
					return err
				}
				of := []warehouse.Origin{{Manifest: key, File: f.Key, Rows: f.Rows}}
				chosen.files = append(chosen.files, chosenFile{file(f), m.class, m.fields, m.plan, of})
			}
		}
	}
	return nil
}

// check compares what is stored with what is said of it.
func check(f manifest.File, stored map[string]int64, whose string) error {
	size, ok := stored[f.Key]
	switch {
	case !ok:
		return fmt.Errorf("archive file %s of %s is gone: restore it from a backup, and see with `ikada audit` what else lacks: %w", f.Key, whose, ikada.ErrNotFound)
	case size != f.Size:
		return fmt.Errorf("archive file %s of %s has %d bytes, and should have %d: restore it from a backup, and see with `ikada audit` what else lacks: %w", f.Key, whose, size, f.Size, ikada.ErrCorrupt)
	}
	return nil
}

// compacted chooses the compacted files of the range: whole, or, where the
// ledger lacks some of their manifests, in parts.
func (c *chooser) compacted(ctx context.Context, stored map[string]int64, chosen *choice) error {
	for _, date := range slices.Sorted(maps.Keys(c.days)) {
		day := c.days[date]
		also := day.Parts()
		for i := range day.Entries {
			e := &day.Entries[i]
			if e.Compaction == nil || !e.Counts() || !c.within(e.Compaction.File.Key) || len(e.Compaction.Sources) == 0 {
				continue
			}
			switch place := day.Find(e.Compaction.Sources[0].File.Key); {
			case place.Record != e.Number && place.Moved(): // compacted again
			case !place.Expired.IsZero() && slices.ContainsFunc(day.Entries[place.Record-1].Expiry.Files, func(x archive.Expired) bool { return x.Key == e.Compaction.File.Key }):
				chosen.report.Expired += e.Compaction.File.Rows
			case place.Moved():
				if err := c.sources(ctx, day, e, also, stored, chosen); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *chooser) sources(ctx context.Context, day *archive.Day, e *archive.Entry, also map[string][]string, stored map[string]int64, chosen *choice) error {
	if err := check(e.Compaction.File, stored, fmt.Sprintf("record %d of the archive's map", e.Number)); err != nil {
		return err
	}
	sources := e.Compaction.Sources
	keys := make([]string, len(sources))
	first := uint64(0)
	for i, s := range sources {
		keys[i] = s.Manifest
		if _, n, _, err := manifest.ParseKey(s.Manifest); err == nil && (first == 0 || n < first) {
			first = n
		}
	}
	loaded, err := c.inLedger(ctx, keys)
	if err != nil {
		return err
	}
	of := make([]warehouse.Origin, len(sources))
	parts := make([]manifest.File, len(sources))
	for i, s := range sources {
		if parts[i], err = day.Part(s.File, archive.Place{Record: e.Number, Source: i}); err != nil {
			return err
		}
		of[i] = warehouse.Origin{Manifest: s.Manifest, File: s.File.Key, Also: also[s.File.Key], Rows: s.File.Rows}
	}
	if !c.own() || !slices.ContainsFunc(keys, func(key string) bool { return !loaded[key] }) {
		chosen.report.Compacted++
		chosen.files = append(chosen.files, chosenFile{file(e.Compaction.File), e.Compaction.Class, e.Compaction.Fields, first, of})
		return nil
	}
	for i, s := range sources {
		if !loaded[s.Manifest] {
			chosen.report.Waiting++
			continue
		}
		chosen.files = append(chosen.files, chosenFile{file(parts[i]), e.Compaction.Class, e.Compaction.Fields, first, of[i : i+1]})
	}
	return nil
}

func file(f manifest.File) warehouse.File {
	return warehouse.File{Key: f.Key, Size: f.Size, Raw: f.Raw, CRC32C: f.CRC32C, Rows: f.Rows}
}

// inLedger asks the ledger for manifests, if it matters.
func (c *chooser) inLedger(ctx context.Context, keys []string) (map[string]bool, error) {
	loaded := map[string]bool{}
	if !c.own() {
		return loaded, nil
	}
	for some := range slices.Chunk(keys, 500) {
		has, err := c.Warehouse.Loaded(ctx, c.job.Type, some)
		if err != nil {
			return nil, errors.Join(err)
		}
		maps.Copy(loaded, has)
	}
	return loaded, nil
}
