package compact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// day is a log type's day of archive hours.
type day struct {
	*Compactor
	folder, date string
	tell         func(files int)
	logType      ikada.LogType // "" until a manifest or a record told
	counts       Counts
}

// candidate is a file that may be bound.
type candidate struct {
	manifest.File
	slot
	sources []archive.Source // of a compacted file: what it was made of, by pieces
	pieces  []archive.Piece
	whose   string // manifest of an original file
	fields  []ikada.Field
	order   uint64 // by which rows were archived
}

func (d *day) run(ctx context.Context) error {
	// Two that are at the same hour: one of them has to look again.
	for range 3 {
		err := d.once(ctx)
		switch {
		case errors.Is(err, archive.ErrBusy):
			d.counts.Busy++
			return nil
		case !errors.Is(err, ikada.ErrExists):
			return err
		}
	}
	d.counts.Busy++
	return nil
}

func (d *day) once(ctx context.Context) error {
	known, err := d.records.Day(ctx, d.folder, d.date)
	if err != nil {
		return err
	}
	if _, open := known.Next(); open != nil && open.Compaction != nil {
		if _, err := d.records.Settle(ctx, open, d.opts.Now()); err != nil {
			return err
		}
		if known, err = d.records.Day(ctx, d.folder, d.date); err != nil {
			return err
		}
	}
	stored, err := d.list(ctx)
	if err != nil {
		return err
	}
	if err := d.tidy(ctx, known, stored); err != nil {
		return err
	}
	// Hour by hour: of a day there may be 40,000 manifests.
	for hour, found := range d.small(known, stored) {
		found, err := d.choose(ctx, found, d.compacted(known, hour))
		if err != nil {
			return err
		}
		for _, group := range groups(found, d.opts.FileSize) {
			if err := d.bind(ctx, group); err != nil {
				return err
			}
		}
	}
	return nil
}

// list returns the sizes of the day's files.
func (d *day) list(ctx context.Context) (map[string]int64, error) {
	stored := map[string]int64{}
	for info, err := range d.archive.List(ctx, d.folder+"/dt="+d.date+"/", "") {
		if err != nil {
			return nil, fmt.Errorf("list the archive: %w", err)
		}
		stored[info.Key] = info.Size
	}
	return stored, nil
}

// old reports whether nothing of an hour is under way any more.
func (d *day) old(s slot) bool {
	return d.opts.Now().Sub((s.hour + ikada.Hour(s.hours)).Time()) >= d.opts.MinAge
}

// small returns the files that may be bound, by hours: small, old, and as their
// manifests say, if these know them.
func (d *day) small(known *archive.Day, stored map[string]int64) map[ikada.Hour][]candidate {
	found := map[ikada.Hour][]candidate{}
	for key, size := range stored {
		name, err := plan.ParseArchiveKey(key)
		s := slot{name.Hour, name.Hours, name.Class}
		if err != nil || !d.old(s) || size > d.opts.FileSize/2 || known.Find(key).Record > 0 {
			continue
		}
		found[s.hour] = append(found[s.hour], candidate{File: manifest.File{Key: key}, slot: s, order: name.Plan})
	}
	return found
}

// choose returns the files of an hour that are to be bound: those that are
// loaded, and the compacted ones that it is worth for.
func (d *day) choose(ctx context.Context, found, again []candidate) ([]candidate, error) {
	// A single file of an hour needs no look at its manifest.
	alone := map[slot]int{}
	for _, c := range append(slices.Clone(found), again...) {
		alone[c.slot]++
	}
	found = slices.DeleteFunc(found, func(c candidate) bool { return alone[c.slot] < 2 })
	found, err := d.describe(ctx, found)
	if err != nil {
		return nil, err
	}
	// Of compacted files only those are bound again that are no larger than
	// what came late.
	late := map[slot]int64{}
	for _, c := range found {
		late[c.slot] += c.Size
	}
	for _, c := range again {
		if c.Size <= late[c.slot] && c.Size <= d.opts.FileSize/2 {
			found = append(found, c)
		}
	}
	return d.loaded(ctx, found)
}

// slot is where files can be bound together: a partition and a class.
type slot struct {
	hour  ikada.Hour // the first
	hours int        // 1, or 24 where the log type is partitioned by day
	class ikada.Class
}

// compacted returns the compacted files of an hour that hold rows.
func (d *day) compacted(known *archive.Day, hour ikada.Hour) (found []candidate) {
	for _, e := range known.Entries {
		if e.Compaction == nil || !e.Counts() || e.Compaction.Hour != hour {
			continue
		}
		d.logType = e.Type
		c := e.Compaction
		if place := known.Find(c.Sources[0].File.Key); !place.Moved() || place.Record != e.Number {
			continue
		}
		first := candidate{File: c.File, slot: slot{c.Hour, archive.Hours(c.File.Key), c.Class}, sources: c.Sources, pieces: c.Pieces, fields: c.Fields}
		if _, n, _, err := manifest.ParseKey(c.Sources[0].Manifest); err == nil {
			first.order = n
		}
		found = append(found, first)
	}
	return found
}

