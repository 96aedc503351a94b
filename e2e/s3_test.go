package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
)

// The buckets are in an S3 store, the rest in the data directory; kills in
// mid-stream lose and double nothing there either.
func TestBucketsInAnS3Store(t *testing.T) {
	store := awstest.StartS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", store.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", store.SecretAccessKey)
	bucket := store.NewBucket(t)
	t.Setenv("IKADA_BUCKETS", fmt.Sprintf("s3://%s/ikada?endpoint=%s&path_style=true&region=%s", bucket, store.Endpoint, store.Region))
	s := start(t)
	tr := startTraffic(t.Context(), s, 2)
	for range 3 {
		time.Sleep(700 * time.Millisecond)
		s.kill()
		s.run()
	}
	events, want := tr.finish()
	s.wantTotals(want)
	s.stop()
	t.Logf("%d events", events)
	for _, prefix := range []string{"ikada/buffer/lanes/", "ikada/buffer/plans/", "ikada/archive/", "ikada/manifests/"} {
		if store.Count(t, bucket, prefix) == 0 {
			t.Errorf("nothing is below %s", prefix)
		}
	}
}
