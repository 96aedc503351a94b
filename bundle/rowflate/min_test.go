package rowflate_test

import (
	"bytes"
	"fmt"
	"github.com/ikada-io/ikada/bundle/rowflate"
	"testing"
	"time"
)

func TestMin(t *testing.T) {
	segs := rows(30_000, 128<<10)
	n := 0
	for _, s := range segs {
		n += bytes.Count(s, []byte{'\n'})
	}
	e := rowflate.New()
	l := library()
	best, bestL := time.Hour, time.Hour
	var out []byte
	for range 60 {
		t0 := time.Now()
		out = out[:0]
		for _, s := range segs {
			out = e.Append(out, s)
		}
		best = min(best, time.Since(t0))
	}
	for range 20 {
		t0 := time.Now()
		out = out[:0]
		for _, s := range segs {
			out = l(out, s)
		}
		bestL = min(bestL, time.Since(t0))
	}
	fmt.Printf("min ns/row %d library %d (%d rows)\n", int(best)/n, int(bestL)/n, n)
}
