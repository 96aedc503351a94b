// Package bundle is the format of an object in the buffer bucket: what one
// buffer run took from one lane, compressed per segment. docs/formats.md
// describes it for other readers.
package bundle

import (
	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// SegmentKey names a segment: one log type, one hour, one class.
type SegmentKey struct {
	Type  ikada.LogType
	Hour  ikada.Hour
	Class ikada.Class
}

// Stats is what is known of a segment's rows.
type Stats struct {
	Rows   int64
	First  int64         // least _time, nanoseconds since the Unix epoch
	Last   int64         // greatest _time
	Fields []ikada.Field // in the order first seen
}

// Source is a segment for a bundle: rows, newline-delimited JSON, compressed.
type Source struct {
	SegmentKey
	Stats
	Packed
}

// Extent is where a segment's compressed bytes are, and what they must be.
type Extent struct {
	Offset int64  // in the bundle
	Length int64  // compressed bytes
	Raw    int64  // uncompressed bytes
	CRC32  uint32 // IEEE, of the uncompressed bytes
	CRC32C uint32 // Castagnoli, of the compressed bytes
}

// Segment is an index entry.
type Segment struct {
	SegmentKey
	Stats
	Extent
}

// Head is what a bundle says of itself beside its segments.
type Head struct {
	Lane         ikada.Lane
	Ordinal      uint64         // 1 for a lane's first bundle, then without gaps
	First        ikada.Position // of the messages taken
	Last         ikada.Position
	Previous     ikada.Position // the predecessor's Last, "" for the first
	Keys         []batch.Key    // dedupe keys of the parts taken
	Dropped      []TypeCount    // duplicate rows dropped, by log type
	FirstArrival int64          // nanoseconds since the Unix epoch
	LastArrival  int64
	Created      int64
}

// TypeCount counts rows of a log type.
type TypeCount struct {
	Type ikada.LogType
	Rows int64
}

// Index describes a bundle.
type Index struct {
	Head
	Segments []Segment // back to back, from offset 0
	Size     int64     // of the whole object
}
