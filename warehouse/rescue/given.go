package rescue

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Given are rows of the quarantine in the form of an archive file, so that
// they are loaded as all others are.
type Given struct {
	bucket.Bucket // everything else
	File          warehouse.File
	data          []byte
}

// givenKey is no key of an archive.
const givenKey = "_quarantine/rows.json.gz"

// Give makes a file of the rows that the quarantine has, and what is to be
// settled about them.
func Give(archive bucket.Bucket, all []warehouse.AsideRow, has map[string]Held) (*Given, *Settling, error) {
	var raw, stored bytes.Buffer
	var origins []warehouse.Origin
	for _, r := range all {
		h, ok := has[r.ID]
		if !ok {
			continue
		}
		raw.Write(r.Raw)
		raw.WriteByte('\n')
		// A replay may have set it aside again since it was read, by its own file's name.
		origins = append(origins, warehouse.Origin{Manifest: r.Manifest, File: r.File, Also: []string{h.File}, Line: r.Line, Rows: 1})
	}
	z, _ := gzip.NewWriterLevel(&stored, gzip.BestSpeed) // the level is a known one
	if _, err := z.Write(raw.Bytes()); err != nil {
		return nil, nil, fmt.Errorf("pack rows of the quarantine: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, nil, fmt.Errorf("pack rows of the quarantine: %w", err)
	}
	s := NewSettling(map[string][]warehouse.Origin{givenKey: origins})
	s.byID = true
	for id, h := range has {
		s.Hold(id, h)
	}
	g := &Given{Bucket: archive, data: stored.Bytes(), File: warehouse.File{
		Key: givenKey, Size: int64(stored.Len()), Raw: int64(raw.Len()), Rows: int64(len(origins)),
		CRC32C: crc32.Checksum(stored.Bytes(), crc32.MakeTable(crc32.Castagnoli)),
	}}
	return g, s, nil
}

// URL of the rows is one that nobody else can read.
func (g *Given) URL(key string) string {
	if key == givenKey {
		return "ikada:///" + key
	}
	return g.Bucket.URL(key)
}

// Get reads the rows.
func (g *Given) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	if key != givenKey {
		return g.Bucket.Get(ctx, key, off, n, buf)
	}
	size := int64(len(g.data))
	off = min(off, size)
	end := size
	if n >= 0 {
		end = min(size, off+n)
	}
	return append(buf, g.data[off:end]...), nil
}
