package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
)

var header = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// Part describes a moved file as View gives it: the rows of one source of a
// compacted file, as a gzip file of their own. Nothing of the kind is stored.
func (d *Day) Part(of manifest.File, p Place) (manifest.File, error) {
	c := d.Entries[p.Record-1].Compaction
	s := &c.Sources[p.Source]
	part := manifest.File{Key: partKey(d.Folder, d.Date, p.Record, p.Source), Raw: s.File.Raw, Rows: s.File.Rows}
	if s.File.Key != of.Key || s.File.CRC32C != of.CRC32C || s.File.Rows != of.Rows {
		return part, fmt.Errorf("record %d of %s, %s knows another file %s than its manifest: %w", p.Record, d.Folder, d.Date, of.Key, ikada.ErrCorrupt)
	}
	if c.alone(p.Source) {
		var m bundle.Member
		m.Add(c.Pieces[s.Piece].Extent(), nil)
		part.Size, part.CRC32C = m.Size(), m.CRC32C()
	} else {
		part.Size, part.CRC32C = storedSize(s.File.Raw), s.CRC32C
	}
	return part, nil
}

// Parts returns, by key of a manifest's file, the keys by which it was read since
// it was compacted, once or more often.
func (d *Day) Parts() map[string][]string {
	keys := map[string][]string{}
	for i := range d.Entries {
		e := &d.Entries[i]
		if e.Compaction == nil || !e.Counts() {
			continue
		}
		for j, s := range e.Compaction.Sources {
			keys[s.File.Key] = append(keys[s.File.Key], partKey(d.Folder, d.Date, e.Number, j))
		}
	}
	return keys
}

// View is an archive bucket that also gives the parts of compacted files, under
// the keys that Part tells.
type View struct {
	bucket.Bucket
	Map *Map
}

// NewView returns a view of an archive bucket.
func NewView(archive bucket.Bucket) *View { return &View{archive, New(archive)} }

// URL names an object. A part has no address that others could read.
func (v *View) URL(key string) string {
	if _, _, _, _, part := parsePart(key); part {
		return "ikada:///" + key
	}
	return v.Bucket.URL(key)
}

// Get implements bucket.Bucket.
func (v *View) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	folder, date, number, source, part := parsePart(key)
	if !part {
		return v.Bucket.Get(ctx, key, off, n, buf)
	}
	c, err := v.compaction(ctx, folder, date, number, source)
	if err == nil && c.alone(source) {
		buf, err = v.bound(ctx, c, source, off, n, buf)
	} else if err == nil {
		buf, err = v.inflated(ctx, c, source, off, n, buf)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return buf, nil
}

