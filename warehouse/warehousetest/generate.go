package warehousetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// GeneratedColumns are the columns of generated rows, all of which fit them.
var GeneratedColumns = []warehouse.Column{
	{Field: "level", Name: "level", Type: warehouse.Text},
	{Field: "host", Name: "host", Type: warehouse.Text},
	{Field: "method", Name: "method", Type: warehouse.Text},
	{Field: "path", Name: "path", Type: warehouse.Text},
	{Field: "status", Name: "status", Type: warehouse.BigInt},
	{Field: "bytes", Name: "bytes", Type: warehouse.BigInt},
	{Field: "latency", Name: "latency", Type: warehouse.Double},
	{Field: "cached", Name: "cached", Type: warehouse.Bool},
	{Field: "user", Name: "user_", Type: warehouse.JSON},
	{Field: "message", Name: "message", Type: warehouse.Text},
	{Field: "referer", Name: "referer", Type: warehouse.Text},
	{Field: "at", Name: "at_", Type: warehouse.Timestamp},
}

// Generate stores files of rows, of about 300 bytes and 12 fields, as one
// manifest, and returns the direct load of it.
func Generate(t testing.TB, archive bucket.Bucket, of ikada.LogType, plan, rows, files int) warehouse.Job {
	t.Helper()
	f := &fixture{t: t, archive: archive, of: of}
	m := warehouse.Manifest{Key: fmt.Sprintf("%s/%012d.manifest", of.PathName(), plan), Plan: uint64(plan)}
	begin := time.Date(2026, 11, 23, 5, 0, 0, 123456789, time.UTC)
	for file := range files {
		var raw bytes.Buffer
		for i := file * rows / files; i < (file+1)*rows/files; i++ {
			at := begin.Add(time.Duration(i) * 3 * time.Millisecond)
			fmt.Fprintf(&raw, `{"_id":"k3j9x2ab0.%06d%012d","_time":"%s","level":"info","host":"web-%03d","method":"GET","path":"/api/v1/users/%d",`+
				`"status":%d,"bytes":%d,"latency":%.4f,"cached":%t,"user":{"id":%d,"name":"山田太郎"},"message":"リクエスト %d","referer":"https://example.com/%d","at":"%s"}`+"\n",
				plan, i, at.Format(time.RFC3339Nano), i%40, i*7919%100_000, 200+i%5, i*31%65_536, float64(i%5000)/7, i%3 == 0, i%10_000, i*104_729%1_000_000, i%50,
				at.Truncate(time.Millisecond).Format(time.RFC3339Nano))
		}
		stored := f.store(fmt.Sprintf("%s/dt=2026-11-23/hh=05/%012d-%d.json.gz", of.PathName(), plan, file), raw.Bytes())
		stored.Rows = int64((file+1)*rows/files - file*rows/files)
		m.Files = append(m.Files, stored)
		m.Rows += stored.Rows
		m.Bytes += stored.Raw
	}
	return warehouse.Job{Type: of, Manifests: []warehouse.Manifest{m}, Direct: true}
}

// BadColumns are the columns of the rows that GenerateBad makes.
var BadColumns = []warehouse.Column{
	{Field: "n", Name: "n", Type: warehouse.BigInt},
	{Field: "message", Name: "message", Type: warehouse.Text, MaxBytes: 100},
}

// GenerateBad stores a manifest of rows of about 150 bytes. What it makes of
// those that bad names is refused by a column n that Limits.Narrow has changed.
func GenerateBad(t testing.TB, archive bucket.Bucket, of ikada.LogType, rows, files int, bad func(i int) bool) warehouse.Job {
	t.Helper()
	f := &fixture{t: t, archive: archive, of: of}
	m := warehouse.Manifest{Key: of.PathName() + "/000000000001.manifest", Plan: 1}
	for file := range files {
		var raw bytes.Buffer
		for i := file * rows / files; i < (file+1)*rows/files; i++ {
			n := i % 1000
			if bad(i) {
				n = tooMuch + i
			}
			fmt.Fprintf(&raw, `{"_id":"k3j9x2ab0-%x","_time":"2026-11-23T05:06:07.123456Z","n":%d,"message":"GET /api/v1/users/%d took %d ms on web-%03d"}`+"\n",
				i, n, i*7919%100_000, i%5000, i%40)
		}
		stored := f.store(fmt.Sprintf("%s/dt=2026-11-23/hh=05/000000000001-%d.json.gz", of.PathName(), file), raw.Bytes())
		stored.Rows = int64((file+1)*rows/files - file*rows/files)
		m.Files = append(m.Files, stored)
		m.Rows += stored.Rows
		m.Bytes += stored.Raw
	}
	return warehouse.Job{Type: of, Manifests: []warehouse.Manifest{m}, Direct: true}
}

// WriteJobs and ReadJobs keep jobs in a file, for a process that a test starts.
func WriteJobs(path string, jobs []warehouse.Job) error {
	data, err := json.Marshal(jobs)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// ReadJobs is the inverse of WriteJobs.
func ReadJobs(path string) ([]warehouse.Job, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var jobs []warehouse.Job
	return jobs, json.Unmarshal(data, &jobs)
}
