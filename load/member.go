package load

import (
	"context"
	"fmt"
	"time"

	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse"
)

// settled is how old a manifest is before the archive's map is asked about it.
// Nothing younger is compacted or deleted, so live loads need not ask.
const settled = 10 * time.Minute

// member describes a manifest for a job. Its files are where the archive's map
// says: some may be parts of a compacted file, and some deleted on purpose.
func (l *Loader) member(ctx context.Context, w waiting) (warehouse.Manifest, error) {
	m := asMade(w)
	if l.opts.Archive == nil || time.Since(time.Unix(0, w.Ikada.Created)) < settled {
		return m, nil
	}
	m.Files = nil
	located, err := l.opts.Archive.Map.Files(ctx, w.Manifest)
	if err != nil {
		return m, fmt.Errorf("find the files of manifest %s: %w", w.key, err)
	}
	for _, f := range located {
		m.Other = m.Other || f.Place.Record > 0
		if !f.Place.Expired.IsZero() {
			m.Rows, m.Bytes = m.Rows-f.File.Rows, m.Bytes-f.File.Raw
			continue
		}
		of, err := l.opts.Archive.Part(ctx, f)
		if err != nil {
			return m, fmt.Errorf("find the files of manifest %s: %w", w.key, err)
		}
		m.Files = append(m.Files, file(of))
	}
	return m, nil
}

// asMade describes a manifest with the files that it names itself.
func asMade(w waiting) warehouse.Manifest {
	m := warehouse.Manifest{Key: w.key, Plan: w.plan, Rows: w.Ikada.Rows, Bytes: w.Ikada.Raw}
	for _, f := range w.Ikada.Files {
		m.Files = append(m.Files, file(f))
	}
	return m
}

func file(f manifest.File) warehouse.File {
	return warehouse.File{Key: f.Key, Size: f.Size, Raw: f.Raw, CRC32C: f.CRC32C, Rows: f.Rows}
}
