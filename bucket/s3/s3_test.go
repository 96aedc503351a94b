package s3

import (
	"context"
	"testing"
	"time"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/buckettest"
	"github.com/ikada-io/ikada/internal/awstest"
)

func TestContract(t *testing.T) {
	server := awstest.StartS3(t)
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return open(t, options(server, server.NewBucket(t))) })
}

// All buckets of this one are in one bucket of the store, beside each other.
func TestContractBelowPrefixWithShortPages(t *testing.T) {
	server := awstest.StartS3(t)
	name, n := server.NewBucket(t), 0
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		n++
		o := options(server, name)
		o.Prefix = "prefix/of=the/" + string(rune('a'+n))
		b := open(t, o)
		b.pageSize = 3
		return b
	})
}

// options are those of a bucket of the server.
func options(s *awstest.S3, name string) Options {
	return Options{
		Bucket:      name,
		Region:      s.Region,
		Endpoint:    s.Endpoint,
		PathStyle:   true,
		Credentials: NewCredentials(s.AccessKeyID, s.SecretAccessKey, ""),
	}
}

func open(t *testing.T, o Options) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b.pause = func(ctx context.Context, _ int) error { // a tenth of what is usual at first
		time.Sleep(firstPause / 10)
		return ctx.Err()
	}
	return b
}
