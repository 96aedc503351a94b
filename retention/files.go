package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// folders are the archive files of a log type.
type folders struct {
	*Keeper
	folder  string        // the log type's PathName
	logType ikada.LogType // "" until it is known
	before  ikada.Hour
	keep    time.Duration
	steps   int
	records *archive.Map // of the day in hand: it remembers a day's records whole
	sum     *Deleted
}

func (f *folders) run(ctx context.Context) error {
	if f.logType == "" {
		if f.warehouse != nil {
			return nil // it has no table, so nothing of it is loaded
		}
		if err := f.name(ctx); err != nil || f.logType == "" {
			return err
		}
	}
	f.keep, _ = f.opts.Keep(f.logType)
	if f.keep == 0 {
		return nil
	}
	f.before = f.Keeper.before(f.keep)
	for name, err := range f.archive.Folders(ctx, f.folder+"/") {
		if err != nil {
			return fmt.Errorf("list days: %w", err)
		}
		date, ok := strings.CutPrefix(name, "dt=")
		day, err := time.Parse(time.DateOnly, date)
		if !ok || err != nil {
			continue
		}
		if ikada.HourOf(day) >= f.before || f.steps >= f.opts.MaxSteps {
			break // days come in their order
		}
		if err := f.day(ctx, date); err != nil {
			return fmt.Errorf("%s: %w", date, err)
		}
	}
	return nil
}

// name finds the log type by one of its manifests.
func (f *folders) name(ctx context.Context) error {
	for info, err := range f.manifests.List(ctx, f.folder+"/", "") {
		if err != nil {
			return fmt.Errorf("list manifests: %w", err)
		}
		m, err := f.manifest(ctx, info.Key)
		if err == nil && m != nil {
			f.logType = m.Ikada.Type
		}
		return err
	}
	return nil
}

// manifest reads a manifest, nil if it is not there.
func (f *folders) manifest(ctx context.Context, key string) (*manifest.Manifest, error) {
	data, err := f.manifests.Get(ctx, key, 0, -1, nil)
	if errors.Is(err, ikada.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", key, err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", key, err)
	}
	return m, nil
}

// day deletes a day's files that are too old, until none is left.
func (f *folders) day(ctx context.Context, date string) error {
	f.records = archive.New(f.archive)
	for ; f.steps < f.opts.MaxSteps; f.steps++ {
		more, err := f.step(ctx, date)
		switch {
		case errors.Is(err, ikada.ErrExists): // somebody else decided something first: look again
			continue
		case errors.Is(err, archive.ErrBusy): // a compaction is under way: next time
			return nil
		case err != nil || !more:
			return err
		}
	}
	return nil
}

// step decides on some files, writes that down, and deletes them.
func (f *folders) step(ctx context.Context, date string) (more bool, err error) {
	known, err := f.records.Day(ctx, f.folder, date)
	if err != nil {
		return false, err
	}
	n, open := known.Next()
	if open != nil {
		return true, f.settle(ctx, open)
	}
	found, err := f.candidates(ctx, known, date)
	if err != nil || len(found) == 0 {
		return false, err
	}
	r := &archive.Record{Type: f.logType, Day: date, Number: n, Created: f.opts.Now().UnixNano(), Expiry: &archive.Expiry{
		Reason: fmt.Sprintf("older than %d h", f.keep/time.Hour), Files: found,
	}}
	if err := f.records.Add(ctx, r); err != nil {
		return false, err
	}
	return true, f.delete(ctx, r)
}

// settle ends the record before, which a process has left.
func (f *folders) settle(ctx context.Context, open *archive.Entry) error {
	if open.Expiry != nil {
		return f.delete(ctx, open.Record)
	}
	_, err := f.records.Settle(ctx, open, f.opts.Now())
	return err
}

// delete deletes the files of a record, and says that it is done.
func (f *folders) delete(ctx context.Context, r *archive.Record) error {
	rows, bytes := int64(0), int64(0)
	for _, x := range r.Expiry.Files {
		if err := f.archive.Delete(ctx, x.Key); err != nil {
			return fmt.Errorf("delete %s: %w", x.Key, err)
		}
		rows, bytes = rows+x.Rows, bytes+x.Size
	}
	if _, err := f.records.End(ctx, r, ""); err != nil {
		return err
	}
	f.sum.Files += int64(len(r.Expiry.Files))
	f.sum.FileRows += rows
	f.opts.Log.Info("archive files deleted by retention", "type", r.Type, "day", r.Day, "record", r.Number,
		"files", len(r.Expiry.Files), "rows", rows, "bytes", bytes, "reason", r.Expiry.Reason)
	return nil
}

