package awstest

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// S3 is a running S3 server: versitygw, which keeps objects as files.
type S3 struct {
	Endpoint        string // "http://127.0.0.1:40123"; buckets are in the path
	Region          string
	AccessKeyID     string
	SecretAccessKey string
	Root            string // the folder of the buckets

	client *s3.Client
	made   atomic.Int64
}

const (
	s3Main   = "github.com/versity/versitygw/cmd/versitygw"
	s3Server = "VERSITYGW" // what it calls itself in its answers
	deadline = 15 * time.Second
)

// StartS3 starts a server without buckets that ends with the test.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	path := tool(t, "versitygw", s3Main)
	s := &S3{
		Region:          "eu-central-1",
		AccessKeyID:     "AKIDOFTHETESTS",
		SecretAccessKey: "secret-of-the-tests-0123456789",
		Root:            t.TempDir(),
	}
	// Another process may take the free port first; then another is tried.
	for attempt := 1; ; attempt++ {
		address := freeAddress(t)
		// The objects' attributes are extended ones of their files. In files of
		// their own (--sidecar) those of an object that failed to come about stay.
		p, err := run(path, "--port", address, "--region", s.Region, "--access", s.AccessKeyID,
			"--secret", s.SecretAccessKey, "--keep-alive", "--quiet", "posix", s.Root)
		if err != nil {
			t.Fatal(err)
		}
		s.Endpoint = "http://" + address
		err = s.ready(p)
		if err == nil {
			t.Cleanup(p.stop)
			break
		}
		p.stop()
		if attempt == 3 {
			t.Fatalf("start versitygw: %v; it printed:\n%s", err, p.output.String())
		}
	}
	s.client = s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint,
		Region:       s.Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey, ""),
	})
	return s
}

// ready waits until the server answers, and makes sure who it is: a test must
// not pass because something else listens there.
func (s *S3) ready(p *process) error {
	client := http.Client{Timeout: deadline}
	for start := time.Now(); time.Since(start) < deadline; time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.exited:
			return fmt.Errorf("it ended: %s", p.cmd.ProcessState)
		default:
		}
		answer, err := client.Get(s.Endpoint)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if who := answer.Header.Get("Server"); who != s3Server {
			return fmt.Errorf("%s is answered by %q, not by %s", s.Endpoint, who, s3Server)
		}
		return nil
	}
	return fmt.Errorf("no answer within %s", deadline)
}

// NewBucket makes an empty bucket and returns its name.
func (s *S3) NewBucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", s.made.Add(1))
	if _, err := s.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatalf("create bucket %s: %v", name, err)
	}
	return name
}

// Client returns a plain client of the server, to look behind an adapter's back.
func (s *S3) Client() *s3.Client { return s.client }

// Count counts the objects whose keys begin with a prefix, up to a page of them.
func (s *S3) Count(t testing.TB, bucket, prefix string) int {
	t.Helper()
	page, err := s.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		t.Fatalf("list %s in %s: %v", prefix, bucket, err)
	}
	return len(page.Contents)
}
