package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/route"
)

// routeTarget is how many times less CPU routing takes than inflating,
// splitting and deflating.
const routeTarget = 20

// routing compares the route stage with a copy of the same compressed bytes,
// and with routing that has no segments.
func (b *bench) routing(ctx context.Context, s *sample) error {
	// A router in service has its memory, and its buckets their folders: the
	// first third of the bundles is routed before the clock starts.
	first, rest := s.bundles[:len(s.bundles)/3], s.bundles[len(s.bundles)/3:]
	mixedOf := s.bundles[:max(len(first), 1)]
	mixed := filepath.Join(s.dir, "mixed.gz")
	if err := writeMixed(mixed, s.dir, mixedOf); err != nil {
		return err
	}
	var routed, copied, splitted []cost
	for range b.rounds {
		root, err := os.MkdirTemp(b.data, "route-")
		if err != nil {
			return err
		}
		r, err := routeTimed(ctx, s, root, first, rest)
		if err != nil {
			return err
		}
		c, err := catTimed(s, root, rest)
		if err != nil {
			return err
		}
		d, err := splitTimed(mixed, root, mixedOf)
		if err != nil {
			return fmt.Errorf("inflate, split, deflate: %w", err)
		}
		b.tell("route: %v; cat: %v; inflate-split-deflate: %v", r, c, d)
		routed, copied, splitted = append(routed, r), append(copied, c), append(splitted, d)
	}
	figure := medianCost(routed).String()
	b.table.add("route alone", figure, "cat of the same bytes: "+medianCost(copied).String(),
		fmt.Sprintf("%.1f × its CPU", ratio(routed, copied, cost.cpuPerGB)), "")
	less := ratio(splitted, routed, cost.cpuPerGB)
	b.table.add("", "", "inflate-split-deflate: "+medianCost(splitted).String(), fmt.Sprintf("%.1f × less CPU", less),
		target(fmt.Sprintf("≥ %d ×", routeTarget), less >= routeTarget))
	return nil
}

func routeTimed(ctx context.Context, s *sample, root string, first, rest []stored) (c cost, err error) {
	var buckets [3]*dir.Bucket
	for i, name := range []string{"buffer", "archive", "manifests"} {
		if buckets[i], err = dir.Open(filepath.Join(root, name)); err != nil {
			return c, err
		}
	}
	rows := int64(0)
	r := route.New(buckets[0], buckets[1], buckets[2], route.Options{OnDone: func(p *plan.Plan) {
		n, _, _ := p.Totals()
		rows += n
	}})
	once := func() error { _, err := r.Once(ctx); return err }
	if err := link(s, root, first); err != nil {
		return c, err
	}
	if err := once(); err != nil {
		return c, err
	}
	if err := link(s, root, rest); err != nil {
		return c, err
	}
	_, raw := totals(rest)
	if c, err = measure(raw, once); err != nil {
		return c, err
	}
	if rows != s.rows {
		return c, fmt.Errorf("%d rows were routed, want %d", rows, s.rows)
	}
	return c, nil
}

// link puts bundles into another buffer bucket.
func link(s *sample, root string, bundles []stored) error {
	for _, one := range bundles {
		to := filepath.Join(root, "buffer", one.key)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Link(filepath.Join(s.dir, "buffer", one.key), to); err != nil {
			return err
		}
	}
	return nil
}

func catTimed(s *sample, root string, bundles []stored) (cost, error) {
	paths := each(bundles, func(one stored) string { return filepath.Join(s.dir, "buffer", one.key) })
	_, raw := totals(bundles)
	return measure(raw, func() error { return cat(filepath.Join(root, "all"), paths) })
}

func splitTimed(mixed, root string, bundles []stored) (c cost, err error) {
	to := filepath.Join(root, "split")
	if err := os.Mkdir(to, 0o755); err != nil {
		return c, err
	}
	want, raw := totals(bundles)
	rows := int64(0)
	c, err = measure(raw, func() error {
		rows, err = split(mixed, to)
		return err
	})
	if err == nil && rows != want {
		err = fmt.Errorf("%d rows were split, want %d", rows, want)
	}
	return c, err
}
