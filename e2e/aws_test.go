package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/gen"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

const role = "arn:aws:iam::123456789012:role/load"

var awsEvents = flag.Int("aws.events", 100_000, "events of TestOnAWSEveryRowIsWhatWasSent")

// Forwarders send to `ikada collect`, which is killed in mid-stream; Amazon's
// command line and other producers put records on the stream themselves; its
// shards are split and merged meanwhile. The three Lambda functions, killed at
// random and called twice, late, out of order or not at all, bring it into the tables of Redshift. Every
// row there is compared with what was sent. Each of the servers is a real one, or
// a strict stand-in.
func TestOnAWSEveryRowIsWhatWasSent(t *testing.T) {
	w := newWorkload(*awsEvents)
	c := startCloud(t)
	stop := make(chan struct{})
	var functions sync.WaitGroup
	c.runFunctions(t, stop, &functions)

	var senders sync.WaitGroup
	senders.Go(func() { c.sendByCollect(t, w) })
	senders.Go(func() { c.sendByCLI(t, w) })
	c.sendAsProducers(t, w)
	senders.Wait()
	close(stop)
	functions.Wait()
	if t.Failed() {
		return
	}
	c.last(t)
	w.wantRows(t, c.warehouse(t))
	p := &c.poller.Counts
	t.Logf("%d events in %d records of %d shards, %d batches: %d retries, %d zombies, %d late; cold starts: buffer %d, route %d, load %d; %d manifests told of, %d not", w.end,
		p.Records.Load(), p.Shards.Load(), p.Batches.Load(), p.Retries.Load(), p.Zombies.Load(), p.Late.Load(),
		c.buffer.Starts(), c.route.Starts(), c.load.Starts(), c.notifier.Told.Load(), c.notifier.Dropped.Load())
	if p.Shards.Load() != 7 || p.Retries.Load() == 0 || p.Zombies.Load() == 0 || p.Late.Load() == 0 || c.buffer.Starts() <= c.buffer.Environments() {
		t.Error("there was less trouble than ordered")
	}
}

// cloud is what stands for AWS.
type cloud struct {
	kinesis   *awstest.Kinesis
	stream    string
	store     *awstest.S3
	bucket    string
	place     string // of the program's buckets
	standin   *redshiftstandin.Server
	collector *server

	buffer, route, load *awstest.Function
	poller              *awstest.Poller
	notifier            *awstest.Notifier
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{kinesis: awstest.StartKinesis(t)}
	c.stream = c.kinesis.NewStream(t, 2)
	c.store, c.bucket, c.place = buckets(t)
	var err error
	if c.standin, err = redshiftstandin.Start(redshiftstandin.Options{Objects: objects{open(t, c.place, "")}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.standin.Close() })
	env := []string{"IKADA_REDSHIFT_DSN=" + c.standin.URL(), "IKADA_REDSHIFT_IAM_ROLE=" + role, "IKADA_SNAPPY=true"}
	for _, kind := range []string{"buffer", "archive", "manifest"} {
		env = append(env, fmt.Sprintf("IKADA_%s_BUCKET=%s", strings.ToUpper(kind), below(c.place, kind)))
	}
	for _, credential := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		env = append(env, credential+"="+os.Getenv(credential))
	}
	function := func(stage string) *awstest.Function {
		return awstest.NewFunction(t, awstest.Build(t, "./cmd/ikada-lambda-"+stage), env...)
	}
	c.buffer, c.route, c.load = function("buffer"), function("route"), function("load")
	c.collector = prepare(t, "--kinesis-stream", c.stream, "--kinesis-endpoint", c.kinesis.Endpoint, "--kinesis-region", c.kinesis.Region)
	c.collector.command = "collect"
	c.collector.run()
	return c
}

// runFunctions has the functions invoked until stop is closed.
func (c *cloud) runFunctions(t *testing.T, stop <-chan struct{}, running *sync.WaitGroup) {
	c.poller = &awstest.Poller{
		Kinesis: c.kinesis, Stream: c.stream, BatchRecords: 2000, Window: 500 * time.Millisecond, Recut: true, Zombies: .15, Late: .1,
		Invoke: func(ctx context.Context, e events.KinesisEvent) error { return mayBeKilled(ctx, c.buffer, e) },
	}
	c.notifier = &awstest.Notifier{
		S3: c.store, Bucket: c.bucket, Prefix: "ikada/manifest/", Suffix: ".manifest", Lost: .2, Doubled: .2, Within: 3 * time.Second,
		Invoke: func(ctx context.Context, e events.S3Event) error { return mayBeKilled(ctx, c.load, e) },
	}
	for _, run := range []func(context.Context, <-chan struct{}) error{c.poller.Run, c.notifier.Run} {
		running.Go(func() {
			if err := run(t.Context(), stop); err != nil {
				t.Error(err)
			}
		})
	}
	// Each run makes a manifest of each type, and each manifest a load. So their
	// number is bounded, or a slow machine would have more to do than a fast one.
	left := atomic.Int64{}
	left.Store(int64(max(5, *awsEvents*5/100_000)))
	running.Go(func() {
		awstest.Schedule(t.Context(), stop, 3*time.Second, func(ctx context.Context) {
			if left.Add(-1) >= 0 {
				_ = mayBeKilled(ctx, c.route, nil)
			}
		})
	})
}

