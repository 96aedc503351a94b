// Package rowflate compresses the rows of a segment to DEFLATE, faster than a
// general library can, since it knows what rows are like: the rows of a segment
// repeat one sequence of keys, and so most of a row is a copy of pieces of the
// rows before, each from one punctuation mark to another. Compressing is the
// greatest part of what a record costs on its way, so this code is Ikada's own.
// Any reader of DEFLATE reads what it writes. What does not look like rows is
// left to the library.
package rowflate

import "github.com/klauspost/compress/flate"

// Encoder compresses segments, one after the other. It is not safe for
// concurrent use. Its memory, some 250 KB, is kept from segment to segment.
type Encoder struct {
	table   table
	tokens  [blockTokens + overrun]token
	counts  [1 << symbolBits]uint32
	codes   codes
	lengths [symbols]uint8
	header  header
	huffman huffman
	bits    bitWriter

	library *flate.Writer // nil before it was needed
}

// New returns an encoder.
func New() *Encoder { return new(Encoder) }

// Append appends raw to dst, compressed: DEFLATE blocks with a fresh window,
// none of them final, and a sync flush. The same bytes always give the same.
func (e *Encoder) Append(dst, raw []byte) []byte { return e.AppendLike(dst, raw, nil) }

// AppendLike is Append of a segment whose rows are like those that the same
// codes were used for before. So what it appends depends on those, too.
func (e *Encoder) AppendLike(dst, raw []byte, codes *Codes) []byte {
	clear(e.table[:])
	e.bits = bitWriter{out: dst}
	for from := 0; from < len(raw); {
		tokens, to := e.tokenize(raw, from)
		if from == 0 && isText(len(tokens), to) {
			return e.general(dst, raw)
		}
		if !e.like(tokens, raw[from:to], codes) && e.block(tokens, raw[from:to]) {
			e.learn(len(tokens), codes)
		}
		from = to
	}
	w := &e.bits
	w.reserve(8)
	w.write(0, 3) // an empty stored block
	w.align()
	w.write(0xffff0000, 32)
	dst, w.out = w.out, nil
	return dst
}