// candidates returns some files that may be deleted: too old, and loaded.
func (f *folders) candidates(ctx context.Context, known *archive.Day, date string) ([]archive.Expired, error) {
	stored := map[string]bucket.Info{}
	var keys []string
	for info, err := range f.archive.List(ctx, f.folder+"/dt="+date+"/", "") {
		if err != nil {
			return nil, fmt.Errorf("list the archive: %w", err)
		}
		_, hour, err := archive.ParseKey(info.Key)
		if err != nil || hour+ikada.Hour(archive.Hours(info.Key)) > f.before || f.opts.Now().Sub(info.ModTime) < f.opts.Grace {
			continue
		}
		stored[info.Key] = info
		keys = append(keys, info.Key)
	}
	found := f.compacted(known, stored)
	for some := range slices.Chunk(keys, f.opts.MaxFiles) { // until there are enough
		more, err := f.originals(ctx, known, some)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if found, err = f.loaded(ctx, found); err != nil {
			return nil, err
		}
		if len(found) >= f.opts.MaxFiles {
			return found[:f.opts.MaxFiles], nil
		}
	}
	return found, nil
}

// compacted returns the compacted files that hold rows.
func (f *folders) compacted(known *archive.Day, stored map[string]bucket.Info) (found []archive.Expired) {
	for i := range known.Entries {
		e := &known.Entries[i]
		if e.Compaction == nil || !e.Counts() || len(e.Compaction.Sources) == 0 {
			continue
		}
		// The sources of a compaction move and expire together.
		place := known.Find(e.Compaction.Sources[0].File.Key)
		if _, there := stored[e.Compaction.File.Key]; !there || place.Record != e.Number || !place.Moved() {
			continue
		}
		x := archive.Expired{File: e.Compaction.File}
		for _, s := range e.Compaction.Sources {
			x.Manifests = append(x.Manifests, s.Manifest)
		}
		slices.Sort(x.Manifests)
		x.Manifests = slices.Compact(x.Manifests)
		found = append(found, x)
	}
	return found
}

// originals returns those files that are as their manifests say. What no
// manifest knows is left alone.
func (f *folders) originals(ctx context.Context, known *archive.Day, keys []string) (found []archive.Expired, err error) {
	read := map[string]*manifest.Manifest{}
	for _, key := range keys {
		name, err := plan.ParseArchiveKey(key)
		if err != nil || known.Find(key).Record > 0 {
			continue
		}
		whose := manifest.Key(f.logType, name.Plan, name.Class)
		m, ok := read[whose]
		if !ok {
			if m, err = f.manifest(ctx, whose); err != nil {
				return nil, err
			}
			read[whose] = m
		}
		if m == nil {
			continue
		}
		if at := slices.IndexFunc(m.Ikada.Files, func(x manifest.File) bool { return x.Key == key }); at >= 0 {
			found = append(found, archive.Expired{File: m.Ikada.Files[at], Manifests: []string{whose}})
		}
	}
	return found, nil
}

// loaded returns the files all of whose manifests are in the ledger.
func (f *folders) loaded(ctx context.Context, found []archive.Expired) ([]archive.Expired, error) {
	if f.warehouse == nil {
		return found, nil
	}
	var keys []string
	for i := range found {
		keys = append(keys, found[i].Manifests...)
	}
	slices.Sort(keys)
	has := map[string]bool{}
	for some := range slices.Chunk(slices.Compact(keys), 500) {
		in, err := f.warehouse.Loaded(ctx, f.logType, some)
		if err != nil {
			return nil, fmt.Errorf("ask the ledger: %w", err)
		}
		for key, ok := range in {
			has[key] = ok
		}
	}
	return slices.DeleteFunc(found, func(x archive.Expired) bool {
		return slices.ContainsFunc(x.Manifests, func(key string) bool { return !has[key] })
	}), nil
}
