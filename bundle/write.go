package bundle

import (
	"fmt"
	"hash/crc32"
)

// Write makes a bundle of compressed segments and returns the object in pieces.
// Index.Segments is parallel to sources and shares their Fields.
func Write(head Head, sources []Source) (body [][]byte, _ *Index, err error) {
	x := &Index{Head: head, Segments: make([]Segment, len(sources))}
	var f footer
	for i, s := range sources {
		s.Offset = f.offset
		f.offset += s.Length
		x.Segments[i] = Segment{s.SegmentKey, s.Stats, s.Extent}
		body = append(body, s.Pieces...)
	}
	tail, err := x.appendWire(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("write bundle %s: encode index: %w", Key(head.Lane, head.Ordinal), err)
	}
	f.length, f.crc32c = int64(len(tail)), crc32.Checksum(tail, Castagnoli)
	x.Size = f.offset + f.length + footerSize
	return append(body, f.append(tail)), x, nil
}
