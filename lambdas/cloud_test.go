package lambdas

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

// cloud is what the functions stand on.
type cloud struct {
	s3                *awstest.S3
	env               []string
	byWire, byDataAPI []string // of load
	buffer            *s3.Bucket
	archive           *s3.Bucket
	manifest          *s3.Bucket
	failed            *s3.Bucket
	redshift          redshift.Options
}

func newCloud(t testing.TB) *cloud {
	t.Helper()
	c := &cloud{s3: awstest.StartS3(t)}
	c.env = []string{"AWS_REGION=" + c.s3.Region, "AWS_ACCESS_KEY_ID=" + c.s3.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.s3.SecretAccessKey}
	open := func(setting string) *s3.Bucket {
		prefix := "logs"
		if setting == failedBucket {
			prefix = "" // Lambda puts its objects at the top
		}
		url := fmt.Sprintf("s3://%s/%s?endpoint=%s&path_style=true&region=%s", c.s3.NewBucket(t), prefix, c.s3.Endpoint, c.s3.Region)
		c.env = append(c.env, setting+"="+url)
		o, err := s3.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		o.Credentials = s3.NewCredentials(c.s3.AccessKeyID, c.s3.SecretAccessKey, "")
		b, err := s3.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	c.buffer, c.archive, c.manifest = open(bufferBucket), open(archiveBucket), open(manifestBucket)
	c.failed = open(failedBucket)
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{c.buffer, c.archive, c.manifest}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	const role = "arn:aws:iam::123456789012:role/load"
	dataAPI := httptest.NewServer(standin.DataAPI())
	t.Cleanup(dataAPI.Close)
	c.env = append(c.env, "IKADA_REDSHIFT_IAM_ROLE="+role)
	c.byWire = append(slices.Clone(c.env), "IKADA_REDSHIFT_DSN="+standin.URL())
	c.byDataAPI = append(slices.Clone(c.env), "AWS_ENDPOINT_URL_REDSHIFT_DATA="+dataAPI.URL, "IKADA_REDSHIFT_CLUSTER=logs", "IKADA_REDSHIFT_DATABASE=dev", "IKADA_REDSHIFT_USER=ikada")
	c.redshift = redshift.Options{DSN: redshift.NewPassword(standin.URL()), IAMRole: role}
	return c
}

// objects gives the stand-in what is in the buckets.
type objects []*s3.Bucket

func (o objects) Get(ctx context.Context, url string) ([]byte, error) {
	for _, b := range o {
		if key, ok := strings.CutPrefix(url, b.URL("")); ok {
			data, err := b.Get(ctx, key, 0, -1, nil)
			if errors.Is(err, ikada.ErrNotFound) {
				err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
			}
			return data, err
		}
	}
	return nil, fs.ErrNotExist
}

// event is a notification of some manifests, some of them twice, in any order;
// others are never told of.
func (c *cloud) event(ctx context.Context) (e events.S3Event) {
	bucketName, prefix, _ := strings.Cut(strings.TrimPrefix(c.manifest.URL(""), "s3://"), "/")
	for info, err := range c.manifest.List(ctx, "", "") {
		if err != nil {
			break
		}
		for range rand.IntN(3) {
			key := strings.ReplaceAll(url.QueryEscape(prefix+info.Key), "%2F", "/") // as S3 writes it
			e.Records = append(e.Records, events.S3EventRecord{EventSource: "aws:s3", S3: events.S3Entity{
				Bucket: events.S3Bucket{Name: bucketName}, Object: events.S3Object{Key: key},
			}})
		}
	}
	rand.Shuffle(len(e.Records), func(i, k int) { e.Records[i], e.Records[k] = e.Records[k], e.Records[i] })
	return e
}

// loaded returns the seq of every row in the tables, by shard.
func (c *cloud) loaded(t *testing.T) map[int][]int {
	t.Helper()
	w, err := redshift.Open(t.Context(), c.archive, c.buffer, c.redshift)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	tables, err := w.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[int][]int{}
	for _, table := range tables {
		if table.Type == ikada.Quarantine {
			continue
		}
		rows, err := w.Query(t.Context(), "SELECT shard, seq FROM "+table.Name, 0)
		if err != nil {
			t.Fatal(err)
		}
		for {
			row, err := rows.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			shard := int(row[0].(int64))
			found[shard] = append(found[shard], int(row[1].(int64)))
		}
		_ = rows.Close()
	}
	return found
}

// archived returns the seq of every row in the archive, by shard, as the
// manifests list them.
func (c *cloud) archived(t *testing.T) map[int][]int {
	t.Helper()
	found := map[int][]int{}
	c.eachArchived(t, func(typ ikada.LogType, line []byte) {
		if typ == ikada.Quarantine {
			return
		}
		var row struct{ Shard, Seq int }
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		found[row.Shard] = append(found[row.Shard], row.Seq)
	})
	return found
}

// wantSeqs compares rows with one of each seq below n.
func wantSeqs(t *testing.T, what string, got []int, n int) {
	t.Helper()
	slices.Sort(got)
	for seq := range max(n, len(got)) {
		if seq >= len(got) || got[seq] != seq {
			t.Fatalf("%s: %d rows, want %d, and the %d-th is wrong: %v", what, len(got), n, seq, got)
		}
	}
}

// quarantined counts the rows of the quarantine.
func (c *cloud) quarantined(t *testing.T) (n int) {
	t.Helper()
	c.eachArchived(t, func(typ ikada.LogType, _ []byte) {
		if typ == ikada.Quarantine {
			n++
		}
	})
	return n
}

func (c *cloud) eachArchived(t *testing.T, f func(typ ikada.LogType, line []byte)) {
	t.Helper()
	for info, err := range c.manifest.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.manifest.Get(t.Context(), info.Key, 0, -1, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range m.Ikada.Files {
			packed, err := c.archive.Get(t.Context(), file.Key, 0, -1, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			for line := range bytes.Lines(text) {
				f(m.Ikada.Type, line)
			}
		}
	}
}
