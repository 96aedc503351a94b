package audit

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/manifest"
)

// place tells where a file's rows are: as it was written, in another object, or
// nowhere any more.
type place struct {
	object  *manifest.File // nil: nothing moved them
	expired bool
}

// dayPlaces is what the archive's map says of a log type's day, in little
// memory: a day may have a hundred thousand files, whose records are long.
type dayPlaces struct {
	objects []manifest.File
	of      map[uint64]int32 // by hash of a key: the number of an object, or expired
}

const expired = -1

// places remembers some days. It is safe for concurrent use.
type places struct {
	bucket bucket.Bucket
	seed   maphash.Seed

	mu   sync.Mutex
	days map[string]*dayPlaces
}

// maxDays bounds the days that are remembered.
const maxDays = 64

func newPlaces(b bucket.Bucket) *places {
	return &places{bucket: b, seed: maphash.MakeSeed(), days: map[string]*dayPlaces{}}
}

// find tells where a file's rows are. What is remembered may be old; with fresh
// it is read anew.
func (p *places) find(ctx context.Context, key string, fresh bool) (place, error) {
	folder, hour, err := archive.ParseKey(key)
	if err != nil {
		return place{}, err
	}
	date := archive.DayOf(hour)
	name := archive.Folder(folder, date)
	p.mu.Lock()
	day := p.days[name]
	p.mu.Unlock()
	if day == nil || fresh {
		if day, err = p.read(ctx, folder, date); err != nil {
			return place{}, err
		}
		p.remember(name, day)
	}
	switch at, ok := day.of[maphash.String(p.seed, key)]; {
	case !ok:
		return place{}, nil
	case at == expired:
		return place{expired: true}, nil
	default:
		return place{object: &day.objects[at]}, nil
	}
}

func (p *places) remember(name string, day *dayPlaces) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other := range p.days {
		if len(p.days) < maxDays {
			break
		}
		delete(p.days, other)
	}
	p.days[name] = day
}

// read reads the map of a day.
func (p *places) read(ctx context.Context, folder, date string) (*dayPlaces, error) {
	known, err := archive.New(p.bucket).Day(ctx, folder, date) // which remembers all of it, and so is dropped
	if err != nil {
		return nil, err
	}
	day := &dayPlaces{of: map[uint64]int32{}}
	numbers := map[string]int32{} // of objects
	note := func(key string) {
		switch found := known.Find(key); {
		case !found.Expired.IsZero():
			day.of[maphash.String(p.seed, key)] = expired
		case found.Moved():
			n, ok := numbers[found.Object.Key]
			if !ok {
				n = int32(len(day.objects))
				numbers[found.Object.Key] = n
				day.objects = append(day.objects, found.Object)
			}
			day.of[maphash.String(p.seed, key)] = n
		}
	}
	for i := range known.Entries {
		switch e := &known.Entries[i]; {
		case e.Compaction != nil:
			for j := range e.Compaction.Sources {
				note(e.Compaction.Sources[j].File.Key)
			}
		case e.Expiry != nil:
			for j := range e.Expiry.Files {
				note(e.Expiry.Files[j].Key)
			}
		}
	}
	return day, nil
}
