package lambdas

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/awstest"
)

func TestMain(m *testing.M) { os.Exit(awstest.KeepBuilds(m)) }

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

// Two shards, each with a function of its own and a zombie of it, batches cut
// by dice and delivered until they succeed; two routers and two loaders at once,
// one by connections and one by the Data API, with events that are doubled, out of order and lost. All of them are the real
// binaries, killed at random.
func TestNothingIsLostOrDoubledBetweenKinesisAndTheTables(t *testing.T) {
	c := newCloud(t)
	const rows, shards = 400, 2
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	bootstrap := awstest.Build(t, "./cmd/ikada-lambda-buffer")
	done := make(chan error)
	for i := range 2 * shards {
		f := awstest.NewLambda(t, bootstrap, c.env...)
		go func() { done <- deliver(ctx, f, i/2, rows) }()
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	routing, loading := awstest.Build(t, "./cmd/ikada-lambda-route"), awstest.Build(t, "./cmd/ikada-lambda-load")
	for _, env := range [][]string{c.byWire, c.byDataAPI} {
		router, loader := awstest.NewLambda(t, routing, c.env...), awstest.NewLambda(t, loading, env...)
		others.Go(func() { again(ctx, stop, func(ctx context.Context) { _, _ = router.Invoke(ctx, nil) }) })
		others.Go(func() { again(ctx, stop, func(ctx context.Context) { _, _ = loader.Invoke(ctx, c.event(ctx)) }) })
	}
	for range 2 * shards {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	others.Wait()
	for _, last := range []string{routing, loading} { // the sweep that finds what no event told of
		if _, err := awstest.NewLambda(t, last, c.byDataAPI...).Invoke(ctx, map[string]any{"source": "aws.scheduler"}); err != nil {
			t.Fatal(err)
		}
	}
	for what, found := range map[string]map[int][]int{"archive": c.archived(t), "tables": c.loaded(t)} {
		for shard := range shards {
			wantSeqs(t, fmt.Sprintf("%s, shard %d", what, shard), found[shard], rows)
		}
	}
}

// again invokes until stop is closed, and then once more. An invocation that is
// killed, or fails, is made up for by another.
func again(ctx context.Context, stop <-chan struct{}, invoke func(context.Context)) {
	for run := true; run; {
		select {
		case <-stop:
			run = false
		default:
		}
		limit, end := context.WithTimeout(ctx, killAfter(!run))
		invoke(limit)
		end()
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
