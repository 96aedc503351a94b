package duckdb

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

const (
	benchRows  = 1_000_000
	benchFiles = 20
)

// BenchmarkLoad compares loads with DuckDB's own read_json of the same files
// into a table, which is the yardstick. peak-MB is the process's greatest
// resident memory so far, so run one sub-benchmark at a time for it.
func BenchmarkLoad(b *testing.B) {
	archive := openArchive(b, b.TempDir())
	job := warehousetest.Generate(b, archive, "generated", 1, benchRows, benchFiles)
	load := func(direct bool) func(*testing.B) {
		return func(b *testing.B) {
			measure(b, archive, job, func(w *Warehouse) error {
				job := job
				job.Direct = direct
				_, err := w.Load(b.Context(), job)
				return err
			})
		}
	}
	b.Run("read_json", func(b *testing.B) {
		paths := make([]string, benchFiles)
		for i, f := range job.Manifests[0].Files {
			paths[i], _ = localPath(archive.URL(f.Key))
		}
		insert := directSQL(warehouse.Table{Name: "plain", Columns: warehousetest.GeneratedColumns}, paths)
		create := "CREATE TABLE plain AS " + insert[strings.Index(insert, "SELECT"):]
		create = regexp.MustCompile(`, maximum_object_size = \d+`).ReplaceAllString(create, "")
		measure(b, archive, job, func(w *Warehouse) error {
			_, err := w.db.ExecContext(b.Context(), create)
			return err
		})
	})
	b.Run("direct", load(true))
	b.Run("careful", load(false))
	b.Run("sifted", func(b *testing.B) { // every file, for one field, and all lines pass
		measure(b, archive, job, func(w *Warehouse) error {
			job := job
			job.Direct, job.Sifted = false, true
			job.Manifests[0].Misfits = []string{warehousetest.GeneratedColumns[0].Field}
			_, err := w.Load(b.Context(), job)
			return err
		})
	})
}

// BenchmarkReplace replaces all rows of a table, which had come by loads of 1 M
// each. peak-MB is that of the process, loads included: run one at a time for it.
func BenchmarkReplace(b *testing.B) {
	for _, millions := range []int{2, 8} {
		b.Run(fmt.Sprint(millions, "M"), func(b *testing.B) { benchmarkReplace(b, millions) })
	}
}

func benchmarkReplace(b *testing.B, manifests int) {
	archive := openArchive(b, b.TempDir())
	w, err := Open(b.Context(), filepath.Join(b.TempDir(), "warehouse.db"), archive, Options{})
	if err != nil {
		b.Fatal(err)
	}
	extendGenerated(b, w, "generated")
	replace := warehouse.ReplaceJob{Type: "generated", From: ikada.HourOf(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC))}
	replace.To = replace.From + 1
	group, size := warehouse.ReplaceFiles{Direct: true}, int64(0)
	for n := range manifests {
		job := warehousetest.Generate(b, archive, "generated", n+1, benchRows, benchFiles)
		if _, err := w.Load(b.Context(), job); err != nil {
			b.Fatal(err)
		}
		group.Files = append(group.Files, job.Manifests[0].Files...)
		size += job.Manifests[0].Bytes
	}
	replace.LedgerRows, replace.Files = int64(manifests)*benchRows, []warehouse.ReplaceFiles{group}
	_, loaded := usage(b)
	b.SetBytes(size)
	for b.Loop() {
		if done, err := w.Replace(b.Context(), replace); err != nil || done.Deleted != done.Inserted {
			b.Fatal(done, err)
		}
	}
	_, peak := usage(b)
	b.ReportMetric(float64(loaded)/1024, "load-peak-MB")
	b.ReportMetric(float64(peak)/1024, "peak-MB")
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// measure runs do in a new database each time.
func measure(b *testing.B, archive bucket.Bucket, job warehouse.Job, do func(*Warehouse) error) {
	b.SetBytes(job.Manifests[0].Bytes)
	cpu := time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		w, err := Open(b.Context(), filepath.Join(b.TempDir(), "warehouse.db"), archive, Options{})
		if err != nil {
			b.Fatal(err)
		}
		extendGenerated(b, w, "generated")
		before, _ := usage(b)
		b.StartTimer()
		if err := do(w); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		after, _ := usage(b)
		cpu += after - before
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	_, peak := usage(b)
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(peak)/1024, "peak-MB")
}

// usage returns the process's CPU time and its greatest resident memory in kB.
func usage(b *testing.B) (cpu time.Duration, peak int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), u.Maxrss
}
