package bundle

import (
	"context"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"

	"github.com/ikada-io/ikada/bundle/rowflate"
)

// unitBytes is how much raw log a compressor takes at once: enough to be worth
// handing over, little enough to share a bundle between the cores.
const unitBytes = 256 << 10

// Pool holds compressors, one a core, for all lanes of a process.
type Pool struct {
	compressors chan *rowflate.Encoder
	size        int
	buffers     sync.Pool // of *[]byte
}

// NewPool makes a pool of n compressors.
func NewPool(n int) *Pool {
	p := &Pool{compressors: make(chan *rowflate.Encoder, max(n, 1)), size: max(n, 1)}
	for range p.size {
		p.compressors <- rowflate.New()
	}
	return p
}

func (p *Pool) buffer() []byte {
	if b, ok := p.buffers.Get().(*[]byte); ok {
		return *b
	}
	return nil
}

// Release gives the memory of a body that Write returned back to the pool. The
// body must not be used afterwards.
func (p *Pool) Release(body [][]byte) {
	for _, piece := range body {
		piece = piece[:0]
		p.buffers.Put(&piece)
	}
}

// Write makes a bundle: it compresses the sources in parallel and returns the
// object in pieces. The same sources give the same bytes. Hand the body to
// Release when it is stored. Index.Segments is parallel to sources and shares
// their Fields.
func Write(ctx context.Context, p *Pool, head Head, sources []Source) (body [][]byte, _ *Index, err error) {
	x := &Index{Head: head, Segments: make([]Segment, len(sources))}
	body, err = p.compress(ctx, sources, x.Segments)
	if err != nil {
		p.Release(body)
		return nil, nil, fmt.Errorf("write bundle %s: %w", Key(head.Lane, head.Ordinal), err)
	}
	var f footer
	for i := range x.Segments {
		x.Segments[i].Offset = f.offset
		f.offset += x.Segments[i].Length
	}
	tail, err := x.appendWire(p.buffer())
	if err != nil {
		p.Release(body)
		return nil, nil, fmt.Errorf("write bundle %s: encode index: %w", Key(head.Lane, head.Ordinal), err)
	}
	f.length, f.crc32c = int64(len(tail)), crc32.Checksum(tail, Castagnoli)
	x.Size = f.offset + f.length + footerSize
	return append(body, f.append(tail)), x, nil
}

// compress fills in the segments but for their offsets, and returns their
// bytes: one piece a unit, a run of neighbouring sources.
func (p *Pool) compress(ctx context.Context, sources []Source, segments []Segment) ([][]byte, error) {
	starts := units(sources)
	n := len(starts) - 1
	body := make([][]byte, n)
	errs := make([]error, n)
	var next atomic.Int64
	work := func() {
		for u := int(next.Add(1)) - 1; u < n; u = int(next.Add(1)) - 1 {
			body[u], errs[u] = p.unit(ctx, sources[starts[u]:starts[u+1]], segments[starts[u]:starts[u+1]])
		}
	}
	var wait sync.WaitGroup
	for range min(p.size, n) - 1 {
		wait.Go(work)
	}
	work()
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return body, err
		}
	}
	return body, nil
}

// units returns where each unit starts, and the end.
func units(sources []Source) []int {
	var starts []int
	size := unitBytes
	for i := range sources {
		if size >= unitBytes {
			starts = append(starts, i)
			size = 0
		}
		size += len(sources[i].Raw)
	}
	return append(starts, len(sources))
}

func (p *Pool) unit(ctx context.Context, sources []Source, segments []Segment) ([]byte, error) {
	var e *rowflate.Encoder
	select {
	case e = <-p.compressors:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { p.compressors <- e }()
	out := p.buffer()
	for i := range sources {
		start := len(out)
		out = e.Append(out, sources[i].Raw)
		compressed := out[start:]
		segments[i] = Segment{sources[i].SegmentKey, sources[i].Stats, Extent{
			Length: int64(len(compressed)),
			Raw:    int64(len(sources[i].Raw)),
			CRC32:  crc32.ChecksumIEEE(sources[i].Raw),
			CRC32C: crc32.Checksum(compressed, Castagnoli),
		}}
	}
	return out, nil
}
