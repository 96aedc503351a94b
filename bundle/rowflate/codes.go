package rowflate

// Codes are remembered from segment to segment of like rows, such as those of a
// log type: symbols occur about as often in all of them, so what was the best
// for one is good for the next. That spares counting symbols and making codes,
// which is a tenth of all time with segments of 128 KB and a third with 8 KB,
// and costs a few thousandths of the size. The zero value knows none yet.
type Codes struct{ known *known }

// known are codes that can write every symbol.
type known struct {
	codes  codes
	header header // what describes them
	most   int    // bits of 1,024 tokens; with more they are not good any more
	tokens int    // of the block they were made for
	uses   int
}

const (
	// fewTokens are too few to judge codes by: a header for all symbols would be
	// too large a part of the block.
	fewTokens = 1 << 10
	// muchLarger is how many times larger a block wants codes of its own.
	muchLarger = 4
	// maxUses is how often codes are used before new ones are made.
	maxUses = 32
	// someTokens are written with one look for room. Each takes less than
	// four bytes, a length and a distance less than eight.
	someTokens = 512
)

// like writes a block with the codes that are known, if they are good enough.
func (e *Encoder) like(tokens []token, raw []byte, c *Codes) bool {
	if c == nil || c.known == nil || len(tokens) < fewTokens {
		return false
	}
	k, w := c.known, &e.bits
	if k.uses == maxUses || len(tokens) > muchLarger*k.tokens {
		return false
	}
	k.uses++
	start, from := *w, len(w.out)
	w.reserve(headerBytes)
	k.header.write(w)
	for rest := tokens; len(rest) > 0; {
		some := rest[:min(len(rest), someTokens)]
		rest = rest[len(some):]
		w.reserve(4 * someTokens)
		w.tokens(some, &k.codes)
	}
	w.reserve(4)
	w.tokens(end, &k.codes)
	if n := len(w.out) - from; n > len(raw) || 8*n > len(tokens)*k.most>>10 {
		start.out = w.out[:from] // where there is room now
		*w = start
		return false
	}
	return true
}

// learn makes codes of what was counted in a block of so many tokens.
func (e *Encoder) learn(tokens int, c *Codes) {
	if c == nil || tokens < fewTokens {
		return
	}
	if c.known == nil {
		c.known = new(known)
	}
	const weight = 8 // of a symbol that occurred, beside those that did not
	for s := range e.counts[:symbols] {
		if s < behindLengths || s >= firstDistance {
			e.counts[s] = e.counts[s]*weight + 1
		}
	}
	size := e.ownCodes()
	k := c.known
	runs := append(k.header.runs[:0], e.header.runs...)
	k.header = e.header
	k.header.runs = runs
	k.codes.assignAll(&e.lengths)
	size /= weight
	k.most, k.tokens, k.uses = (size+size/32)<<10/tokens, tokens, 0
}
