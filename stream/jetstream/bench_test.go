package jetstream

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// cpuTime is the time that the process has spent on the processors, in the
// kernel too.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs f, which moves b.N messages, and reports its CPU-seconds a GB.
func measure(b *testing.B, size int, f func()) {
	b.SetBytes(int64(size))
	b.ResetTimer()
	before := cpuTime(b)
	f()
	spent := cpuTime(b) - before
	b.StopTimer()
	b.ReportMetric(spent.Seconds()/(float64(size)*float64(b.N)/1e9), "cpu-s/GB")
}

func benchData(b *testing.B, size int) []byte {
	data := make([]byte, size)
	if _, err := rand.Read(data); err != nil {
		b.Fatal(err)
	}
	return data
}

var benchOptions = Options{Shards: 2, MaxBytes: 64 << 30}

// appendAll appends n messages with some concurrent appenders.
func appendAll(b *testing.B, s *Stream, data []byte, n, appenders int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range appenders {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := s.Append(b.Context(), int(i)%s.Shards(), data); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{64 << 10, 1 << 20} {
		for _, appenders := range []int{1, 4, 16} {
			b.Run(fmt.Sprintf("%dKiB/%d_appenders", size>>10, appenders), func(b *testing.B) {
				s, data := openDir(b, b.TempDir(), benchOptions), benchData(b, size)
				measure(b, size, func() { appendAll(b, s, data, b.N, appenders) })
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s, data := openDir(b, b.TempDir(), benchOptions), benchData(b, size)
			appendAll(b, s, data, b.N, 4)
			measure(b, size, func() { readAll(b, s, b.N) })
		})
	}
}

// readAll reads n messages of all shards at once, trimming as it goes.
func readAll(b *testing.B, s *Stream, n int) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var read atomic.Int64
	var wg sync.WaitGroup
	for _, lane := range s.lanes {
		wg.Go(func() {
			r, err := s.Open(ctx, lane, "")
			if err != nil {
				b.Error(err)
				return
			}
			defer r.Close()
			var bytes int
			for read.Load() < int64(n) {
				m, err := r.Next(ctx)
				if err != nil {
					if ctx.Err() == nil {
						b.Error(err)
					}
					return
				}
				if bytes += len(m.Data); bytes > 32<<20 {
					bytes = 0
					if err := s.Trim(ctx, lane, m.Position); err != nil {
						b.Error(err)
						return
					}
				}
				if read.Add(1) == int64(n) {
					cancel()
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkPassThrough reads while it appends, as the pipeline does.
func BenchmarkPassThrough(b *testing.B) {
	const size = 1 << 20
	s, data := openDir(b, b.TempDir(), benchOptions), benchData(b, size)
	measure(b, size, func() {
		var wg sync.WaitGroup
		wg.Go(func() { readAll(b, s, b.N) })
		appendAll(b, s, data, b.N, 4)
		wg.Wait()
	})
}
