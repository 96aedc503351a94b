package rowflate

import (
	"math/bits"
	"slices"
)

// codes are how symbols are written. Their parts are apart so that each is
// loaded by one instruction: taking them out of a word is more of them, and
// instructions are what writing tokens costs.
type codes struct {
	bits   [1 << symbolBits]uint16
	length [1 << symbolBits]uint8 // of bits
	total  [1 << symbolBits]uint8 // length and extra bits
}

const maxCodeLength = 15

// huffman makes codes. It is memory that is used again.
type huffman struct {
	order, work [literals]uint32
}

// lengths makes the lengths of an optimal code for symbols that occur so often,
// none longer than limit. Symbols that do not occur have none. The counts add
// up to less than 2^23.
func (h *huffman) lengths(dst []uint8, counts []uint32, limit int) {
	order := h.order[:0]
	for s, n := range counts {
		if dst[s] = 0; n > 0 {
			order = append(order, n<<symbolBits|uint32(s))
		}
	}
	slices.Sort(order) // the rarest first
	work := h.work[:len(order)]
	for i, o := range order {
		work[i] = o >> symbolBits
	}
	depths(work)
	var per [maxCodeLength + 1]int
	for _, n := range work {
		per[min(int(n), limit)]++
	}
	shorten(per[:limit+1])
	for n, i := limit, 0; n > 0; n-- {
		for range per[n] {
			dst[order[i]&symbolMask] = uint8(n)
			i++
		}
	}
}

// depths replaces two or more counts in ascending order by the depths of their
// symbols in a Huffman tree: Moffat and Katajainen, In-Place Calculation of
// Minimum-Redundancy Codes (1995).
func depths(a []uint32) {
	n := len(a)
	// Make the inner nodes: first their weights, then who is their parent.
	a[0] += a[1]
	root, leaf := 0, 2
	for next := 1; next < n-1; next++ {
		take := func() (weight uint32) {
			if leaf >= n || root < next && a[root] < a[leaf] {
				weight, a[root] = a[root], uint32(next)
				root++
				return weight
			}
			leaf++
			return a[leaf-1]
		}
		first := take()
		a[next] = first // take must not see the weight that was here
		a[next] = first + take()
	}
	// The parents' depths, from the tree's top down.
	a[n-2] = 0
	for next := n - 3; next >= 0; next-- {
		a[next] = a[a[next]] + 1
	}
	// The leaves' depths.
	root, next := n-2, n-1
	for open, depth := 1, uint32(0); open > 0; depth++ {
		inner := 0
		for ; root >= 0 && a[root] == depth; root-- {
			inner++
		}
		for ; open > inner; open-- {
			a[next] = depth
			next--
		}
		open = 2 * inner
	}
}

// shorten repairs the numbers of codes per length, of which the last counts
// longer ones too, so that they are those of a code again.
func shorten(per []int) {
	limit := len(per) - 1
	used := 0 // of 2^limit
	for n := 1; n <= limit; n++ {
		used += per[n] << (limit - n)
	}
	for ; used > 1<<limit; used-- {
		n := limit - 1
		for per[n] == 0 {
			n--
		}
		// A code moves down a level, and one of the longest beside it.
		per[n]--
		per[n+1] += 2
		per[limit]--
	}
}

// assign makes the codes of an alphabet from their lengths, in DEFLATE's order.
// first is the symbol that the alphabet begins with, and extra has the number of
// each symbol's extra bits.
func (c *codes) assign(first int, lengths, extra []uint8) {
	var next [maxCodeLength + 2]uint32
	for _, n := range lengths {
		if n > 0 {
			next[n+1]++
		}
	}
	for n := 1; n < len(next); n++ {
		next[n] = (next[n-1] + next[n]) << 1
	}
	for i, n := range lengths {
		s := first + i
		c.bits[s], c.length[s], c.total[s] = 0, 0, 0
		if n > 0 {
			c.bits[s] = bits.Reverse16(uint16(next[n])) >> (16 - n)
			c.length[s], c.total[s] = n, n+extra[i]
			next[n]++
		}
	}
}
