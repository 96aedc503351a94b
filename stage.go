package ikada

import (
	"sync"
	"time"
)

// Stats counts what one stage did since it was started. Stages update it,
// status pages and metrics read it. The zero value is ready.
type Stats struct {
	mu sync.Mutex
	s  Snapshot
}

// Snapshot is a stage's state at one moment.
type Snapshot struct {
	Events      int64     `json:"events"`
	Bytes       int64     `json:"bytes"`
	Runs        int64     `json:"runs"` // bundles, plans, loads
	Errors      int64     `json:"errors"`
	Dropped     int64     `json:"duplicates_dropped"`
	Quarantined int64     `json:"quarantined"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	// Busy is the time spent in runs: Busy/Runs is a run's mean latency.
	Busy time.Duration `json:"busy_ns"`
}

// Done records a successful run.
func (s *Stats) Done(at time.Time, events, bytes int64, took time.Duration) {
	s.Update(func(n *Snapshot) {
		n.Events += events
		n.Bytes += bytes
		n.Runs++
		n.Busy += took
		n.LastSuccess = at
	})
}

// Failed records an error that the stage survives.
func (s *Stats) Failed(at time.Time, err error) {
	s.Update(func(n *Snapshot) {
		n.Errors++
		n.LastError = err.Error()
		n.LastErrorAt = at
	})
}

// Update changes several counts at once.
func (s *Stats) Update(f func(*Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.s)
}

// Snapshot returns the counts.
func (s *Stats) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s
}
