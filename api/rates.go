package api

import (
	"context"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
)

// Rates turns counts into rates: it samples a stage's counts every second and
// compares them with those of ten seconds ago.
type Rates struct {
	snapshots func() []ikada.Snapshot

	mu      sync.Mutex
	samples [window + 1]sample
	n       int // samples taken
}

// Rate is how fast a stage is.
type Rate struct {
	Events float64 // per second
	Bytes  float64
}

type sample struct {
	at     time.Time
	counts []ikada.Snapshot
}

const window = 10 // seconds

// NewRates samples what snapshots returns, the same number of stages each time.
func NewRates(snapshots func() []ikada.Snapshot) *Rates { return &Rates{snapshots: snapshots} }

// Run samples until ctx ends.
func (r *Rates) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		r.sample(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Rates) sample(at time.Time) {
	counts := r.snapshots()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples[r.n%len(r.samples)] = sample{at, counts}
	r.n++
}

// Rates returns the stages' rates over the last ten seconds, or since the first
// sample if that is less.
func (r *Rates) Rates() []Rate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 {
		return nil
	}
	size := len(r.samples)
	last := r.samples[(r.n-1)%size]
	first := r.samples[max(r.n-size, 0)%size]
	rates := make([]Rate, len(last.counts))
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return rates
	}
	for i := range min(len(rates), len(first.counts)) {
		rates[i] = Rate{
			Events: float64(last.counts[i].Events-first.counts[i].Events) / seconds,
			Bytes:  float64(last.counts[i].Bytes-first.counts[i].Bytes) / seconds,
		}
	}
	return rates
}
