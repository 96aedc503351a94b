package buffer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/record"
)

// heldOf tells which of an object's records their own lane holds, and makes
// sure that it takes none of them from now on; ErrInDoubt if nothing tells.
func (b *Batches) heldOf(ctx context.Context, u *Unpacked) (map[ikada.Position]bool, error) {
	held := map[ikada.Position]bool{}
	if u.Lane == (ikada.Lane{}) || u.Undelivered {
		return held, nil
	}
	first, last := u.Records[0].Position, u.Records[len(u.Records)-1].Position
	// The lane passes them, with an empty bundle if need be. Its records come in
	// order, so all before them were delivered, or set aside, before they were.
	if err := b.takeLocked(ctx, u.Lane, []Record{{Position: last, Parts: func() []batch.Part { return nil }}}); err != nil {
		return nil, err
	}
	for info, err := range b.buffer.bucket.List(ctx, bundle.Folder(u.Lane), "") {
		if err != nil {
			return nil, fmt.Errorf("list bundles of lane %s: %w", u.Lane, err)
		}
		x, err := bundle.ReadIndex(ctx, b.buffer.bucket, info.Key)
		if errors.Is(err, ikada.ErrNotFound) || errors.Is(err, ikada.ErrCorrupt) {
			break // nothing tells what was in it
		}
		if err != nil {
			return nil, fmt.Errorf("read index of bundle %s: %w", info.Key, err)
		}
		if first <= x.Last && x.First <= last {
			if err := b.findIn(ctx, info.Key, x, u.Records, held); err != nil {
				return nil, err
			}
		}
		if x.Previous < first {
			return held, nil // all bundles that may hold them were seen
		}
	}
	return held, ErrInDoubt
}

// findIn notes those of the records that a bundle has rows of. A record that
// made no rows there makes none again, or they are in the chunk window.
func (b *Batches) findIn(ctx context.Context, key string, x *bundle.Index, records []Record, held map[ikada.Position]bool) error {
	ids := map[string]ikada.Position{}
	for _, r := range records {
		if x.First <= r.Position && r.Position <= x.Last {
			ids[record.MessageID(x.Lane, r.Position)] = r.Position
		}
	}
	for i := range x.Segments {
		s := &x.Segments[i]
		data, err := b.buffer.bucket.Get(ctx, key, s.Offset, s.Length, nil)
		if err != nil {
			return fmt.Errorf("read bundle %s: %w", key, err)
		}
		if err := eachLine(s, data, func(line []byte) {
			if p, ok := ids[messageOf(line)]; ok {
				held[p] = true
			}
		}); err != nil {
			return fmt.Errorf("read bundle %s: %w", key, err)
		}
	}
	return nil
}

// eachLine calls f with the beginning of each line of a segment.
func eachLine(s *bundle.Segment, compressed []byte, f func(line []byte)) error {
	var m bundle.Member
	m.Add(s.Extent, compressed)
	packed, err := gzip.NewReader(bytes.NewReader(bytes.Join(m.Body(), nil)))
	if err != nil {
		return err
	}
	for r := bufio.NewReader(packed); ; {
		line, more, err := r.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f(line)
		for ; more && err == nil; _, more, err = r.ReadLine() {
		}
	}
}

// messageOf returns the part of a row's _id that its message gives.
func messageOf(line []byte) string {
	id, ok := bytes.CutPrefix(line, []byte(`{"`+record.FieldID+`":"`))
	if !ok {
		return ""
	}
	id, _, _ = bytes.Cut(id, []byte{'"'})
	return string(id[:bytes.LastIndexByte(id, '-')+1])
}
