package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/redshiftstandin"
)

// The buckets are in an S3 store, the rest in the data directory; kills in
// mid-stream lose and double nothing there either.
func TestBucketsInAnS3Store(t *testing.T) {
	store, bucket, _ := buckets(t)
	s := start(t)
	tr := startTraffic(t.Context(), s, 2, 50*time.Millisecond)
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

// buckets starts an S3 store and names a place there for the program's buckets.
func buckets(t *testing.T) (store *awstest.S3, bucket, place string) {
	t.Helper()
	store = awstest.StartS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", store.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", store.SecretAccessKey)
	bucket = store.NewBucket(t)
	place = fmt.Sprintf("s3://%s/ikada?endpoint=%s&path_style=true&region=%s", bucket, store.Endpoint, store.Region)
	t.Setenv("IKADA_BUCKETS", place)
	return store, bucket, place
}

// The same with the tables in Redshift, as far as its stand-in goes.
func TestTablesInRedshift(t *testing.T) {
	_, _, place := buckets(t)
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{open(t, place, "")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	t.Setenv("IKADA_WAREHOUSE_KIND", "redshift")
	t.Setenv("IKADA_WAREHOUSE_URL", standin.URL())
	t.Setenv("IKADA_WAREHOUSE_IAM_ROLE", role)
	s := start(t)
	tr := startTraffic(t.Context(), s, 1, 200*time.Millisecond) // each COPY is slow, so rows would pile up
	for range 2 {
		time.Sleep(time.Second)
		s.kill()
		s.run()
	}
	events, want := tr.finish()
	s.wantTotals(want)
	s.stop()
	t.Logf("%d events", events)
}

// objects gives the stand-in what is in the store.
type objects struct{ place *s3.Bucket }

func (o objects) Get(ctx context.Context, url string) ([]byte, error) {
	key, ok := strings.CutPrefix(url, o.place.URL(""))
	if !ok {
		return nil, fs.ErrNotExist
	}
	data, err := o.place.Get(ctx, key, 0, -1, nil)
	if errors.Is(err, ikada.ErrNotFound) {
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return data, err
}
