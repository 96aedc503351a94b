package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/ikada-io/ikada/bundle/rowflate"
)

// yardsticks are what the machine itself does.
type yardsticks struct {
	deflate    cost    // of one core, on rows as the pipeline compresses them
	deflateRow float64 // CPU-seconds for a million of these rows
	rowflate   cost    // of Ikada's own encoder, on the same rows
	smaller    float64 // the library's bytes to the encoder's
	disk       float64 // MB/s, written and synced 1 MiB at a time
	sync       time.Duration
	memcpy     float64 // MB/s
}

// measureYardsticks uses the rows of a run: what it had to compress.
func (b *bench) measureYardsticks(rows []segment) (y yardsticks, err error) {
	var theirs, ours int
	if y.deflate, theirs, err = deflateAlone(rows); err != nil {
		return y, err
	}
	if y.rowflate, ours, err = rowflateAlone(rows); err != nil {
		return y, err
	}
	y.smaller = float64(theirs) / float64(ours)
	events := int64(0)
	for _, s := range rows {
		events += s.rows
	}
	y.deflateRow = y.deflate.cpu.Seconds() / float64(events) * 1e6
	if y.disk, y.sync, err = b.writeSynced(); err != nil {
		return y, err
	}
	y.memcpy, err = b.copyMemory()
	return y, err
}

// deflateAlone compresses segments with the library that others use, at its
// fastest level, throws the result away, and returns its size.
func deflateAlone(rows []segment) (c cost, size int, err error) {
	w, err := flate.NewWriter(nil, 1)
	if err != nil {
		return c, 0, err
	}
	out := make(counter, 1)
	c, err = measure(rawBytes(rows), func() error {
		for _, s := range rows {
			w.Reset(out)
			if _, err := w.Write(s.raw); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
	return c, out[0], err
}

// rowflateAlone does the same with the encoder of bundles, and one set of codes
// a log type, as bundles have them.
func rowflateAlone(rows []segment) (c cost, size int, err error) {
	e, codes := rowflate.New(), map[string]*rowflate.Codes{}
	for _, s := range rows {
		codes[s.logType] = new(rowflate.Codes)
	}
	var out []byte
	c, err = measure(rawBytes(rows), func() error {
		for _, s := range rows {
			out = e.AppendLike(out[:0], s.raw, codes[s.logType])
			size += len(out)
		}
		return nil
	})
	return c, size, err
}

func rawBytes(rows []segment) (n int64) {
	for _, s := range rows {
		n += int64(len(s.raw))
	}
	return n
}

// counter is an io.Writer that only counts.
type counter []int

func (c counter) Write(p []byte) (int, error) {
	c[0] += len(p)
	return len(p), nil
}

// writeSynced returns the disk's MB/s, and what one synced write of a page takes.
func (b *bench) writeSynced() (speed float64, latency time.Duration, err error) {
	f, err := os.CreateTemp(b.data, "disk-")
	if err != nil {
		return 0, 0, fmt.Errorf("measure the disk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	write := func(size, times int) (time.Duration, error) {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		start := time.Now()
		for range times {
			if _, err := f.Write(data); err != nil {
				return 0, fmt.Errorf("measure the disk: %w", err)
			}
			if err := f.Sync(); err != nil {
				return 0, fmt.Errorf("measure the disk: %w", err)
			}
		}
		return time.Since(start) / time.Duration(times), nil
	}
	times := 64
	if b.quickly {
		times = 4
	}
	took, err := write(1<<20, times)
	if err != nil {
		return 0, 0, err
	}
	latency, err = write(4<<10, times)
	return float64(1<<20) / 1e6 / took.Seconds(), latency, err
}

// copyMemory copies what no cache holds.
func (b *bench) copyMemory() (float64, error) {
	size := 64 << 20
	if b.quickly {
		size = 1 << 20
	}
	from, to := make([]byte, size), make([]byte, size)
	for i := range from { // memory that was never written is one page of zeros
		from[i] = byte(i)
	}
	copy(to, from)
	c, err := measure(8*int64(len(from)), func() error {
		for range 8 {
			copy(to, from)
		}
		return nil
	})
	return c.megabytes(), err
}

// addPhysical ends the table with the yardsticks themselves.
func (b *bench) addPhysical() {
	if len(b.physical) == 0 {
		return
	}
	all := b.physical
	theirs, ours := each(all, func(y yardsticks) cost { return y.deflate }), each(all, func(y yardsticks) cost { return y.rowflate })
	b.table.add("yardstick: deflate", fmt.Sprintf("%s MB/s of one core", thousands(medianCost(theirs).megabytes())),
		fmt.Sprintf("Ikada's encoder: %s MB/s, %.1f %% smaller", thousands(medianCost(ours).megabytes()), 100-100/median(all, func(y yardsticks) float64 { return y.smaller })),
		fmt.Sprintf("%.2f × its CPU", ratio(ours, theirs, cost.cpuPerGB)), "")
	b.table.add("yardstick: disk", fmt.Sprintf("%s MB/s, synced at each MiB; %.1f ms for a synced page",
		thousands(median(all, func(y yardsticks) float64 { return y.disk })),
		float64(median(all, func(y yardsticks) time.Duration { return y.sync }).Microseconds())/1e3), "", "", "")
	b.table.add("yardstick: memcpy", fmt.Sprintf("%s MB/s", thousands(median(all, func(y yardsticks) float64 { return y.memcpy }))), "", "", "")
}

func each[T, U any](all []T, get func(T) U) []U {
	result := make([]U, len(all))
	for i, one := range all {
		result[i] = get(one)
	}
	return result
}
