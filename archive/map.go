package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/manifest"
)

// Map reads the archive's map. It is safe for concurrent use.
type Map struct {
	bucket bucket.Bucket

	mu   sync.Mutex
	days map[string]*Day // the last seen of some days, by their folder
}

// maxDays bounds what a Map remembers.
const maxDays = 64

// New returns the map of an archive bucket.
func New(archive bucket.Bucket) *Map { return &Map{bucket: archive, days: map[string]*Day{}} }

// Entry is a record and what became of it.
type Entry struct {
	*Record
	Ended bool
	Void  string // why it does not count
	Swept bool   // nothing is left of its old files
}

// Counts reports whether the record says where rows are.
func (e *Entry) Counts() bool { return e.Expiry != nil || e.Ended && e.Void == "" }

// Day is the map of a log type's day.
type Day struct {
	Folder  string // the log type's PathName
	Date    string
	Entries []Entry // in order: number i+1 is at i

	files   map[string]Place // by key of a manifest's file
	expired map[string]Place // by key of an object
}

// Place tells where a file's rows are.
type Place struct {
	// Record is the number of the record that moved them, 0 for none: the
	// file is as its manifest says.
	Record int
	Source int // of a compaction
	// Object holds the rows, alone or among others, if they were compacted.
	Object manifest.File
	// Expired is when the rows' file was deleted on purpose, and why.
	Expired time.Time
	Reason  string
}

// Moved reports whether another object holds the rows.
func (p Place) Moved() bool { return p.Record > 0 && p.Expired.IsZero() }

