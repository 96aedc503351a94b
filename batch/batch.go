// Package batch is the format of a stream message: what collect stores at once
// (group commit) and buffer reads back. A batch is a run of parts; each part
// is what one sender sent under one tag, with the key that makes a resend
// recognisable.
package batch

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/ikada-io/ikada"
)

// Format says what a part's payload is.
type Format uint8

const (
	// Msgpack: concatenated Forward entries, each [time, record].
	Msgpack Format = iota + 1
	// JSON: newline-separated JSON values, each a record.
	JSON
	// JSONEntries: newline-separated Forward entries in JSON, each [time, record].
	JSONEntries
	// Bad: bytes that collect could make no record of: a reason (uvarint
	// length, text), "part i of n" as two uvarints (i from 1), then the bytes.
	Bad
)

// Key identifies a part for deduplication. The zero key identifies nothing: such
// a part is known by its position in its lane alone.
type Key [16]byte

// KeyOf returns the key of part number part (from 0) of a chunk: a hash of the
// chunk's id, of the part's uncompressed payload, and of the number.
func KeyOf(tag string, chunk, payload []byte, part int) Key {
	var b [8 + 8 + 16 + 16 + 8]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(part))
	binary.LittleEndian.PutUint64(b[8:], uint64(len(chunk)))
	sum := xxh3.Hash128(chunk).Bytes()
	copy(b[16:], sum[:])
	sum = xxh3.Hash128(payload).Bytes()
	copy(b[32:], sum[:])
	binary.LittleEndian.PutUint64(b[48:], xxh3.HashString(tag))
	return xxh3.Hash128(b[:]).Bytes()
}

// Part is what one sender sent under one tag.
type Part struct {
	Tag     string // as received, untrusted
	Format  Format
	Key     Key
	Arrival int64  // nanoseconds since the Unix epoch, by collect's clock
	Origin  string // where it came from: "forward 10.0.0.7:51234"; see PieceOrigin
	Payload []byte
}

// version is the first byte of a batch.
const version = 1

// MaxOverhead bounds what a part adds to its payload, tag and origin.
const MaxOverhead = 64

// Append appends a part to a batch. dst is empty for the first part.
func Append(dst []byte, p *Part) []byte {
	if len(dst) == 0 {
		dst = append(dst, version)
	}
	dst = append(dst, byte(p.Format))
	dst = append(dst, p.Key[:]...)
	dst = binary.AppendVarint(dst, p.Arrival)
	dst = binary.AppendUvarint(dst, uint64(len(p.Tag)))
	dst = append(dst, p.Tag...)
	dst = binary.AppendUvarint(dst, uint64(len(p.Origin)))
	dst = append(dst, p.Origin...)
	dst = binary.AppendUvarint(dst, uint64(len(p.Payload)))
	return append(dst, p.Payload...)
}

// Parts yields the parts of a batch. Tag and Origin are copies, Payload is a
// slice of data. An error ends it: the rest of data is not a batch.
func Parts(data []byte) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		if len(data) == 0 || data[0] != version {
			yield(Part{}, fmt.Errorf("read batch: %w", ikada.ErrVersion))
			return
		}
		d := decoder{rest: data[1:]}
		for len(d.rest) > 0 {
			p := d.part()
			if d.bad {
				yield(Part{}, fmt.Errorf("read batch: part at byte %d is cut short: %w", len(data)-len(d.rest), ikada.ErrCorrupt))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) part() (p Part) {
	p.Format = Format(d.take(1)[0])
	copy(p.Key[:], d.take(len(p.Key)))
	p.Arrival = d.varint()
	p.Tag = string(d.bytes())
	p.Origin = string(d.bytes())
	p.Payload = d.bytes()
	return p
}

var zeros [16]byte

// take returns n bytes, or zeros (n is at most 16 then) and sets bad.
func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.bad = true
		return zeros[:min(n, len(zeros))]
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n, w := binary.Uvarint(d.rest)
	if w <= 0 || n > uint64(len(d.rest)-w) {
		d.bad = true
		return nil
	}
	d.rest = d.rest[w:]
	return d.take(int(n))
}

// AppendBad appends a payload of format Bad: part i of n of some bytes.
func AppendBad(dst []byte, reason string, i, n int, raw []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(reason)))
	dst = append(dst, reason...)
	dst = binary.AppendUvarint(dst, uint64(i))
	dst = binary.AppendUvarint(dst, uint64(n))
	return append(dst, raw...)
}

// ParseBad is the inverse of AppendBad.
func ParseBad(payload []byte) (reason string, i, n int, raw []byte, err error) {
	d := decoder{rest: payload}
	reason = string(d.bytes())
	for _, v := range []*int{&i, &n} {
		u, w := binary.Uvarint(d.rest)
		if w <= 0 || u > 1<<30 {
			return "", 0, 0, nil, fmt.Errorf("read quarantined bytes: %w", ikada.ErrCorrupt)
		}
		*v, d.rest = int(u), d.rest[w:]
	}
	if d.bad {
		return "", 0, 0, nil, fmt.Errorf("read quarantined bytes: %w", ikada.ErrCorrupt)
	}
	return reason, i, n, d.rest, nil
}

// wholeMark stands between a piece's origin and the name of its whole.
const wholeMark = " whole "

// PieceOrigin returns the origin of a part that is one of several pieces of bad
// bytes. It bears the name of the whole, which all of its pieces have, however
// often they are sent: in the origin, as that is no matter of the key, and is
// shown as it is by a reader who knows nothing of it.
func PieceOrigin(origin string, whole Key) string {
	return origin + wholeMark + hex.EncodeToString(whole[:])
}

// ParsePieceOrigin is the inverse of PieceOrigin. whole is empty if the origin
// bears none.
func ParsePieceOrigin(s string) (origin, whole string) {
	origin, whole, _ = strings.Cut(s, wholeMark)
	return origin, whole
}