// mayBeKilled invokes a function, and kills one of five invocations at random.
func mayBeKilled(ctx context.Context, f *awstest.Function, event any) error {
	if rand.IntN(5) == 0 {
		var end func()
		ctx, end = context.WithTimeout(ctx, rand.N(300*time.Millisecond))
		defer end()
	}
	_, err := f.Invoke(ctx, event)
	return err
}

// last has done what is left, as the next runs of the schedules would.
func (c *cloud) last(t *testing.T) {
	t.Helper()
	for _, f := range []*awstest.Function{c.route, c.load} {
		if _, err := f.Invoke(t.Context(), map[string]any{"source": "aws.scheduler"}); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cloud) warehouse(t *testing.T) *redshift.Warehouse {
	t.Helper()
	w, err := redshift.Open(t.Context(), open(t, c.place, "archive"), open(t, c.place, "buffer"), redshift.Options{
		DSN: redshift.NewPassword(c.standin.URL()), IAMRole: role,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// sendByCollect sends by the Forward protocol; the collector is killed twice.
func (c *cloud) sendByCollect(t *testing.T, w *workload) {
	client, err := forwardclient.Dial(t.Context(), c.collector.forward, forwardclient.Options{
		InFlight: 64, AckTimeout: 10 * time.Second, RetryFrom: 20 * time.Millisecond, RetryTo: 200 * time.Millisecond,
	})
	if err != nil {
		t.Error(err)
		return
	}
	var chunks []gen.Chunk
	for k := range w.gen.Chunks(0, w.viaCLI, 100) {
		k.Entries = append([]byte(nil), k.Entries...)
		chunks = append(chunks, k)
	}
	sending := make(chan error, 1)
	progress := make(chan int)
	go func() {
		defer close(progress)
		sending <- func() error {
			for i, k := range chunks {
				if i == len(chunks)/3 || i == len(chunks)*2/3 {
					progress <- i
				}
				if err := client.Send(t.Context(), k.Tag, k.Entries, k.N); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	for range progress {
		c.collector.kill()
		c.collector.run()
	}
	if err := errors.Join(<-sending, client.Close(t.Context())); err != nil {
		t.Errorf("send to collect: %v", err)
		return
	}
	c.collector.stop()
}

// sendByCLI has Amazon's command line put records of an event each.
func (c *cloud) sendByCLI(t *testing.T, w *workload) {
	cli := awstest.NewCLI(t, c.kinesis)
	for first := w.viaCLI; first < w.viaPlugins; first += 500 {
		var data [][]byte
		for i := first; i < min(first+500, w.viaPlugins); i++ {
			data = append(data, []byte(w.events[i].text+"\n"))
		}
		if err := cli.PutRecords(t.Context(), c.kinesis, c.stream, data...); err != nil {
			t.Error(err)
			return
		}
	}
}

// sendAsProducers puts records as producers lay them out, and splits and merges
// shards meanwhile: 0 into 2 and 3, 3 and 1 into 4, 4 into 5 and 6.
func (c *cloud) sendAsProducers(t *testing.T, w *workload) {
	const half = "170141183460469231731687303715884105728"
	reshard := []func(){
		func() {
			c.kinesis.SplitShard(t, c.stream, "shardId-000000000000", "85070591730234615865843651857942052864")
		},
		func() { c.kinesis.MergeShards(t, c.stream, "shardId-000000000003", "shardId-000000000001") },
		func() { c.kinesis.SplitShard(t, c.stream, "shardId-000000000004", half) },
	}
	records := w.producerRecords()
	step := len(records)/4 + 1
	for n := 0; len(records) > 0; n++ {
		c.kinesis.Put(t, c.stream, records[:min(step, len(records))]...)
		records = records[min(step, len(records)):]
		if n < len(reshard) {
			time.Sleep(2 * time.Second) // others are sending, too
			reshard[n]()
		}
	}
}

// below returns a place below another.
func below(place, name string) string {
	path, query, _ := strings.Cut(place, "?")
	return path + "/" + name + "?" + query
}

func open(t *testing.T, place, name string) *s3.Bucket {
	t.Helper()
	if name != "" {
		place = below(place, name)
	}
	o, err := s3.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s3.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
