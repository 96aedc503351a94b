package s3

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

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

func TestKeysOfAllCharacters(t *testing.T) {
	server := awstest.StartS3(t)
	b := open(t, options(server, server.NewBucket(t)))
	var want []string
	for c := range 128 {
		key := "x" + string(rune(c)) + "=/." + string(rune(c)) + "-/" + string(rune(c)) + "_"
		if bucket.Check(key) == nil {
			want = append(want, key)
		}
	}
	if len(want) != 26+26+10+4 {
		t.Fatalf("%d keys", len(want))
	}
	for _, key := range want {
		if err := b.Create(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil || len(want) == 0 || info.Key != want[0] {
			t.Fatalf("listed %+v, error %v, want %.1q", info, err, want)
		}
		if data, err := b.Get(t.Context(), info.Key, 0, -1, nil); err != nil || string(data) != info.Key {
			t.Errorf("%s: got %q, error %v", info.Key, data, err)
		}
		want = want[1:]
	}
	if len(want) != 0 {
		t.Errorf("not listed: %q", want)
	}
}

// Objects of others in the bucket are no objects of ours.
func TestKeysOfOthers(t *testing.T) {
	server := awstest.StartS3(t)
	o := options(server, server.NewBucket(t))
	o.Prefix = "ours"
	b := open(t, o)
	if err := b.Create(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ours/a/", "ours/with space", "ours/a/丸太", "ours-not/c", "other", "ours/=x y=/c"} {
		if _, err := server.Client().PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &o.Bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil || info.Key != "a/b" {
			t.Errorf("listed %+v, error %v", info, err)
		}
	}
	for name, err := range b.Folders(t.Context(), "") {
		if err != nil || name != "a" {
			t.Errorf("folder %q, error %v", name, err)
		}
	}
}

// A list fetches a page when the caller gets there.
func TestListFetchesAsItGoes(t *testing.T) {
	server := awstest.StartS3(t)
	b := open(t, options(server, server.NewBucket(t)))
	for i := range 10 {
		if err := b.Create(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	b.pageSize = 3
	n := 0
	for _, err := range b.List(t.Context(), "", "1") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if want := int64(n+2) / 3; b.Requests().List != want {
			t.Errorf("%d lists for %d objects", b.Requests().List, n)
		}
	}
	if n != 8 {
		t.Errorf("%d objects", n)
	}
}

// Over TLS the body is neither hashed nor sent in chunks: its checksum is in a
// header. Encryption is asked for in others.
func TestHeadersOfAWrite(t *testing.T) {
	seen := make(chan *http.Request, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	pemText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, pemText, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", file)
	b := open(t, Options{
		Bucket: "logs", Endpoint: server.URL, PathStyle: true, Credentials: NewCredentials("AKID", "secret", ""), KMSKeyID: "alias/logs",
	})
	if err := b.Create(t.Context(), "a/b=1", []byte("12345"), []byte("6789")); err != nil {
		t.Fatal(err)
	}
	r := <-seen
	for name, want := range map[string]string{
		"If-None-Match":                                   "*",
		"X-Amz-Content-Sha256":                            "UNSIGNED-PAYLOAD",
		"X-Amz-Checksum-Crc32c":                           "4waSgw==", // e3069283, the check value of CRC-32C
		"X-Amz-Server-Side-Encryption":                    "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     "alias/logs",
		"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
		"Content-Encoding":                                "",
		"X-Amz-Trailer":                                   "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.ContentLength != 9 || r.URL.Path != "/logs/a/b=1" || len(r.Header.Get("X-Amz-Meta-Ikada-Create")) < 20 {
		t.Errorf("%s of %d bytes: %v", r.URL.Path, r.ContentLength, r.Header)
	}
	if signed := r.Header.Get("Authorization"); !strings.Contains(signed, "/us-east-1/s3/") || !strings.Contains(signed, "x-amz-checksum-crc32c") {
		t.Errorf("signature: %s", signed)
	}
}
