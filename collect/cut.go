package collect

import (
	"bytes"
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect/internal/msgpack"
)

// These sizes are the cut rule. A resend is recognised part by part, so
// changing one of them makes the parts of a chunk that is resent across the
// upgrade look new.
const (
	// maxPart is where a chunk is cut: before the entry that would exceed it.
	maxPart = 2 << 20
	// maxBad is the size of a part of bytes that are no entries.
	maxBad = 4 << 20
	// partOverhead bounds what the tag, the origin, a reason and the format
	// itself add to a payload.
	partOverhead = 16 << 10
	// maxText bounds tag, origin and reason, each.
	maxText = 4 << 10
)

// sizes are those of the cut rule for a stream, whose messages may have to be
// smaller than the others'.
type sizes struct {
	part, bad int
	payload   int // of a part at most, a single entry then
}

func sizesFor(maxMessage int) sizes {
	payload := maxMessage - partOverhead
	return sizes{part: min(maxPart, payload), bad: min(maxBad, payload), payload: payload}
}

// group is where a message is closed rather than given one more part.
func (z sizes) group() int { return z.part + partOverhead }

// cutPart is a part of a chunk.
type cutPart struct {
	format  batch.Format
	payload []byte
	// whole tells what it is a piece of from others of the chunk; zero if it is no
	// piece.
	whole batch.Key
}

// cut calls yield with the parts of a chunk, in order, until it returns an
// error. The parts depend on nothing but the sizes and the chunk's tag, format and
// payload: the same chunk is always cut into the same parts. What is no run of entries
// becomes parts of format Bad.
func (z sizes) cut(c *Chunk, yield func(cutPart) error) error {
	if len(c.Tag) > maxText {
		reason := fmt.Sprintf("tag of %d bytes is longer than %d: shorten the tag", len(c.Tag), ikada.MaxLogTypeBytes)
		return z.cutBad(reason, c.Payload, 0, yield)
	}
	if c.Format == batch.Bad {
		return z.cutBad(c.Reason, c.Payload, 0, yield)
	}
	if len(c.Payload) <= z.part {
		return yield(cutPart{format: c.Format, payload: c.Payload})
	}
	return z.cutEntries(c.Format, c.Payload, yield)
}

func (z sizes) cutEntries(f batch.Format, payload []byte, yield func(cutPart) error) error {
	start, pos := 0, 0 // payload[start:pos] waits to be yielded
	flush := func() error {
		part := payload[start:pos]
		start = pos
		if len(part) == 0 {
			return nil
		}
		return yield(cutPart{format: f, payload: part})
	}
	for pos < len(payload) {
		n, err := entry(f, payload[pos:])
		if err != nil {
			reason := fmt.Sprintf("the chunk breaks off behind %d bytes of good entries: %v", pos, err)
			if err := flush(); err != nil {
				return err
			}
			return z.cutBad(reason, payload[pos:], pos, yield)
		}
		if pos+n-start > z.part {
			if err := flush(); err != nil {
				return err
			}
		}
		if n > z.payload {
			reason := fmt.Sprintf("entry of %d bytes is larger than %d: split the event", n, z.payload)
			if err := z.cutBad(reason, payload[pos:pos+n], pos, yield); err != nil {
				return err
			}
			start = pos + n
		}
		pos += n
	}
	return flush()
}

// entry returns the length of a payload's first entry.
func entry(f batch.Format, b []byte) (int, error) {
	if f == batch.Msgpack {
		return msgpack.Entry(b)
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1, nil
	}
	return len(b), nil
}

// cutBad cuts bytes that stand at a place of the chunk.
func (z sizes) cutBad(reason string, raw []byte, at int, yield func(cutPart) error) error {
	reason = reason[:min(len(reason), maxText)]
	n := max(1, (len(raw)+z.bad-1)/z.bad)
	var whole batch.Key
	if n > 1 {
		whole = batch.KeyOf("", nil, raw, at)
	}
	for i := range n {
		piece := raw[i*z.bad : min((i+1)*z.bad, len(raw))]
		if err := yield(cutPart{batch.Bad, batch.AppendBad(nil, reason, i+1, n, piece), whole}); err != nil {
			return err
		}
	}
	return nil
}
