package compact_test

import (
	"runtime"
	"testing"

	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/warehouse/mem"
)

// TestS3 compacts an archive in a real S3 server, with files of which the new
// ones hold some and others are too large.
func TestS3(t *testing.T) {
	server := awstest.StartS3(t)
	b, err := s3.Open(t.Context(), s3.Options{
		Bucket: server.NewBucket(t), Region: server.Region, Endpoint: server.Endpoint, PathStyle: true,
		Credentials: s3.NewCredentials(server.AccessKeyID, server.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := pipetest.New(t)
	w.SetArchive(b)
	w.Warehouse = mem.New(w.View)
	for i := range 6 {
		w.Append(of, records(500, "2026-11-20T06", 2000)...)
		w.Append(of, records(3, "2026-11-20T07", 20)...)
		if i == 3 {
			w.Append(of, records(3000, "2026-11-20T06", 2000)...)
		}
		w.Route()
	}
	w.Load()
	want := rows(w)
	o := options()
	o.FileSize = 3 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	report := once(w, o)
	runtime.ReadMemStats(&after)
	if len(report.Types) != 1 || report.Types[0].Files != 5+6 || report.Types[0].NewFiles != 2+1 {
		t.Errorf("got %+v, want five files of an hour in two, the sixth as it was, and six of another in one", report)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > uint64(8*o.FileSize) {
		t.Errorf("%d bytes were allocated, for new files of at most %d", taken, o.FileSize)
	}
	check(w, want)
	o.Now = clock(49 * 3600e9)
	once(w, o)
	check(w, want)
	if again := once(w, o); len(again.Types) != 0 {
		t.Errorf("again: %+v", again)
	}
}
