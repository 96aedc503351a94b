package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// cost is what a piece of work took.
type cost struct {
	wall, cpu time.Duration
	raw       int64 // bytes of raw log that the work was for
}

func (c cost) megabytes() float64 { return float64(c.raw) / 1e6 / c.wall.Seconds() }

// cpuPerGB is in milliseconds.
func (c cost) cpuPerGB() float64 { return c.cpu.Seconds() * 1e3 / (float64(c.raw) / 1e9) }

func (c cost) String() string {
	return fmt.Sprintf("%s MB/s, %s CPU-ms/GB", thousands(c.megabytes()), thousands(c.cpuPerGB()))
}

// measure does some work in this process. Its processor time has that of the
// system in it, and that of the database, which is a library.
func measure(raw int64, work func() error) (c cost, err error) {
	// It shall not pay for what others left behind.
	runtime.GC()
	syscall.Sync()
	before, err := cpuTime()
	if err != nil {
		return c, err
	}
	start := time.Now()
	if err := work(); err != nil {
		return c, err
	}
	c.wall, c.raw = time.Since(start), raw
	after, err := cpuTime()
	c.cpu = after - before
	return c, err
}

func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read the CPU time of this process: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// medianCost returns the medians of several costs of the same work.
func medianCost(all []cost) cost {
	return cost{
		wall: median(all, func(c cost) time.Duration { return c.wall }),
		cpu:  median(all, func(c cost) time.Duration { return c.cpu }),
		raw:  all[0].raw,
	}
}

// ratio returns the median over the rounds of one quantity's ratio of a to b.
// Both were measured side by side, so the machine's moods fall out.
func ratio[T any](a, b []T, of func(T) float64) float64 {
	rounds := make([]float64, len(a))
	for i := range a {
		rounds[i] = of(a[i]) / of(b[i])
	}
	return median(rounds, func(r float64) float64 { return r })
}
