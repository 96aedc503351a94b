package fault

import "sync/atomic"

// Process stands for a process: the buckets that share it die at once.
type Process struct {
	at      int64
	outcome Outcome
	writes  atomic.Int64
	crashed atomic.Bool
}

// NewProcess returns a process in which the n-th write (from 1, counted over
// all its buckets) has an outcome: CrashAfter kills it once the write is
// stored, CrashBefore just before. With n = 0 no write has.
func NewProcess(n int, outcome Outcome) *Process {
	return &Process{at: int64(n), outcome: outcome}
}

// Writes counts the writes that were asked for before the crash, the one that
// crashed included.
func (p *Process) Writes() int { return int(p.writes.Load()) }

// Crashed reports whether the process is dead.
func (p *Process) Crashed() bool { return p.crashed.Load() }

// Crash kills the process.
func (p *Process) Crash() { p.crashed.Store(true) }

// write counts a write, and returns the outcome that the count has for it, or
// else the one it would have.
func (p *Process) write(otherwise Outcome) Outcome {
	if p.writes.Add(1) == p.at {
		return p.outcome
	}
	return otherwise
}
