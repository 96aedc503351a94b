package compact

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bundle"
)

const (
	headSize = 10 // of gzip
	tailSize = 10 // an empty final block, CRC-32, length
	// tiny is the mean size of segments below which files are compressed
	// anew, together up to unit bytes. Larger ones would gain a few percent.
	tiny = 8 << 10
	unit = 1 << 20
	// level is that of files that were compressed once already: a tenth
	// smaller than the first, at a third of its speed.
	level = 6
)

// binder makes the content of a new file.
type binder struct {
	member  bundle.Member
	c       archive.Compaction
	at      int64
	tiny    []small // files that wait to be compressed together
	raw     int     // their bytes
	gain    int64   // bytes that compressing anew has saved
	renewed int     // files that it was done to
	deflate *flate.Writer
}

// small is a file with tiny segments.
type small struct {
	source  archive.Source
	payload []byte
	piece   archive.Piece
	raw     []byte
}

// build reads the files of a group, checks them, and binds them.
func (d *day) build(ctx context.Context, group []candidate) (*binder, error) {
	b := &binder{at: headSize, c: archive.Compaction{Hour: group[0].hour, Class: group[0].class}}
	files := make([][]byte, len(group)) // together they are no larger than a new file
	err := together(ctx, len(group), func(ctx context.Context, i int) (err error) {
		if files[i], err = d.archive.Get(ctx, group[i].Key, 0, -1, nil); err != nil {
			return fmt.Errorf("archive file %s: %w", group[i].Key, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var fields fieldSet
	for i, c := range group {
		if err := b.add(&c, files[i]); err != nil {
			return nil, fmt.Errorf("archive file %s: %w", c.Key, err)
		}
		b.c.Replaces = append(b.c.Replaces, c.Key)
		b.c.File.Rows += c.Rows
		fields.merge(c.fields)
	}
	if err := b.flush(); err != nil {
		return nil, err
	}
	b.c.Fields = fields.fields
	b.c.File.Size, b.c.File.Raw, b.c.File.CRC32C = b.member.Size(), b.member.Raw(), b.member.CRC32C()
	return b, nil
}

// add takes a file as it is stored.
func (b *binder) add(c *candidate, data []byte) error {
	if int64(len(data)) != c.Size || crc32.Checksum(data, bundle.Castagnoli) != c.CRC32C {
		return fmt.Errorf("%d bytes are not the %d that were archived: %w", len(data), c.Size, ikada.ErrCorrupt)
	}
	end := len(data) - tailSize
	if end < headSize || !bytes.Equal(data[:headSize], archive.Empty()[:headSize]) || data[end] != 3 || data[end+1] != 0 {
		return fmt.Errorf("it is no gzip file as Ikada writes it: %w", ikada.ErrCorrupt)
	}
	if c.sources != nil {
		return b.addCompacted(c, data)
	}
	payload := data[headSize:end]
	s := small{
		source: archive.Source{Manifest: c.whose, File: c.File}, payload: payload,
		piece: archive.Piece{
			Length: int64(len(payload)), Raw: c.Raw, CRC32: binary.LittleEndian.Uint32(data[end+2:]), CRC32C: crc32.Checksum(payload, bundle.Castagnoli),
		},
	}
	if binary.LittleEndian.Uint32(data[end+6:]) != uint32(c.Raw) {
		return fmt.Errorf("its length is another: %w", ikada.ErrCorrupt)
	}
	if len(payload)/segments(payload) >= tiny {
		if err := b.flush(); err != nil {
			return err
		}
		b.bound(s)
		return nil
	}
	if b.raw > 0 && b.raw+int(c.Raw) > unit {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.tiny, b.raw = append(b.tiny, s), b.raw+int(c.Raw)
	return nil
}

// segments counts the ends of segments. Other bytes may look alike, seldom.
func segments(payload []byte) int { return max(bytes.Count(payload, []byte{0, 0, 0xff, 0xff}), 1) }

// addCompacted takes over the pieces of a compacted file.
func (b *binder) addCompacted(c *candidate, data []byte) error {
	if err := b.flush(); err != nil {
		return err
	}
	first := len(b.c.Pieces)
	for _, p := range c.pieces {
		b.piece(p, data[p.Offset:p.Offset+p.Length])
	}
	for _, s := range c.sources {
		s.Piece += first
		b.c.Sources = append(b.c.Sources, s)
	}
	return nil
}

// piece appends a segment and returns its number.
func (b *binder) piece(p archive.Piece, compressed []byte) int {
	p.Offset = b.at
	b.at += p.Length
	b.member.Add(p.Extent(), compressed)
	b.c.Pieces = append(b.c.Pieces, p)
	return len(b.c.Pieces) - 1
}

// bound appends a file as it was compressed.
func (b *binder) bound(s small) {
	s.source.Piece = b.piece(s.piece, s.payload)
	b.c.Sources = append(b.c.Sources, s.source)
}

// flush appends the files that wait: compressed together, if that makes them
// smaller by an eighth, else as they are.
func (b *binder) flush() error {
	waiting := b.tiny
	b.tiny, b.raw = nil, 0
	if len(waiting) == 0 {
		return nil
	}
	var raw []byte
	had := int64(0)
	for i := range waiting {
		s := &waiting[i]
		begin := len(raw)
		var err error
		if raw, err = inflate(raw, s); err != nil {
			return err
		}
		s.raw = raw[begin:]
		s.source.Skip = int64(begin)
		had += s.piece.Length
	}
	compressed, err := b.compress(raw)
	if err != nil {
		return err
	}
	if int64(len(compressed)) > had-had/8 {
		for _, s := range waiting {
			s.source.Skip = 0
			b.bound(s)
		}
		return nil
	}
	at := b.piece(archive.Piece{
		Length: int64(len(compressed)), Raw: int64(len(raw)), CRC32: crc32.ChecksumIEEE(raw), CRC32C: crc32.Checksum(compressed, bundle.Castagnoli),
	}, compressed)
	for _, s := range waiting {
		s.source.Piece = at
		if len(waiting) > 1 {
			s.source.CRC32, s.source.CRC32C = s.piece.CRC32, crc32.Checksum(archive.Stored(s.raw), bundle.Castagnoli)
		}
		b.c.Sources = append(b.c.Sources, s.source)
	}
	b.gain += had - int64(len(compressed))
	b.renewed += len(waiting)
	return nil
}

// inflate appends the rows of a file and checks them.
func inflate(dst []byte, s *small) ([]byte, error) {
	begin := len(dst)
	dst = append(dst, make([]byte, s.source.File.Raw)...)
	in := flate.NewReader(io.MultiReader(bytes.NewReader(s.payload), bytes.NewReader([]byte{3, 0})))
	_, err := io.ReadFull(in, dst[begin:])
	if err == nil {
		var more [1]byte
		if _, err = in.Read(more[:]); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("more follows")
		}
	}
	if err == nil && crc32.ChecksumIEEE(dst[begin:]) != s.piece.CRC32 {
		err = errors.New("the checksum of its rows is another")
	}
	if err != nil {
		return nil, fmt.Errorf("archive file %s: %w: %w", s.source.File.Key, ikada.ErrCorrupt, err)
	}
	return dst, nil
}

// compress makes a segment.
func (b *binder) compress(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	if b.deflate == nil {
		b.deflate, _ = flate.NewWriter(nil, level) // fails on an unknown level only
	}
	b.deflate.Reset(&out)
	if _, err := b.deflate.Write(raw); err != nil {
		return nil, err
	}
	if err := b.deflate.Flush(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fieldSet merges what manifests say of their fields.
type fieldSet struct {
	fields []ikada.Field
	place  map[string]int
}

func (s *fieldSet) merge(fields []ikada.Field) {
	if s.place == nil {
		s.place = map[string]int{}
	}
	for _, f := range fields {
		if at, ok := s.place[f.Name]; ok {
			s.fields[at].Merge(f)
			continue
		}
		s.place[f.Name] = len(s.fields)
		s.fields = append(s.fields, f)
	}
}
