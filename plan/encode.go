package plan

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
)

// A plan or amendment as stored: magic (8 bytes), format version (4 bytes,
// little-endian), MessagePack, and the CRC-32C of all before it (4 bytes,
// little-endian). Every version keeps this frame, so that an unknown version
// is told from damage.
const (
	planMagic  = "ikadapln"
	amendMagic = "ikadaamd"
	version    = 1
	headSize   = 12
)

func start(magic string) []byte {
	return binary.LittleEndian.AppendUint32([]byte(magic), version)
}

func finish(data []byte) []byte {
	return binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, bundle.Castagnoli))
}

// open returns what a frame holds.
func open(magic string, data []byte) ([]byte, error) {
	end := len(data) - 4
	if end < headSize || string(data[:len(magic)]) != magic ||
		crc32.Checksum(data[:end], bundle.Castagnoli) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, ikada.ErrCorrupt
	}
	if v := binary.LittleEndian.Uint32(data[len(magic):]); v != version {
		return nil, fmt.Errorf("version %d: %w", v, ikada.ErrVersion)
	}
	return data[headSize:end], nil
}

// Encode writes a plan; the same plan gives the same bytes.
func (p *Plan) Encode() ([]byte, error) {
	w := p.wire()
	data := start(planMagic)
	data = append(make([]byte, 0, len(data)+w.Msgsize()+4), data...)
	data, err := w.MarshalMsg(data)
	if err != nil {
		return nil, fmt.Errorf("encode plan %d: %w", p.Number, err)
	}
	return finish(data), nil
}

// Decode reads a plan.
func Decode(data []byte) (*Plan, error) {
	body, err := open(planMagic, data)
	if err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	var w wirePlan
	rest, err := w.UnmarshalMsg(body)
	if err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("decode plan: %d bytes left: %w: %w", len(rest), ikada.ErrCorrupt, err)
	}
	p, err := w.plan()
	if err != nil {
		return nil, fmt.Errorf("decode plan %d: %w", w.Number, err)
	}
	return p, nil
}

// Read reads plan n from the buffer bucket.
func Read(ctx context.Context, b bucket.Bucket, n uint64) (*Plan, error) {
	data, err := b.Get(ctx, Key(n), 0, -1, nil)
	if err != nil {
		return nil, fmt.Errorf("read plan %d: %w", n, err)
	}
	p, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("read plan %d: %w", n, err)
	}
	if p.Number != n {
		return nil, fmt.Errorf("read plan %d: it says that it is %d: %w", n, p.Number, ikada.ErrCorrupt)
	}
	return p, nil
}

// Done reports whether plan n is executed.
func Done(ctx context.Context, b bucket.Bucket, n uint64) (bool, error) {
	_, err := b.Stat(ctx, DoneKey(n))
	switch {
	case errors.Is(err, ikada.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for the end of plan %d: %w", n, err)
	}
	return true, nil
}
