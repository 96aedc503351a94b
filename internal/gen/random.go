package gen

import "math/bits"

// random is splitmix64: a good small generator that can begin anywhere, so
// that event i needs none of the events before it.
type random struct{ state uint64 }

const golden = 0x9e3779b97f4a7c15

func newRandom(seed, i uint64) random {
	return random{state: mix(seed+golden) ^ mix(i*golden+1)}
}

func (r *random) next() uint64 {
	r.state += golden
	return mix(r.state)
}

// below returns a number from 0 to n-1.
func (r *random) below(n int64) int64 {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int64(hi)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
