// Package archive is the format of the archive's map: numbered, immutable
// records beside the archive files, which tell what became of files after they
// were written. A compaction binds several into one, an expiry deletes some. A
// manifest is never changed: who follows one asks the map where its rows are now.
//
// The records of a log type and a day of archive hours make a chain, each
// created if absent under the next number. So one listing of a small folder
// tells all of a day, and two that would change the same day notice each other.
package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
)

// Version is the format version of records.
const Version = 1

// Record is one decision about files of a log type and a day. Either Compaction
// or Expiry is set.
type Record struct {
	Version    int           `json:"version"`
	Type       ikada.LogType `json:"type"`
	Day        string        `json:"day"` // of the archive hours: "2026-11-23"
	Number     int           `json:"number"`
	Created    int64         `json:"created"` // nanoseconds since the Unix epoch
	Compaction *Compaction   `json:"compaction,omitempty"`
	Expiry     *Expiry       `json:"expiry,omitempty"`
}

// Compaction binds the files of an hour and a class into one. It counts once
// its end says that it is done; until then the old files hold the rows.
type Compaction struct {
	Hour   ikada.Hour    `json:"hour"`
	Class  ikada.Class   `json:"class"` // 0 plain, 1 hard
	File   manifest.File `json:"file"`  // the new one
	Fields []ikada.Field `json:"fields"`
	Pieces []Piece       `json:"pieces"`
	// Sources are files as manifests name them, in the order of their rows. A
	// compaction of a compacted file names what that was made of.
	Sources []Source `json:"sources"`
	// Replaces are the keys of the objects whose place the new file takes.
	Replaces []string `json:"replaces"`
}

// Piece is a segment of a compacted file.
type Piece struct {
	Offset int64  `json:"offset"`
	Length int64  `json:"length"` // compressed
	Raw    int64  `json:"raw"`
	CRC32  uint32 `json:"crc32"`  // of the raw bytes
	CRC32C uint32 `json:"crc32c"` // of the compressed bytes
}

// Extent returns the piece as Member wants it.
func (p Piece) Extent() bundle.Extent {
	return bundle.Extent{Offset: p.Offset, Length: p.Length, Raw: p.Raw, CRC32: p.CRC32, CRC32C: p.CRC32C}
}

// Source is a file of a manifest and the piece that holds its rows.
type Source struct {
	Manifest string        `json:"manifest"` // key
	File     manifest.File `json:"file"`     // as the manifest has it
	Piece    int           `json:"piece"`
	// Skip is what stands in the piece before it, in raw bytes. A piece that
	// was compressed anew holds several sources.
	Skip int64 `json:"skip,omitempty"`
	// CRC32 and CRC32C are of a source that shares its piece: of its raw
	// bytes, and of the file that View makes of it.
	CRC32  uint32 `json:"crc32,omitempty"`
	CRC32C uint32 `json:"crc32c,omitempty"`
}

// Expiry deletes files. It counts as soon as it is recorded: whoever deletes
// the files says at the end that it is done.
type Expiry struct {
	Reason string    `json:"reason"` // "older than 90 days"
	Files  []Expired `json:"files"`
}

// Expired is an object that is deleted, as it was stored: a file of a manifest,
// or a compacted one.
type Expired struct {
	manifest.File
	Manifests []string `json:"manifests"` // keys: whose rows it held
}

// Encode writes a record: JSON, and a line with the CRC-32C of all before it.
func (r *Record) Encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write record %d of %s, %s: %w", r.Number, r.Type, r.Day, err)
	}
	data = append(data, '\n')
	return fmt.Appendf(data, "%08x\n", crc32.Checksum(data, bundle.Castagnoli)), nil
}

const sumSize = len("01234567\n")

// Decode reads a record.
func Decode(data []byte) (*Record, error) {
	end := len(data) - sumSize
	if end < 0 || data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("read record: %d bytes: %w", len(data), ikada.ErrCorrupt)
	}
	sum, err := strconv.ParseUint(string(data[end:len(data)-1]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(data[:end], bundle.Castagnoli) {
		return nil, fmt.Errorf("read record: its checksum is another: %w", ikada.ErrCorrupt)
	}
	var r Record
	if err := json.Unmarshal(data[:end], &r); err != nil {
		return nil, fmt.Errorf("read record: %w: %w", ikada.ErrCorrupt, err)
	}
	if r.Version != Version {
		return nil, fmt.Errorf("read record: version %d: %w", r.Version, ikada.ErrVersion)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("read record %d of %q, %s: %w: %w", r.Number, r.Type, r.Day, ikada.ErrCorrupt, err)
	}
	return &r, nil
}

// check reports what would make following the record go wrong.
func (r *Record) check() error {
	switch {
	case !isDay(r.Day) || r.Number < 1:
		return fmt.Errorf("it has no place")
	case (r.Compaction == nil) == (r.Expiry == nil):
		return fmt.Errorf("it says nothing, or two things")
	case r.Compaction != nil:
		return r.Compaction.check(r)
	}
	return nil
}

func (c *Compaction) check(r *Record) error {
	folder, hour, err := ParseKey(c.File.Key)
	if err != nil || folder != r.Type.PathName() || hour != c.Hour || hour.Time().Format(dayForm) != r.Day {
		return fmt.Errorf("its file %q is of another day", c.File.Key)
	}
	if len(c.Sources) == 0 {
		return fmt.Errorf("it has no sources")
	}
	at, raw := int64(len(header)), int64(0)
	for i, p := range c.Pieces {
		if p.Offset != at || p.Length < 0 || p.Raw < 0 || p.Length > c.File.Size {
			return fmt.Errorf("piece %d is not behind the one before", i)
		}
		at, raw = at+p.Length, raw+p.Raw
	}
	if at+bundle.MemberOverhead-int64(len(header)) != c.File.Size || raw != c.File.Raw {
		return fmt.Errorf("the pieces are not the file")
	}
	for i, s := range c.Sources {
		if s.Piece < 0 || s.Piece >= len(c.Pieces) || s.Skip < 0 || s.File.Raw < 0 || s.Skip > c.Pieces[s.Piece].Raw-s.File.Raw {
			return fmt.Errorf("source %d is in no piece", i)
		}
	}
	return nil
}

// alone reports whether a source has its piece for itself.
func (c *Compaction) alone(i int) bool {
	s := &c.Sources[i]
	return s.File.Raw == c.Pieces[s.Piece].Raw
}

// EncodeEnd writes the end of a record: it is done, or void for a reason.
func EncodeEnd(void string) []byte {
	if void == "" {
		return []byte("done\n")
	}
	return []byte("void: " + void + "\n")
}

// decodeEnd reads an end.
func decodeEnd(data []byte) (void string, err error) {
	if string(data) == "done\n" {
		return "", nil
	}
	if why, ok := bytes.CutPrefix(bytes.TrimSuffix(data, []byte("\n")), []byte("void: ")); ok && len(why) > 0 {
		return string(why), nil
	}
	return "", fmt.Errorf("read the end of a record: %.40q: %w", data, ikada.ErrCorrupt)
}
