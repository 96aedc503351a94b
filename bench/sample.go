package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
)

// sample is what the pipeline made of traffic: bundles, archive files and
// manifests, on which stages are measured alone.
type sample struct {
	dir     string
	bundles []stored // lane by lane, each in order
	rows    int64
	raw     int64
}

// stored is a bundle.
type stored struct {
	key       string
	ordinal   uint64
	segments  int
	rows, raw int64
}

// Each bundle of the sample has nearly all log types and hours, which is the
// most work for a router: fewer events than a bundle's go over the three hours,
// and chunks are so small that those of rare types are in every bundle.
const (
	sampleSpan  = 20_000
	sampleChunk = 50
)

// sampled returns the sample, which is made once.
func (b *bench) sampled(ctx context.Context) (_ *sample, err error) {
	if b.sample == nil {
		if b.sample, err = b.makeSample(ctx); err != nil {
			return nil, fmt.Errorf("make a sample: %w", err)
		}
	}
	return b.sample, nil
}

// makeSample lets the pipeline make a sample.
func (b *bench) makeSample(ctx context.Context) (*sample, error) {
	b.tell("making a sample of %s events", thousands(float64(b.events)))
	t := makeTraffic(min(b.events, roundEvents), sampleSpan, sampleChunk)
	p, err := b.passTimed(ctx, way{section: "sample", last: "route", flags: noWarehouse}, t)
	if err != nil {
		return nil, err
	}
	s := &sample{dir: p.dir}
	if s.bundles, err = listBundles(ctx, p.dir); err != nil {
		return nil, err
	}
	s.rows, s.raw = totals(s.bundles)
	b.tell("it has %d bundles, most of them of %d segments or more, and %.0f bytes a row", len(s.bundles),
		median(s.bundles, func(one stored) int { return one.segments }), float64(s.raw)/float64(s.rows))
	return s, nil
}

func totals(bundles []stored) (rows, raw int64) {
	for _, one := range bundles {
		rows += one.rows
		raw += one.raw
	}
	return rows, raw
}

// listBundles lists a data directory's bundles in the order of their ordinals.
func listBundles(ctx context.Context, data string) (all []stored, err error) {
	buffer, err := dir.Open(filepath.Join(data, "buffer"))
	if err != nil {
		return nil, err
	}
	for info, err := range buffer.List(ctx, bundle.LanesPrefix, "") {
		if err != nil {
			return nil, err
		}
		x, err := bundle.ReadIndex(ctx, buffer, info.Key)
		if err != nil {
			return nil, err
		}
		one := stored{key: info.Key, ordinal: x.Ordinal, segments: len(x.Segments)}
		for _, s := range x.Segments {
			one.rows += s.Rows
			one.raw += s.Raw
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b stored) int { return cmp.Compare(a.ordinal, b.ordinal) })
	return all, nil
}

// segment is a segment's rows.
type segment struct {
	logType string
	rows    int64
	raw     []byte
}

// someRows returns the rows of a few bundles of a data directory.
func someRows(ctx context.Context, data string) (rows []segment, err error) {
	bundles, err := listBundles(ctx, data)
	if err != nil {
		return nil, err
	}
	for _, one := range bundles[:min(len(bundles), 4)] {
		more, err := readRows(data, one)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// readRows inflates a bundle.
func readRows(data string, one stored) ([]segment, error) {
	body, err := os.ReadFile(filepath.Join(data, "buffer", one.key))
	if err != nil {
		return nil, err
	}
	x, err := bundle.Parse(body)
	if err != nil {
		return nil, err
	}
	all := make([]segment, len(x.Segments))
	for i, s := range x.Segments {
		raw, err := bundle.Inflate(s.Extent, body[s.Offset:s.Offset+s.Length])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.key, err)
		}
		all[i] = segment{logType: string(s.Type), rows: s.Rows, raw: raw}
	}
	return all, nil
}

// readManifests reads all manifests of a data directory.
func readManifests(ctx context.Context, data string) (all []*manifest.Manifest, err error) {
	manifests, err := dir.Open(filepath.Join(data, "manifests"))
	if err != nil {
		return nil, err
	}
	for info, err := range manifests.List(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		text, err := manifests.Get(ctx, info.Key, 0, -1, nil)
		if err != nil {
			return nil, err
		}
		m, err := manifest.Decode(text)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// checkArchive counts the rows of all manifests.
func checkArchive(ctx context.Context, data string, want int64) error {
	all, err := readManifests(ctx, data)
	if err != nil {
		return err
	}
	rows := int64(0)
	for _, m := range all {
		rows += m.Ikada.Rows
	}
	if rows != want {
		return fmt.Errorf("the archive has %d rows, want %d", rows, want)
	}
	return nil
}
