package lambdas

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/internal/awstest"
)

// passing hands requests on to a store.
func passing(t testing.TB, store *awstest.S3) http.Handler {
	t.Helper()
	to, err := url.Parse(store.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
}

// distant is a proxy before a store that takes its time for each request, as S3
// does.
func distant(t testing.TB, store *awstest.S3, latency time.Duration) (endpoint string) {
	t.Helper()
	through := passing(t, store)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// BenchmarkColdStart measures the first batch of a new environment, which reads
// the chunk window: 100 bundles of each of 4 lanes, and 20 ms a request.
func BenchmarkColdStart(b *testing.B) {
	store := awstest.StartS3(b)
	name := store.NewBucket(b)
	open := func(endpoint string) *s3.Bucket {
		o, err := s3.Parse(fmt.Sprintf("s3://%s?endpoint=%s&path_style=true&region=%s", name, endpoint, store.Region))
		if err != nil {
			b.Fatal(err)
		}
		o.Credentials = s3.NewCredentials(store.AccessKeyID, store.SecretAccessKey, "")
		opened, err := s3.Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		return opened
	}
	const lanes, bundles = 4, 100
	lane := func(shard int) ikada.Lane { return ikada.Lane{Stream: "logs", Incarnation: "abcdefgh", Shard: shard} }
	record := func(seq int) buffer.Record {
		part := batch.Part{
			Tag: "app", Format: batch.JSON, Arrival: time.Now().UnixNano(), Key: batch.KeyOf("app", fmt.Append(nil, seq), nil, 0), Payload: fmt.Appendf(nil, `{"seq":%d}`, seq),
		}
		return buffer.Record{Position: ikada.Position(fmt.Sprintf("%064d", seq)), Parts: func() []batch.Part { return []batch.Part{part} }}
	}
	near, seq := open(store.Endpoint), 0
	for shard := range lanes {
		writer := buffer.NewBatches(near, buffer.Options{})
		for range bundles {
			seq++
			if err := writer.Take(b.Context(), lane(shard), []buffer.Record{record(seq)}); err != nil {
				b.Fatal(err)
			}
		}
	}
	far := open(distant(b, store, 20*time.Millisecond))
	for _, parallel := range []int{1, 16} {
		b.Run(fmt.Sprintf("parallel=%d", parallel), func(b *testing.B) {
			for b.Loop() {
				seq++
				cold := buffer.NewBatches(far, buffer.Options{Parallel: parallel})
				if err := cold.Take(b.Context(), lane(0), []buffer.Record{record(seq)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstInvocation measures a new environment of each function: how
// long it takes from the start of its process until it asks for its first
// invocation ("init-ms"), and until that is answered ("first-ms"). In COLDSTART_CGROUP
// may be the folder of a control group, whose share of a processor the process gets.
func BenchmarkFirstInvocation(b *testing.B) {
	c := newCloud(b)
	for _, f := range []struct {
		name  string
		env   []string
		event any
	}{
		{"buffer", c.env, records(0, 0, 99)},
		{"route", c.env, nil},
		{"load", c.byDataAPI, map[string]any{"source": "aws.scheduler"}},
	} {
		bootstrap := awstest.Build(b, "./cmd/ikada-lambda-"+f.name)
		if group := os.Getenv("COLDSTART_CGROUP"); group != "" {
			bootstrap = inGroup(b, group, bootstrap)
		}
		b.Run(f.name, func(b *testing.B) {
			var ready, answered time.Duration
			for b.Loop() {
				l := awstest.NewLambda(b, bootstrap, f.env...)
				start := time.Now()
				if _, err := l.Invoke(b.Context(), f.event); err != nil {
					b.Fatal(err)
				}
				answered += time.Since(start)
				ready += l.Started()
				l.Kill()
			}
			b.ReportMetric(float64(ready.Milliseconds())/float64(b.N), "init-ms")
			b.ReportMetric(float64(answered.Milliseconds())/float64(b.N), "first-ms")
		})
	}
}

// inGroup makes a program that runs another in a control group.
func inGroup(t testing.TB, group, program string) string {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\necho $$ > %s/cgroup.procs\nexec %s\n", group, program)
	path := filepath.Join(t.TempDir(), filepath.Base(program))
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	return path
}
