package kinesisrecord

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// A sealed record is one of Ikada's own: eight bytes that tell it, a byte that
// says how the rest is compressed, and a batch. The mark is outside of the
// compression, so nothing that a producer sends inside of an event or an
// aggregate can be taken for it.
const (
	sealMagic = "ikadabat"
	stored    = 0
	zstandard = 1
)

// SealOverhead bounds what a record has more than its batch.
const SealOverhead = len(sealMagic) + 1

// Sealer makes records of batches. It is safe for concurrent use.
type Sealer struct{ encoder *zstd.Encoder }

// NewSealer returns a sealer.
func NewSealer() (*Sealer, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, fmt.Errorf("make a zstd encoder: %w", err)
	}
	return &Sealer{e}, nil
}

// Seal appends a batch as a record to dst.
func (s *Sealer) Seal(dst, data []byte) []byte {
	start := len(dst)
	dst = s.encoder.EncodeAll(data, append(append(dst, sealMagic...), zstandard))
	if len(dst)-start > len(sealMagic)+1+len(data) {
		dst = append(append(append(dst[:start], sealMagic...), stored), data...)
	}
	return dst
}

// sealed returns what stands behind the mark of a record of Ikada's own.
func sealed(b []byte) ([]byte, bool) {
	if len(b) <= len(sealMagic) || string(b[:len(sealMagic)]) != sealMagic {
		return nil, false
	}
	return b[len(sealMagic):], true
}

// unseal returns the parts of a batch, as they were put. If it is broken, what
// is whole of it comes first, and the record as it came in quarantine.
func (d *Decoder) unseal(body []byte) []batch.Part {
	data, err := body[1:], error(nil)
	switch body[0] {
	case stored:
	case zstandard:
		d.limit = int(d.left)
		if err = d.unzstd(data); err == nil {
			data = d.memory
		}
	default:
		err = fmt.Errorf("compression %d of a record of Ikada's own: %w", body[0], ikada.ErrVersion)
	}
	if err == nil {
		for p, e := range batch.Parts(data) {
			if err = e; err == nil {
				d.out = append(d.out, p)
			}
		}
	}
	if err != nil {
		whole := len(d.out)
		p := badPart(fmt.Errorf("a record of Ikada's own is broken behind %d parts: %w", whole, err), d.rec.Data)
		p.Arrival, p.Origin = d.rec.Arrival.UnixNano(), origin(d.rec)
		d.out = append(d.out, p)
	}
	return d.out
}