// Day reads the map of a day, of which mostly there is nothing, by one listing
// and what is new. What it returns must not be changed.
func (m *Map) Day(ctx context.Context, folder, date string) (*Day, error) {
	prefix := Folder(folder, date)
	m.mu.Lock()
	known := m.days[prefix]
	m.mu.Unlock()
	day, err := m.read(ctx, prefix, folder, date, known)
	if err != nil {
		return nil, fmt.Errorf("read the archive's map of %s, %s: %w", folder, date, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if had := m.days[prefix]; had == nil || len(had.Entries) <= len(day.Entries) {
		for key := range m.days {
			if len(m.days) >= maxDays && key != prefix {
				delete(m.days, key)
			}
		}
		m.days[prefix] = day
	}
	return day, nil
}

func (m *Map) read(ctx context.Context, prefix, folder, date string, known *Day) (*Day, error) {
	day := &Day{Folder: folder, Date: date}
	names := map[string]bool{}
	count := 0
	for info, err := range m.bucket.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(info.Key, prefix)
		n, suffix, ok := number(name)
		if !ok {
			continue
		}
		names[name] = true
		if suffix == recordSuffix {
			count = max(count, n)
		}
	}
	for n := 1; n <= count; n++ {
		var had Entry
		if known != nil && n <= len(known.Entries) {
			had = known.Entries[n-1]
		}
		e, err := m.entry(ctx, folder, date, n, had, names)
		if err != nil {
			return nil, err
		}
		day.Entries = append(day.Entries, e)
	}
	day.fold()
	return day, nil
}

// entry reads a record and its end, as far as they are not known.
func (m *Map) entry(ctx context.Context, folder, date string, n int, e Entry, names map[string]bool) (Entry, error) {
	if e.Record == nil {
		key := RecordKey(folder, date, n)
		data, err := m.bucket.Get(ctx, key, 0, -1, nil)
		if err != nil {
			return e, fmt.Errorf("record %s: %w", key, err)
		}
		if e.Record, err = Decode(data); err != nil {
			return e, fmt.Errorf("record %s: %w", key, err)
		}
		if e.Type.PathName() != folder || e.Day != date || e.Number != n {
			return e, fmt.Errorf("record %s says that it is %d of %q, %s: %w", key, e.Number, e.Type, e.Day, ikada.ErrCorrupt)
		}
	}
	if key := EndKey(folder, date, n); !e.Ended && names[key[strings.LastIndexByte(key, '/')+1:]] {
		data, err := m.bucket.Get(ctx, key, 0, -1, nil)
		if err != nil {
			return e, fmt.Errorf("%s: %w", key, err)
		}
		if e.Void, err = decodeEnd(data); err != nil {
			return e, fmt.Errorf("%s: %w", key, err)
		}
		e.Ended = true
	}
	key := SweptKey(folder, date, n)
	e.Swept = e.Swept || names[key[strings.LastIndexByte(key, '/')+1:]]
	return e, nil
}

// fold finds where everything is.
func (d *Day) fold() {
	d.files, d.expired = map[string]Place{}, map[string]Place{}
	for i := range d.Entries {
		e := &d.Entries[i]
		switch {
		case !e.Counts():
		case e.Compaction != nil:
			for j := range e.Compaction.Sources {
				d.files[e.Compaction.Sources[j].File.Key] = Place{Record: e.Number, Source: j, Object: e.Compaction.File}
			}
		case e.Expiry != nil:
			for _, f := range e.Expiry.Files {
				d.expired[f.Key] = Place{Record: e.Number, Expired: time.Unix(0, e.Created).UTC(), Reason: e.Expiry.Reason}
			}
		}
	}
	for key, p := range d.files {
		if gone, ok := d.expired[p.Object.Key]; ok {
			d.files[key] = gone
		}
	}
}

// Find tells where the rows of a manifest's file are.
func (d *Day) Find(key string) Place {
	if p, moved := d.files[key]; moved {
		return p
	}
	return d.expired[key]
}

// Next returns the number that the next record will have, and the record before
// it if that is not at its end yet: that comes first.
func (d *Day) Next() (n int, open *Entry) {
	n = len(d.Entries) + 1
	if n > 1 && !d.Entries[n-2].Ended {
		open = &d.Entries[n-2]
	}
	return n, open
}

// Add writes a record under its number. The error wraps ikada.ErrExists if
// somebody else decided something first: read the day again.
func (m *Map) Add(ctx context.Context, r *Record) error {
	r.Version = Version
	if err := r.check(); err != nil {
		return fmt.Errorf("record %d of %q, %s: %w", r.Number, r.Type, r.Day, err)
	}
	data, err := r.Encode()
	if err != nil {
		return err
	}
	if err := m.bucket.Create(ctx, RecordKey(r.Type.PathName(), r.Day, r.Number), data); err != nil {
		return fmt.Errorf("write record %d of %q, %s: %w", r.Number, r.Type, r.Day, err)
	}
	return nil
}

// End says that a record is done, or void for a reason. It returns what was
// said first, by whomever.
func (m *Map) End(ctx context.Context, r *Record, void string) (was string, err error) {
	key := EndKey(r.Type.PathName(), r.Day, r.Number)
	err = m.bucket.Create(ctx, key, EncodeEnd(void))
	if err == nil {
		return void, nil
	}
	if !errors.Is(err, ikada.ErrExists) {
		return "", fmt.Errorf("end record %d of %q, %s: %w", r.Number, r.Type, r.Day, err)
	}
	data, err := m.bucket.Get(ctx, key, 0, -1, nil)
	if err != nil {
		return "", fmt.Errorf("end record %d of %q, %s: %w", r.Number, r.Type, r.Day, err)
	}
	return decodeEnd(data)
}

// Located is a manifest's file and where its rows are.
type Located struct {
	File  manifest.File // as the manifest has it
	Place Place
}

// Files tells where the rows of a manifest are, file by file.
func (m *Map) Files(ctx context.Context, of *manifest.Manifest) ([]Located, error) {
	days := map[string]*Day{}
	located := make([]Located, len(of.Ikada.Files))
	for i, f := range of.Ikada.Files {
		folder, hour, err := ParseKey(f.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ikada.ErrCorrupt, err)
		}
		date := DayOf(hour)
		if days[date] == nil {
			if days[date], err = m.Day(ctx, folder, date); err != nil {
				return nil, err
			}
		}
		located[i] = Located{f, days[date].Find(f.Key)}
	}
	return located, nil
}

// Objects returns the files of a day's compactions that count and still hold
// rows, in order.
func (d *Day) Objects() []manifest.File {
	var all []manifest.File
	for _, e := range d.Entries {
		if e.Compaction == nil || !e.Counts() || len(e.Compaction.Sources) == 0 {
			continue
		}
		// The sources of a compaction move and expire together.
		if p := d.Find(e.Compaction.Sources[0].File.Key); p.Record == e.Number && p.Moved() {
			all = append(all, e.Compaction.File)
		}
	}
	return slices.Clip(all)
}
