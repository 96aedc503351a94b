package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/route"
)

// compacting compares binding small archive files into few with a copy of the
// same files. Each bundle was routed alone, as where little flows.
func (b *bench) compacting(ctx context.Context, s *sample) error {
	var bound, copied []cost
	var counts compact.Counts
	for range b.rounds {
		root, err := os.MkdirTemp(b.data, "compact-")
		if err != nil {
			return err
		}
		buckets, paths, err := routeSmall(ctx, s, root)
		if err != nil {
			return fmt.Errorf("make small files: %w", err)
		}
		c, err := measure(s.raw, func() error { return cat(filepath.Join(root, "all"), paths) })
		if err != nil {
			return err
		}
		var report *compact.Report
		m, err := measure(s.raw, func() (err error) {
			later := func() time.Time { return time.Now().Add(48 * time.Hour) }
			report, err = compact.New(archive.NewView(buckets[1]), buckets[2], everything{}, compact.Options{Now: later}).Once(ctx, "", func(int64) {})
			return err
		})
		if err != nil {
			return err
		}
		counts = compact.Counts{}
		for _, t := range report.Types {
			counts.Files += t.Files
			counts.Bytes += t.Bytes
			counts.NewFiles += t.NewFiles
			counts.NewBytes += t.NewBytes
			counts.Rows += t.Rows
			counts.Recompressed += t.Recompressed
		}
		if counts.Files != len(paths) || counts.Rows != s.rows {
			return fmt.Errorf("%d files with %d rows were bound, want %d with %d", counts.Files, counts.Rows, len(paths), s.rows)
		}
		b.tell("compact: %v; cat: %v; %+v", m, c, counts)
		bound, copied = append(bound, m), append(copied, c)
	}
	b.table.add("compact", medianCost(bound).String(), "cat of the same files: "+medianCost(copied).String(),
		fmt.Sprintf("%.1f × its CPU", ratio(bound, copied, cost.cpuPerGB)), "")
	b.table.add("", fmt.Sprintf("%s files became %s", thousands(float64(counts.Files)), thousands(float64(counts.NewFiles))),
		fmt.Sprintf("%.1f MB became %.1f", float64(counts.Bytes)/1e6, float64(counts.NewBytes)/1e6),
		fmt.Sprintf("%.2f of the size", float64(counts.NewBytes)/float64(counts.Bytes)), "")
	return nil
}

// everything is a ledger that has every manifest.
type everything struct{}

func (everything) Loaded(_ context.Context, _ ikada.LogType, manifests []string) (map[string]bool, error) {
	has := map[string]bool{}
	for _, key := range manifests {
		has[key] = true
	}
	return has, nil
}

// routeSmall routes each bundle by a plan of its own, and returns the paths of
// the archive files.
func routeSmall(ctx context.Context, s *sample, root string) (buckets [3]*dir.Bucket, paths []string, err error) {
	for i, name := range []string{"buffer", "archive", "manifests"} {
		if buckets[i], err = dir.Open(filepath.Join(root, name)); err != nil {
			return buckets, nil, err
		}
	}
	if err := link(s, root, s.bundles); err != nil {
		return buckets, nil, err
	}
	if _, err := route.New(buckets[0], buckets[1], buckets[2], route.Options{MaxBytes: 1}).Once(ctx); err != nil {
		return buckets, nil, err
	}
	for info, err := range buckets[1].List(ctx, "", "") {
		if err != nil {
			return buckets, nil, err
		}
		paths = append(paths, filepath.Join(root, "archive", info.Key))
	}
	return buckets, paths, nil
}