// Stat implements bucket.Bucket. The time of a part is that of its file.
func (v *View) Stat(ctx context.Context, key string) (bucket.Info, error) {
	folder, date, number, source, part := parsePart(key)
	if !part {
		return v.Bucket.Stat(ctx, key)
	}
	c, err := v.compaction(ctx, folder, date, number, source)
	if err != nil {
		return bucket.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	info, err := v.Bucket.Stat(ctx, c.File.Key)
	info.Key, info.Size = key, storedSize(c.Sources[source].File.Raw)
	if c.alone(source) {
		info.Size = c.Pieces[c.Sources[source].Piece].Length + bundle.MemberOverhead
	}
	return info, err
}

// Source tells whose rows a part holds.
func (v *View) Source(ctx context.Context, part string) (Source, error) {
	folder, date, number, source, ok := parsePart(part)
	if !ok {
		return Source{}, fmt.Errorf("%q is no part of a compacted file: %w", part, ikada.ErrNotFound)
	}
	c, err := v.compaction(ctx, folder, date, number, source)
	if err != nil {
		return Source{}, fmt.Errorf("find whose rows %s has: %w", part, err)
	}
	return c.Sources[source], nil
}

func (v *View) compaction(ctx context.Context, folder, date string, number, source int) (*Compaction, error) {
	v.Map.mu.Lock()
	day := v.Map.days[Folder(folder, date)] // records never change
	v.Map.mu.Unlock()
	if day == nil || number > len(day.Entries) {
		var err error
		if day, err = v.Map.Day(ctx, folder, date); err != nil {
			return nil, err
		}
	}
	if number > len(day.Entries) {
		return nil, ikada.ErrNotFound
	}
	c := day.Entries[number-1].Compaction
	if c == nil || source >= len(c.Sources) {
		return nil, ikada.ErrNotFound
	}
	return c, nil
}

// bound gives a range of a source that has its piece for itself: the bytes are
// those of the file that it was, so whoever reads it can check them.
func (v *View) bound(ctx context.Context, c *Compaction, source int, off, n int64, buf []byte) ([]byte, error) {
	p := c.Pieces[c.Sources[source].Piece]
	var m bundle.Member
	m.Add(p.Extent(), nil)
	ends := m.Body()
	from, length := bucket.Range(m.Size(), off, n)
	end := from + length
	out := append(buf[:0], cut(ends[0], from, end)...)
	at := int64(len(header))
	if first, last := max(from-at, 0), min(end-at, p.Length); first < last {
		data, err := v.Bucket.Get(ctx, c.File.Key, p.Offset+first, last-first, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	at += p.Length
	return append(out, cut(ends[1], from-at, end-at)...), nil
}

// cut returns the bytes from from to end, as far as there are such.
func cut(data []byte, from, end int64) []byte {
	from, end = max(from, 0), min(end, int64(len(data)))
	if from >= end {
		return nil
	}
	return data[from:end]
}

// inflated gives a range of a source that shares its piece.
func (v *View) inflated(ctx context.Context, c *Compaction, source int, off, n int64, buf []byte) ([]byte, error) {
	s := &c.Sources[source]
	p := c.Pieces[s.Piece]
	data, err := v.Bucket.Get(ctx, c.File.Key, p.Offset, p.Length, nil)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, s.Skip+s.File.Raw)
	// The sync flush of the piece, and an empty final block.
	in := flate.NewReader(io.MultiReader(bytes.NewReader(data), bytes.NewReader([]byte{0x03, 0x00})))
	if _, err := io.ReadFull(in, raw); err != nil {
		return nil, fmt.Errorf("inflate %s, %d bytes at %d: %w: %w", c.File.Key, p.Length, p.Offset, ikada.ErrCorrupt, err)
	}
	file := Stored(raw[s.Skip:])
	from, length := bucket.Range(int64(len(file)), off, n)
	return append(buf[:0], file[from:from+length]...), nil
}

const maxStored = 65_535 // bytes of a stored block

func storedSize(raw int64) int64 {
	return raw + 5*((raw+maxStored-1)/maxStored) + bundle.MemberOverhead
}

// Stored returns rows as a gzip file that is not compressed, so that its bytes
// are the same for whoever makes it.
func Stored(raw []byte) []byte {
	out := append(make([]byte, 0, storedSize(int64(len(raw)))), header...)
	for left := raw; len(left) > 0; {
		n := min(len(left), maxStored)
		out = append(out, 0)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, left[:n]...)
		left = left[n:]
	}
	out = append(out, 0x03, 0x00)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(raw))
	return binary.LittleEndian.AppendUint32(out, uint32(len(raw)))
}

// Empty is an archive file without rows, which stands in the place of a file
// whose rows are elsewhere.
func Empty() []byte {
	var m bundle.Member
	return bytes.Join(m.Body(), nil)
}

// Part describes a file where its rows are now: as it is, if they are there, or
// as a part of a compacted file.
func (v *View) Part(ctx context.Context, f Located) (manifest.File, error) {
	if !f.Place.Moved() {
		return f.File, nil
	}
	folder, hour, err := ParseKey(f.File.Key)
	if err != nil {
		return manifest.File{}, err
	}
	day, err := v.Map.Day(ctx, folder, DayOf(hour))
	if err != nil {
		return manifest.File{}, err
	}
	return day.Part(f.File, f.Place)
}
