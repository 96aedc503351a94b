package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/internal/awstest"
)

// Lambda gives a function of so much memory, in MB, that share of a processor:
// a whole one comes with 1,769 MB.
const (
	functionMemory = 512
	functionShare  = functionMemory / 1769.
	// batchData is what a batch of 6 MB holds of data, which is in base64 there.
	batchData = 5_900_000 * 3 / 4
)

// cloud is an S3 server and the real functions, as package awstest runs them.
type cloud struct {
	*host
	store *awstest.S3
}

// onCloud runs work with a cloud that ends with it.
func (b *bench) onCloud(ctx context.Context, work func(*cloud) error) (err error) {
	h := &host{ctx: ctx, bench: b}
	defer func() { err = errors.Join(err, h.end(recover())) }()
	return work(&cloud{host: h, store: awstest.StartS3(h)})
}

// place returns a new place for buckets, by way of an endpoint.
func (c *cloud) place(endpoint string) place {
	return place{cloud: c, bucket: c.store.NewBucket(c), endpoint: endpoint}
}

// place is where the buckets of a run are: folders of one bucket.
type place struct {
	*cloud
	bucket, endpoint string
}

func (p place) url(folder string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=%s&path_style=true&region=%s", p.bucket, folder, p.endpoint, p.store.Region)
}

// dir is the folder of the server's files.
func (p place) dir() string { return filepath.Join(p.store.Root, p.bucket) }

// open opens a bucket past what counts requests.
func (p place) open(folder string) (*s3.Bucket, error) {
	p.endpoint = p.store.Endpoint
	o, err := s3.Parse(p.url(folder))
	if err != nil {
		return nil, err
	}
	o.Credentials = s3.NewCredentials(p.store.AccessKeyID, p.store.SecretAccessKey, "")
	return s3.Open(p.ctx, o)
}

// function returns a function as Lambda runs it.
func (p place) function(name string, env ...string) *awstest.Lambda {
	env = append(env, fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", functionMemory),
		"AWS_ACCESS_KEY_ID="+p.store.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+p.store.SecretAccessKey,
		"IKADA_BUFFER_BUCKET="+p.url("buffer"), "IKADA_ARCHIVE_BUCKET="+p.url("archive"), "IKADA_MANIFEST_BUCKET="+p.url("manifests"))
	return awstest.NewLambda(p, awstest.Build(p, "./cmd/ikada-lambda-"+name), env...)
}

// objects gives the Redshift stand-in what is in the store.
type objects struct{ *s3.Bucket }

func (o objects) Get(ctx context.Context, url string) ([]byte, error) {
	key, ok := strings.CutPrefix(url, o.URL(""))
	if !ok {
		return nil, fs.ErrNotExist
	}
	data, err := o.Bucket.Get(ctx, key, 0, -1, nil)
	if errors.Is(err, ikada.ErrNotFound) {
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return data, err
}

// host lets package awstest, which is for tests, run its servers here.
type host struct {
	testing.TB // for what is not there
	ctx        context.Context
	bench      *bench
	cleanups   []func()
}

// fatal is what ends a piece of work.
type fatal struct{ error }

func (h *host) Helper()                         {}
func (h *host) Failed() bool                    { return false }
func (h *host) Context() context.Context        { return h.ctx }
func (h *host) Cleanup(f func())                { h.cleanups = append(h.cleanups, f) }
func (h *host) Logf(format string, args ...any) { h.bench.tell(format, args...) }
func (h *host) Fatal(args ...any)               { panic(fatal{errors.New(fmt.Sprint(args...))}) }
func (h *host) Fatalf(format string, args ...any) {
	panic(fatal{fmt.Errorf(format, args...)})
}

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp(h.bench.data, "aws-")
	if err != nil {
		h.Fatal(err)
	}
	return dir
}

// end ends the servers; recovered is what the work ended with, if not well.
func (h *host) end(recovered any) error {
	for i := len(h.cleanups) - 1; i >= 0; i-- {
		h.cleanups[i]()
	}
	if f, ok := recovered.(fatal); ok {
		return f.error
	}
	if recovered != nil {
		panic(recovered)
	}
	return nil
}

// invoked is what invocations of a function took.
type invoked struct {
	cost
	peak int64
}

// timed measures a function over some invocations, its start not among them.
func timed(f *awstest.Lambda, raw int64, work func() error) (i invoked, err error) {
	before, _, err := f.Usage()
	if err != nil {
		return i, err
	}
	start := time.Now()
	if err := work(); err != nil {
		return i, err
	}
	i.wall, i.raw = time.Since(start), raw
	after, peak, err := f.Usage()
	i.cpu, i.peak = after-before, peak
	return i, err
}
