package lambdas

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/manifest"
)

// cloud is what the functions stand on.
type cloud struct {
	s3       *awstest.S3
	env      []string
	archive  bucket.Bucket
	manifest bucket.Bucket
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{s3: awstest.StartS3(t)}
	c.env = []string{"AWS_REGION=" + c.s3.Region, "AWS_ACCESS_KEY_ID=" + c.s3.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.s3.SecretAccessKey}
	open := func(setting string) bucket.Bucket {
		url := fmt.Sprintf("s3://%s/logs?endpoint=%s&path_style=true&region=%s", c.s3.NewBucket(t), c.s3.Endpoint, c.s3.Region)
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
	open(bufferBucket)
	c.archive, c.manifest = open(archiveBucket), open(manifestBucket)
	return c
}

// records makes the records of a shard, from first to last, as fluent-plugin-kinesis sends them.
func records(shard, first, last int) (e events.KinesisEvent) {
	for i := first; i <= last; i++ {
		sequence := fmt.Sprintf("4959033827149025660855969253836157109592157598913%07d", i+1)
		e.Records = append(e.Records, events.KinesisEventRecord{
			EventID:        fmt.Sprintf("shardId-%012d:%s", shard, sequence),
			EventSourceArn: "arn:aws:kinesis:eu-central-1:123456789012:stream/My-Logs",
			Kinesis: events.KinesisRecord{
				Data:                        fmt.Appendf(nil, "{\"tag\":\"type.%d\",\"shard\":%d,\"seq\":%d}\n", i%3, shard, i),
				SequenceNumber:              sequence,
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.Now()},
			},
		})
	}
	return e
}

// archived returns the seq of every row in the archive, by shard, as the
// manifests list them.
func (c *cloud) archived(t *testing.T) map[int][]int {
	t.Helper()
	found := map[int][]int{}
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
		for _, f := range m.Ikada.Files {
			packed, err := c.archive.Get(t.Context(), f.Key, 0, -1, nil)
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
				var row struct{ Shard, Seq int }
				if err := json.Unmarshal(line, &row); err != nil {
					t.Fatal(err)
				}
				found[row.Shard] = append(found[row.Shard], row.Seq)
			}
		}
	}
	return found
}

// Two shards, each with a function of its own and a zombie of it, batches cut
// by dice and delivered until they succeed, and two routers at once; all of them
// the real binaries, killed at random.
func TestNothingIsLostOrDoubledBetweenKinesisAndTheArchive(t *testing.T) {
	c := newCloud(t)
	const rows, shards = 400, 2
	bootstrap := awstest.Build(t, "./cmd/ikada-lambda-buffer")
	routing := awstest.Build(t, "./cmd/ikada-lambda-route")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	done := make(chan error)
	for i := range 2 * shards {
		f := awstest.NewLambda(t, bootstrap, c.env...)
		go func() { done <- deliver(ctx, f, i/2, rows) }()
	}
	stop, routed := make(chan struct{}), make(chan struct{})
	for range 2 {
		f := awstest.NewLambda(t, routing, c.env...)
		go func() {
			for run := true; run; {
				select {
				case <-stop:
					run = false // and once more
				default:
				}
				limit, end := context.WithTimeout(ctx, killAfter(!run))
				_, _ = f.Invoke(limit, nil) // the next run finishes what this one did not
				end()
			}
			routed <- struct{}{}
		}()
	}
	for range 2 * shards {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-routed
	<-routed
	if _, err := awstest.NewLambda(t, routing, c.env...).Invoke(ctx, nil); err != nil {
		t.Fatal(err)
	}
	found := c.archived(t)
	for shard := range shards {
		got := found[shard]
		slices.Sort(got)
		for i := range max(rows, len(got)) {
			if i >= len(got) || got[i] != i {
				t.Fatalf("shard %d: %d rows, want %d; the %d-th is wrong", shard, len(got), rows, i)
			}
		}
	}
}

// killAfter returns when an invocation is killed: often in its midst.
func killAfter(never bool) time.Duration {
	if never || rand.IntN(3) > 0 {
		return time.Minute
	}
	return time.Duration(rand.IntN(150)) * time.Millisecond
}

// deliver is an event source mapping: it delivers a batch until it succeeds,
// each time cut anew.
func deliver(ctx context.Context, f *awstest.Lambda, shard, rows int) error {
	for next := 0; next < rows; {
		n := min(1+rand.IntN(60), rows-next)
		limit, end := context.WithTimeout(ctx, killAfter(false))
		_, err := f.Invoke(limit, records(shard, next, next+n-1))
		end()
		if err == nil {
			next += n
		}
		if ctx.Err() != nil {
			return fmt.Errorf("shard %d at %d: %w, last %w", shard, next, ctx.Err(), err)
		}
	}
	return nil
}

func TestWhatIsNoKinesisEventIsRefused(t *testing.T) {
	for name, change := range map[string]func(r *events.KinesisEventRecord){
		"no shard":        func(r *events.KinesisEventRecord) { r.EventID = "abc" },
		"another number":  func(r *events.KinesisEventRecord) { r.Kinesis.SequenceNumber = "1" },
		"no digits":       func(r *events.KinesisEventRecord) { r.EventID, r.Kinesis.SequenceNumber = "shardId-1:x", "x" },
		"negative number": func(r *events.KinesisEventRecord) { r.EventID, r.Kinesis.SequenceNumber = "shardId-1:-1", "-1" },
	} {
		e := records(0, 0, 0)
		change(&e.Records[0])
		if err := (&Buffer{}).Handle(t.Context(), e); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLanes(t *testing.T) {
	one, two := laneOf("arn:aws:kinesis:eu-central-1:123456789012:stream/My-Logs", 3), laneOf("arn:aws:kinesis:eu-west-1:123456789012:stream/My-Logs", 3)
	if one == two || one.Stream != "mylogs" || len(one.Incarnation) != 8 {
		t.Errorf("%v, %v", one, two)
	}
	if l, err := ikada.ParseLane(laneOf("arn:aws:kinesis:::stream/日本-and-a-very-long-name-of-a-stream", 12).String()); err != nil || l.Shard != 12 || len(l.Stream) > 16 {
		t.Errorf("%v, %v", l, err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{bufferBucket, "", "IKADA_BUFFER_BUCKET is not set"},
		{bufferBucket, "my-bucket", "want s3://BUCKET"},
		{"IKADA_SNAPPY", "perhaps", "want true or false"},
	} {
		env := Env(func(name string) string {
			switch name {
			case c.name:
				return c.value
			case bufferBucket:
				return "s3://bucket?region=eu-central-1"
			}
			return ""
		})
		if _, err := NewBuffer(t.Context(), env, Log()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
}

// A function is small, starts fast and is built without cgo.
func TestFunctionsLinkNeitherDatabaseNorServer(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../cmd/ikada-lambda-...").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte("aws-lambda-go")) {
		t.Fatalf("listed:\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		for _, unwanted := range []string{"duckdb", "nats-io", "prometheus", "cobra"} {
			if strings.Contains(line, unwanted) {
				t.Errorf("a function links %s", line)
			}
		}
	}
}
