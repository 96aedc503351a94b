package rowflate

import "math/bits"

// token is a symbol and the extra bits behind it: a literal byte, the length of
// a match, or the distance of a match, which follows its length. All have one
// form, so that who counts or writes them need not tell them apart: a branch
// that goes another way each time is what costs most here.
type token uint32

// The symbols: the alphabet of literals and lengths, then that of distances.
const (
	endOfBlock    = 256
	firstLength   = 257
	behindLengths = 286 // the two from here on are never used
	literals      = 288
	firstDistance = literals
	distances     = 30
	symbols       = firstDistance + distances

	symbolBits = 9
	symbolMask = 1<<symbolBits - 1
)

const (
	window   = 1 << 15       // the greatest distance
	minMatch = 4             // a shorter match costs as much as its literals
	maxMatch = 258           // one token's
	longest  = 32 * maxMatch // of a match that is cut into several

	// blockTokens is how many tokens make a block: some 450 rows, so that the
	// 128 KB of them that come at once are one block and no second, small one,
	// and what a core's cache has room for.
	blockTokens = 40 << 10
	// overrun is how many tokens more a block may have.
	overrun = 2*(longest/maxMatch+1) + margin
)

// lengthToken has the token of each length.
var lengthToken = func() (t [maxMatch + 1]token) {
	for n := 3; n < maxMatch; n++ {
		v := uint32(n - 3)
		if v < 8 {
			t[n] = token(firstLength + v)
			continue
		}
		extra := uint32(bits.Len32(v)) - 3
		t[n] = token(firstLength + extra<<2 + v>>extra | (v&(1<<extra-1))<<symbolBits)
	}
	t[maxMatch] = 285
	return t
}()

// distanceToken returns the token of a distance from 1 to window.
func distanceToken(d uint32) token {
	v := d - 1
	i := v
	if v >= 256 {
		i = 256 + v>>7 // symbols change at multiples of 128 there
	}
	return distanceSymbols[i&511] + token(v<<symbolBits)
}

// distanceSymbols has the symbol of each distance less one, and from 256 on of
// 128 at a time, without the extra bits of the least distance of the symbol: so
// adding a distance makes a token, which takes fewer steps than looking for its
// highest bit.
var distanceSymbols = func() (t [512]token) {
	for i := range t {
		v := uint32(i)
		if i >= 256 {
			v = uint32(i-256) << 7
		}
		extra := max(bits.Len32(v)-2, 0)
		prefix := v >> extra
		t[i] = token(firstDistance+uint32(extra)<<1+prefix) - token(prefix<<extra<<symbolBits)
	}
	return t
}()

// extraBits has the number of extra bits of each symbol.
var extraBits = func() (t [symbols]uint8) {
	for n := range 28 {
		t[firstLength+n] = uint8(max(n/4-1, 0))
	}
	for n := range distances {
		t[firstDistance+n] = uint8(max(n/2-1, 0))
	}
	return t
}()