// describe reads the candidates' manifests. What no manifest knows, or a
// young one, is left out.
func (d *day) describe(ctx context.Context, found []candidate) ([]candidate, error) {
	read, err := d.readManifests(ctx, found)
	if err != nil {
		return nil, err
	}
	kept := found[:0]
	for _, c := range found {
		whose := manifestKey(d.folder, c.order, c.class)
		m := read[whose]
		if m == nil || d.opts.Now().Sub(time.Unix(0, m.Ikada.Created)) < d.opts.MinAge {
			continue // its plan is not done, or just so
		}
		at := slices.IndexFunc(m.Ikada.Files, func(f manifest.File) bool { return f.Key == c.Key })
		if at < 0 {
			d.opts.Log.Warn("an archive file is in no manifest; leaving it alone", "file", c.Key)
			continue
		}
		d.logType = m.Ikada.Type
		c.File, c.whose, c.fields = m.Ikada.Files[at], whose, m.Ikada.Fields
		kept = append(kept, c)
	}
	return kept, nil
}

// readManifests reads the candidates' manifests, as far as they are there.
func (d *day) readManifests(ctx context.Context, found []candidate) (map[string]*manifest.Manifest, error) {
	var keys []string
	for _, c := range found {
		keys = append(keys, manifestKey(d.folder, c.order, c.class))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	all := make([]*manifest.Manifest, len(keys))
	err := together(ctx, len(keys), func(ctx context.Context, i int) error {
		data, err := d.manifests.Get(ctx, keys[i], 0, -1, nil)
		if errors.Is(err, ikada.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", keys[i], err)
		}
		if all[i], err = manifest.Decode(data); err != nil {
			return fmt.Errorf("manifest %s: %w", keys[i], err)
		}
		return nil
	})
	read := make(map[string]*manifest.Manifest, len(keys))
	for i, key := range keys {
		read[key] = all[i]
	}
	return read, err
}

// manifestKey is manifest.Key for a folder.
func manifestKey(folder string, n uint64, class ikada.Class) string {
	key := manifest.From(folder, n) + ".manifest"
	if class == ikada.Hard {
		key = manifest.From(folder, n) + ".hard.manifest"
	}
	return key
}

// loaded returns the candidates all of whose manifests are in the ledger.
func (d *day) loaded(ctx context.Context, found []candidate) ([]candidate, error) {
	var keys []string
	for _, c := range found {
		keys = append(keys, c.manifests()...)
	}
	has := map[string]bool{}
	slices.Sort(keys)
	for some := range slices.Chunk(slices.Compact(keys), 500) {
		in, err := d.ledger.Loaded(ctx, d.logType, some)
		if err != nil {
			return nil, fmt.Errorf("ask the ledger: %w", err)
		}
		for key := range in {
			has[key] = true
		}
	}
	kept := found[:0]
	for _, c := range found {
		if slices.ContainsFunc(c.manifests(), func(key string) bool { return !has[key] }) {
			d.counts.Waiting++
			continue
		}
		kept = append(kept, c)
	}
	return kept, nil
}

func (c *candidate) manifests() []string {
	if c.whose != "" {
		return []string{c.whose}
	}
	keys := make([]string, len(c.sources))
	for i, s := range c.sources {
		keys[i] = s.Manifest
	}
	return keys
}

const (
	maxRaw     = 2 << 30 // of a new file
	maxSources = 10_000
)

// groups sorts candidates into new files: of an hour and a class, in the order
// in which their rows were archived, at least two in each.
func groups(found []candidate, size int64) (all [][]candidate) {
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.hours, b.hours), cmp.Compare(a.class, b.class), cmp.Compare(a.order, b.order), strings.Compare(a.Key, b.Key))
	})
	start, stored, raw, sources := 0, int64(0), int64(0), 0
	flush := func(end int) {
		if end-start > 1 {
			all = append(all, found[start:end])
		}
		start, stored, raw, sources = end, 0, 0, 0
	}
	for i, c := range found {
		n := max(len(c.sources), 1)
		if i > start && (c.slot != found[start].slot || stored+c.Size > size || raw+c.Raw > maxRaw || sources+n > maxSources) {
			flush(i)
		}
		stored, raw, sources = stored+c.Size, raw+c.Raw, sources+n
	}
	flush(len(found))
	return all
}
