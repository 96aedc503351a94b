package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// maxBackoff bounds the pause after errors.
const maxBackoff = time.Minute

// Run loads until ctx ends. Errors are logged, counted and tried again.
//
// It is a schedule of visits. A visit looks at one log type, loads at most
// once, and says when to come again: at once if it loaded, when the oldest
// manifest comes of age, after a pause if it failed, or never, if nothing waits
// until a wake-up or a sweep.
func (l *Loader) Run(ctx context.Context) error {
	s := schedule{Loader: l}
	defer s.visits.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		case <-timer.C:
		}
		timer.Reset(s.step(ctx, time.Now()))
	}
}

type schedule struct {
	*Loader
	visits   sync.WaitGroup
	sweepAt  time.Time
	failures int // of looking around, in a row
}

// step starts the visits that are due and returns the time to the next step.
func (s *schedule) step(ctx context.Context, now time.Time) time.Duration {
	s.lookAround(ctx, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	running := 0
	for _, b := range s.types {
		if b.running {
			running++
		}
	}
	next := s.sweepAt
	for running < s.opts.Parallel {
		b := s.first()
		if b == nil {
			break
		}
		if b.next.After(now) {
			next = earlier(next, b.next)
			break
		}
		b.running = true
		running++
		done := s.done
		s.visits.Go(func() { s.run(ctx, b, done) })
	}
	return max(next.Sub(now), 0) // with all slots taken, the end of a visit nudges
}

// first returns the log type whose visit is due first. The caller holds mu.
func (s *schedule) first() *backlog {
	var best *backlog
	for _, b := range s.types {
		if !b.running && !b.next.IsZero() && (best == nil || b.next.Before(best.next)) {
			best = b
		}
	}
	return best
}

// lookAround makes visits due: of log types that were woken, and of all if it
// is time for a sweep.
func (s *schedule) lookAround(ctx context.Context, now time.Time) {
	// First the wake-ups, then what they may be about: one that comes in
	// between is found by the next step.
	found := s.takeWoken()
	var err error
	if sweep := !now.Before(s.sweepAt); sweep {
		found, err = s.sweep(ctx)
		s.sweepAt = now.Add(s.opts.SweepInterval)
	} else if len(found) > 0 {
		err = s.findNewest(ctx)
	}
	if err != nil {
		s.failures++ // a sweep finds what was woken
		s.sweepAt = earlier(s.sweepAt, now.Add(pause(s.opts.Backoff, s.failures)))
		s.failed(ctx, err)
		return
	}
	s.failures = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range found {
		switch {
		case b.running:
			b.woken = true // again behind this visit
		case b.paused.After(now):
			b.next = b.paused // a hint does not cut a pause short
		default:
			b.next = now
		}
	}
}

// takeWoken returns the log types that were woken and are not visited just now.
func (s *schedule) takeWoken() (woken []*backlog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.types {
		if b.woken && !b.running {
			b.woken = false
			woken = append(woken, b)
		}
	}
	return woken
}

// run does one visit.
func (s *schedule) run(ctx context.Context, b *backlog, done uint64) {
	next, err := s.visit(ctx, b, done, false)
	if err != nil {
		s.failed(ctx, err)
	}
	s.mu.Lock()
	b.running, b.next = false, next
	s.mu.Unlock()
	s.nudge()
}

// failed reports an error that the stage survives. What ends with ctx is none.
func (s *schedule) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.opts.Stats.Failed(time.Now(), err)
	s.opts.Log.Error("load failed; trying again", "error", err)
}

// pause returns how long to wait after the n-th failure in a row: doubled each
// time, bounded, and the half of it random, so that failures spread.
func pause(first time.Duration, n int) time.Duration {
	d := first
	for ; n > 1 && d < maxBackoff; n-- {
		d *= 2
	}
	d = min(d, maxBackoff)
	return d/2 + rand.N(d/2+1)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
