// Package mem is a bucket in memory: for tests, and for pipelines whose data
// may go with the process.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// Bucket holds objects in memory.
type Bucket struct {
	mu      sync.RWMutex
	keys    []string // sorted
	objects map[string]object
}

type object struct {
	data []byte // never changed: a Put makes a new one
	time time.Time
}

var _ bucket.Bucket = (*Bucket)(nil)

// New returns an empty bucket.
func New() *Bucket { return &Bucket{objects: make(map[string]object)} }

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body ...[]byte) error {
	return b.write(ctx, "create", key, body, false)
}

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body ...[]byte) error {
	return b.write(ctx, "put", key, body, true)
}

func (b *Bucket) write(ctx context.Context, verb, key string, body [][]byte, replace bool) error {
	if err := check(ctx, key); err != nil {
		return fmt.Errorf("%s %s: %w", verb, key, err)
	}
	data := bytes.Join(body, nil)
	b.mu.Lock()
	defer b.mu.Unlock()
	i, taken := slices.BinarySearch(b.keys, key)
	switch {
	case taken && !replace:
		return fmt.Errorf("%s %s: %w", verb, key, ikada.ErrExists)
	case !taken:
		if other, found := b.nested(key); found {
			return fmt.Errorf("%s %s: one cannot be the folder of the other: %s is there", verb, key, other)
		}
		b.keys = slices.Insert(b.keys, i, key)
	}
	b.objects[key] = object{data, time.Now()}
	return nil
}

// nested finds a key that is key's folder, or whose folder key is.
func (b *Bucket) nested(key string) (other string, found bool) {
	for i := range len(key) {
		if key[i] == '/' {
			if _, found := b.objects[key[:i]]; found {
				return key[:i], true
			}
		}
	}
	i, _ := slices.BinarySearch(b.keys, key+"/")
	if i < len(b.keys) && strings.HasPrefix(b.keys[i], key+"/") {
		return b.keys[i], true
	}
	return "", false
}

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	from, length := bucket.Range(int64(len(o.data)), off, n)
	return append(buf[:0], o.data[from:from+length]...), nil
}

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Info, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return bucket.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	return bucket.Info{Key: key, Size: int64(len(o.data)), ModTime: o.time}, nil
}

func (b *Bucket) find(ctx context.Context, key string) (object, error) {
	if err := check(ctx, key); err != nil {
		return object{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, found := b.objects[key]
	if !found {
		return object{}, ikada.ErrNotFound
	}
	return o, nil
}

// List implements bucket.Bucket. It looks for each key anew, so the caller may
// change the bucket meanwhile.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		from := max(prefix, after)
		if from == after {
			from += "\x00" // the least key behind it
		}
		for {
			if err := ctx.Err(); err != nil {
				yield(bucket.Info{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			info, found := b.next(from)
			if !found || !strings.HasPrefix(info.Key, prefix) || !yield(info, nil) {
				return
			}
			from = info.Key + "\x00"
		}
	}
}

// next returns the first object at or behind from.
func (b *Bucket) next(from string) (bucket.Info, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, _ := slices.BinarySearch(b.keys, from)
	if i == len(b.keys) {
		return bucket.Info{}, false
	}
	o := b.objects[b.keys[i]]
	return bucket.Info{Key: b.keys[i], Size: int64(len(o.data)), ModTime: o.time}, true
}

// Folders implements bucket.Bucket.
func (b *Bucket) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := ctx.Err(); err != nil {
			yield("", fmt.Errorf("list folders of %s: %w", prefix, err))
			return
		}
		for _, name := range b.folders(prefix) {
			if !yield(name, nil) {
				return
			}
		}
	}
}

func (b *Bucket) folders(prefix string) []string {
	var names []string
	for from := prefix; ; {
		info, found := b.next(from)
		rest, below := strings.CutPrefix(info.Key, prefix)
		if !found || !below {
			// Keys sort "a-b/" before "a/", names the other way round.
			slices.Sort(names)
			return names
		}
		name, _, deep := strings.Cut(rest, "/")
		if deep {
			names = append(names, name)
			from = prefix + name + "0" // the least key behind "name/"
		} else {
			from = info.Key + "\x00"
		}
	}
}

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, found := slices.BinarySearch(b.keys, key); found {
		b.keys = slices.Delete(b.keys, i, i+1)
		delete(b.objects, key)
	}
	return nil
}

// URL implements bucket.Bucket.
func (b *Bucket) URL(key string) string { return "mem:///" + key }

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return bucket.Check(key)
}
