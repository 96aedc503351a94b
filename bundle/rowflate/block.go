package rowflate

import "encoding/binary"

// fixed are the lengths of the codes that need no description.
var fixedLengths = func() (lengths [symbols]uint8) {
	for s := range lengths {
		switch {
		case s < 144:
			lengths[s] = 8
		case s < 256:
			lengths[s] = 9
		case s < 280:
			lengths[s] = 7
		case s < literals:
			lengths[s] = 8
		default:
			lengths[s] = 5
		}
	}
	return lengths
}()

// block writes a block in its shortest form: with codes of its own, with the
// fixed ones, or the raw bytes. It reports whether the codes are its own.
func (e *Encoder) block(tokens []token, raw []byte) bool {
	e.count(tokens)
	own := e.ownCodes()
	fixed := 3 + e.size(&fixedLengths)
	stored := 8 * (len(raw) + 5*(len(raw)/maxStored+1))
	w := &e.bits
	switch {
	case stored <= min(own, fixed):
		w.reserve(stored/8 + 1)
		w.stored(raw)
		return false
	case fixed <= own:
		w.reserve(fixed/8 + 1)
		w.write(0b010, 3)
		e.body(tokens, &fixedLengths)
		return false
	}
	w.reserve(own/8 + 1)
	e.header.write(w)
	e.body(tokens, &e.lengths)
	return true
}

// ownCodes makes codes for the symbols counted, and returns how many bits a
// block has with them.
func (e *Encoder) ownCodes() int {
	e.huffman.lengths(e.lengths[:literals], e.counts[:literals], maxCodeLength)
	e.huffman.lengths(e.lengths[firstDistance:], e.counts[firstDistance:symbols], maxCodeLength)
	return e.header.describe(&e.lengths, &e.huffman) + e.size(&e.lengths)
}

// count counts the symbols of a block.
func (e *Encoder) count(tokens []token) {
	counts := &e.counts
	clear(counts[:])
	for _, t := range tokens {
		counts[t&symbolMask]++
	}
	counts[endOfBlock] = 1
	// Some readers refuse a code of fewer than two symbols.
	for s := firstDistance; s < firstDistance+2; s++ {
		counts[s] = max(counts[s], 1)
	}
}

// size returns how many bits the symbols counted take.
func (e *Encoder) size(lengths *[symbols]uint8) (n int) {
	for s := range lengths {
		n += int(e.counts[s]) * int(lengths[s]+extraBits[s])
	}
	return n
}

// body writes tokens and the end of the block.
func (e *Encoder) body(tokens []token, lengths *[symbols]uint8) {
	e.codes.assignAll(lengths)
	e.bits.tokens(tokens, &e.codes)
	e.bits.tokens(end, &e.codes)
}

// end is what is behind a block's tokens.
var end = []token{endOfBlock}

// assignAll makes the codes of both alphabets.
func (c *codes) assignAll(lengths *[symbols]uint8) {
	c.assign(0, lengths[:literals], extraBits[:literals])
	c.assign(firstDistance, lengths[firstDistance:], extraBits[firstDistance:])
}

// tokens writes tokens into room that is reserved. It has its own copy of what
// write does, for two tokens at once: this is where most of the time goes that
// is not spent looking for matches.
func (w *bitWriter) tokens(tokens []token, c *codes) {
	out, at, acc, n := w.out[:cap(w.out)], len(w.out), w.acc, w.n
	i := 0
	for ; i+1 < len(tokens); i += 2 {
		t := tokens[i]
		s := t & symbolMask
		acc |= (uint64(c.bits[s]) | uint64(t>>symbolBits)<<(c.length[s]&63)) << (n & 63)
		n += uint(c.total[s])
		t = tokens[i+1]
		s = t & symbolMask
		acc |= (uint64(c.bits[s]) | uint64(t>>symbolBits)<<(c.length[s]&63)) << (n & 63)
		n += uint(c.total[s]) // at most 7 + 2·28
		binary.LittleEndian.PutUint64(out[at:at+8:at+8], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
	}
	w.out, w.acc, w.n = out[:at], acc, n
	if i < len(tokens) {
		t := tokens[i]
		s := t & symbolMask
		w.write(uint64(c.bits[s])|uint64(t>>symbolBits)<<(c.length[s]&63), uint(c.total[s]))
	}
}

const maxStored = 1<<16 - 1

// stored writes raw bytes.
func (w *bitWriter) stored(raw []byte) {
	for len(raw) > 0 {
		n := min(len(raw), maxStored)
		w.write(0, 3)
		w.align()
		w.write(uint64(n)|uint64(^uint16(n))<<16, 32)
		w.out = append(w.out, raw[:n]...)
		raw = raw[n:]
	}
}
