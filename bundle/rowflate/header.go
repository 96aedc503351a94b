package rowflate

// A block with codes of its own begins with their lengths, which are
// themselves compressed: with runs, and a third code.

const (
	repeatLast  = 16 // the length before, 3 to 6 times more
	repeatZero  = 17 // zero, 3 to 10 times
	manyZeros   = 18 // zero, 11 to 138 times
	runSymbols  = 19
	runMaxCode  = 7
	headerBytes = 512 // more than a header can have
)

// runOrder is the order in which the lengths of the third code are written.
var runOrder = [runSymbols]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

var runExtra = [runSymbols]uint8{repeatLast: 2, repeatZero: 3, manyZeros: 7}

// header describes a block's two codes.
type header struct {
	literals, distances int // lengths that are written
	lengths             [symbols]uint8
	runs                []token // made of lengths
	runLengths          [runSymbols]uint8
	runCount            int // lengths of the third code that are written
}

// describe makes the header of codes with such lengths and returns its bits.
func (h *header) describe(lengths *[symbols]uint8, huff *huffman) (size int) {
	h.literals = trimmed(lengths[:endOfBlock+30], endOfBlock+1)
	h.distances = trimmed(lengths[firstDistance:], 1)
	n := copy(h.lengths[:], lengths[:h.literals])
	n += copy(h.lengths[n:], lengths[firstDistance:firstDistance+h.distances])
	h.runs = appendRuns(h.runs[:0], h.lengths[:n])
	var counts [runSymbols]uint32
	for _, r := range h.runs {
		counts[r&symbolMask]++
	}
	huff.lengths(h.runLengths[:], counts[:], runMaxCode)
	h.runCount = runSymbols
	for h.runCount > 4 && h.runLengths[runOrder[h.runCount-1]] == 0 {
		h.runCount--
	}
	size = 3 + 5 + 5 + 4 + 3*h.runCount
	for s, n := range counts {
		size += int(n) * int(h.runLengths[s]+runExtra[s])
	}
	return size
}

// trimmed returns the number of lengths without the zeros at the end.
func trimmed(lengths []uint8, least int) int {
	n := len(lengths)
	for n > least && lengths[n-1] == 0 {
		n--
	}
	return n
}

// write writes the header of a block that is not the last, into room that is
// reserved.
func (h *header) write(w *bitWriter) {
	w.write(0b100, 3)
	w.write(uint64(h.literals-257), 5)
	w.write(uint64(h.distances-1), 5)
	w.write(uint64(h.runCount-4), 4)
	for _, s := range runOrder[:h.runCount] {
		w.write(uint64(h.runLengths[s]), 3)
	}
	var c codes
	c.assign(0, h.runLengths[:], runExtra[:])
	w.tokens(h.runs, &c)
}

// appendRuns turns lengths into runs.
func appendRuns(dst []token, lengths []uint8) []token {
	for i := 0; i < len(lengths); {
		v, n := lengths[i], 1
		for i+n < len(lengths) && lengths[i+n] == v {
			n++
		}
		i += n
		if v != 0 {
			dst = append(dst, token(v))
			n--
		}
		for n >= 3 {
			k := min(n, 6)
			switch {
			case v != 0:
				dst = append(dst, repeatLast|token(k-3)<<symbolBits)
			case n < 11:
				k = min(n, 10)
				dst = append(dst, repeatZero|token(k-3)<<symbolBits)
			default:
				k = min(n, 138)
				dst = append(dst, manyZeros|token(k-11)<<symbolBits)
			}
			n -= k
		}
		for range n {
			dst = append(dst, token(v))
		}
	}
	return dst
}
