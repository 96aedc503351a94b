package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse"
)

// parallel is how many manifests are read at once.
const parallel = 16

// unseen adds the manifests in the ledger between those that were seen of
// which no file was: they may have had one in the range that is gone. Far more
// than were seen are not looked at: then rows came very late, and what such a
// file lacks is found by the number of rows.
func (c *chooser) unseen(ctx context.Context, keys, loaded map[string]bool) error {
	first, last := uint64(math.MaxUint64), uint64(0)
	for key := range keys {
		if _, n, _, err := manifest.ParseKey(key); err == nil {
			first, last = min(first, n), max(last, n)
		}
	}
	if last == 0 || last-first > uint64(20*len(keys)+20_000) {
		return nil
	}
	compacted := c.compactedManifests()
	for e, err := range c.Warehouse.Ledger(ctx, warehouse.LedgerFilter{Type: c.job.Type, FirstPlan: first, Newest: last}) {
		if err != nil {
			return err
		}
		if !compacted[e.Manifest] {
			keys[e.Manifest], loaded[e.Manifest] = true, true
		}
	}
	return nil
}

// compactedManifests are those that a compaction of the range has looked at.
func (c *chooser) compactedManifests() map[string]bool {
	keys := map[string]bool{}
	for _, day := range c.days {
		for _, e := range day.Entries {
			if e.Compaction == nil || !c.within(e.Compaction.File.Key) {
				continue
			}
			for _, s := range e.Compaction.Sources {
				keys[s.Manifest] = true
			}
		}
	}
	return keys
}

// describe reads manifests, as far as they were not read. One that is not there
// is an error only if the ledger has it: else its plan is not done yet.
func (c *chooser) describe(ctx context.Context, keys, loaded map[string]bool) (map[string]*described, error) {
	known := map[string]*described{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for key := range keys {
		if m, ok := c.manifests[key]; ok {
			mu.Lock()
			known[key] = m
			mu.Unlock()
			continue
		}
		g.Go(func() error {
			m, err := c.readManifest(ctx, key)
			if errors.Is(err, ikada.ErrNotFound) && !loaded[key] {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			known[key] = m
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	shapes := map[string][]ikada.Field{}
	for key, m := range known {
		m.share(shapes)
		c.manifests[key] = m
	}
	return known, nil
}

func (c *chooser) readManifest(ctx context.Context, key string) (*described, error) {
	data, err := c.Manifests.Get(ctx, key, 0, -1, nil)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", key, err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", key, err)
	}
	if m.Ikada.Type != c.job.Type {
		return nil, fmt.Errorf("manifest %s says that it is of %q: %w", key, m.Ikada.Type, ikada.ErrCorrupt)
	}
	d := &described{plan: m.Ikada.Plan, class: m.Ikada.Class, fields: m.Ikada.Fields}
	for _, f := range m.Ikada.Files {
		if _, _, err := archive.ParseKey(f.Key); err != nil {
			return nil, fmt.Errorf("manifest %s: %w: %w", key, ikada.ErrCorrupt, err)
		}
		if c.within(f.Key) {
			d.files = append(d.files, f)
		}
	}
	return d, nil
}

// share lets manifests with the same kinds of fields share their memory: of a
// week there may be half a million.
func (d *described) share(shapes map[string][]ikada.Field) {
	text := make([]byte, 0, 1024)
	for _, f := range d.fields {
		text = append(text, f.Name...)
		text = append(text, 0, byte(f.Kinds), byte(f.Kinds>>8))
	}
	if same, ok := shapes[string(text)]; ok {
		if wider(d.fields, same) {
			same = slices.Clone(same)
			for i, f := range d.fields {
				same[i].MaxBytes = max(same[i].MaxBytes, f.MaxBytes)
			}
			shapes[string(text)] = same
		}
		d.fields = same
		return
	}
	shapes[string(text)] = d.fields
}

// wider reports whether a field has a longer text than the other of its name.
func wider(fields, than []ikada.Field) bool {
	for i, f := range fields {
		if f.MaxBytes > than[i].MaxBytes {
			return true
		}
	}
	return false
}
