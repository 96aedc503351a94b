package lambdas

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/awstest"
)

// large is a record that Lambda cannot deliver.
func large(shard, seq int) events.KinesisEvent {
	e := records(shard, seq, seq)
	e.Records[0].EventSource = "aws:kinesis"
	e.Records[0].Kinesis.Data = fmt.Appendf(nil, `{"tag":"type.large","shard":%d,"seq":%d,"pad":"%s"}`, shard, seq, strings.Repeat("x", 5<<20))
	return e
}

// invocation is what Lambda puts into an on-failure bucket, as its guide shows it.
func invocation(t *testing.T, e events.KinesisEvent) []byte {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	first, last := &e.Records[0], &e.Records[len(e.Records)-1]
	data, err := json.Marshal(map[string]any{
		"requestContext": map[string]any{
			"requestId": "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5", "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:ikada-buffer",
			"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1,
		},
		"responseContext": map[string]any{"statusCode": 413, "executedVersion": "$LATEST", "functionError": "Unhandled"},
		"version":         "1.0",
		"timestamp":       "2026-11-14T00:38:06.021Z",
		"KinesisBatchInfo": map[string]any{
			"shardId": first.EventID[:20], "startSequenceNumber": first.Kinesis.SequenceNumber, "endSequenceNumber": last.Kinesis.SequenceNumber,
			"approximateArrivalOfFirstRecord": "2026-11-14T00:38:04.835Z", "approximateArrivalOfLastRecord": "2026-11-14T00:38:05.580Z",
			"batchSize": len(e.Records), "streamArn": first.EventSourceArn,
		},
		"payload": string(payload),
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fail puts a batch into the on-failure bucket, as Lambda does.
func (c *cloud) fail(t *testing.T, shard int, name string, data []byte) {
	t.Helper()
	key := fmt.Sprintf("aws/lambda/14e0db71-5d35-4eb5-b481-8945cf9d10c2/shardId-%012d/2026/11/14/2026-11-14T00.38.06-%s", shard, name)
	if err := c.failed.Create(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}

// Records are delivered in order but for those that are too large; those come
// back from the bucket, in two environments at once that are killed at random,
// with events that are doubled. One batch was delivered all the same, and one
// object is no batch.
func TestWhatLambdaCannotDeliverComesBackOnce(t *testing.T) {
	c := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	bootstrap := awstest.Build(t, "./cmd/ikada-lambda-buffer")
	deliver := awstest.NewLambda(t, bootstrap, c.env...)
	const rows, every = 40, 8
	for seq := range rows {
		if seq%every == every-1 {
			c.fail(t, 0, fmt.Sprint(seq), invocation(t, large(0, seq)))
			continue
		}
		if _, err := deliver.Invoke(ctx, records(0, seq, seq)); err != nil {
			t.Fatal(err)
		}
	}
	c.fail(t, 0, "delivered", invocation(t, records(0, 2, 4)))
	c.fail(t, 0, "strange", []byte("this is no batch"))
	if err := c.failed.Create(ctx, "readme", []byte("somebody's own")); err != nil {
		t.Fatal(err)
	}

	var sweeps sync.WaitGroup
	for range 2 {
		f := awstest.NewLambda(t, bootstrap, c.env...)
		sweeps.Go(func() {
			for range 6 {
				limit, end := context.WithTimeout(ctx, time.Duration(rand.IntN(1500))*time.Millisecond)
				_, _ = f.Invoke(limit, created(c.failed.URL("any%20key+%25"))) // killed, or made up for below
				end()
			}
		})
	}
	sweeps.Wait()
	for range 2 { // the schedule
		if _, err := deliver.Invoke(ctx, map[string]any{"version": "0", "source": "aws.scheduler"}); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-route"), c.env...).Invoke(ctx, nil); err != nil {
		t.Fatal(err)
	}
	got := c.archived(t)[0]
	slices.Sort(got)
	want := make([]int, rows)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows %v", got)
	}
	var left []string
	for info, err := range c.failed.List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, info.Key)
	}
	if !slices.Equal(left, []string{"readme"}) {
		t.Errorf("left in the bucket: %v", left)
	}
	lane := ikada.Lane{Stream: "failed", Incarnation: incarnationOf(c.failed.URL(""))}
	if c.quarantined(t) != 1 {
		t.Errorf("%d rows in quarantine", c.quarantined(t))
	}
	if n := c.s3.Count(t, strings.Split(c.buffer.URL(""), "/")[2], "logs/lanes/"+lane.String()+"/"); n != rows/every+2 {
		t.Errorf("%d bundles in lane %s", n, lane)
	}
}

// created is the event of S3 for an object.
func created(key string) events.S3Event {
	return events.S3Event{Records: []events.S3EventRecord{{EventSource: "aws:s3", EventName: "ObjectCreated:Put", S3: events.S3Entity{
		Bucket: events.S3Bucket{Name: "failed"}, Object: events.S3Object{Key: key},
	}}}}
}

func TestWhatIsNoInvocationRecordIsQuarantinedAsItIs(t *testing.T) {
	b := Buffer{}
	kinesis := map[string]any{"shardId": "shardId-000000000000"}
	two := records(0, 0, 0)
	two.Records = append(two.Records, records(1, 0, 0).Records...)
	for name, c := range map[string]struct {
		object any
		want   string
	}{
		"no object":       {"text", "cannot unmarshal"},
		"another source":  {map[string]any{"DDBStreamBatchInfo": kinesis, "payload": "{}"}, "names no batch of Kinesis"},
		"no payload":      {map[string]any{"KinesisBatchInfo": kinesis}, "no payload"},
		"null payload":    {map[string]any{"KinesisBatchInfo": kinesis, "payload": nil}, "holds no records"},
		"cut payload":     {map[string]any{"KinesisBatchInfo": kinesis, "payload": `{"Records":[{`}, "unexpected end"},
		"no records":      {map[string]any{"KinesisBatchInfo": kinesis, "payload": "{}"}, "holds no records"},
		"data no base64":  {map[string]any{"KinesisBatchInfo": kinesis, "payload": `{"Records":[{"kinesis":{"data":"$"}}]}`}, "illegal base64"},
		"no place":        {map[string]any{"KinesisBatchInfo": kinesis, "payload": `{"Records":[{"eventID":"x"}]}`}, `eventID is "x"`},
		"shards mixed up": {map[string]any{"KinesisBatchInfo": kinesis, "payload": two}, "want one shard"},
	} {
		data, err := json.Marshal(c.object)
		if err != nil {
			t.Fatal(err)
		}
		u := b.unpack("s3://failed/key", data)
		if len(u.Records) != 1 || u.Lane != (ikada.Lane{}) {
			t.Fatalf("%s: %+v", name, u)
		}
		p := u.Records[0].Parts()[0]
		if !strings.Contains(string(p.Payload), c.want) || !bytes.HasSuffix(p.Payload, data) || p.Origin != "object s3://failed/key" {
			t.Errorf("%s: %q", name, p.Payload)
		}
	}
}

// The payload is the event as a text; as an object it would be read too. The
// records may stand in any order.
func TestInvocationRecordIsRead(t *testing.T) {
	b, err := NewBuffer(t.Context(), func(name string) string {
		return map[string]string{bufferBucket: "s3://bucket?region=eu-central-1"}[name]
	}, Log())
	if err != nil {
		t.Fatal(err)
	}
	e := records(7, 0, 2)
	slices.Reverse(e.Records)
	asObject, err := json.Marshal(map[string]any{"KinesisBatchInfo": map[string]any{}, "payload": e})
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{invocation(t, e), asObject} {
		u, err := b.undelivered(data)
		if err != nil || len(u.Records) != 3 || u.Lane != laneOf(e.Records[0].EventSourceArn, 7) || u.Undelivered || u.Records[0].Position >= u.Records[2].Position {
			t.Errorf("%+v, %v", u, err)
		}
	}
	if u, err := b.undelivered(invocation(t, large(7, 1))); err != nil || !u.Undelivered {
		t.Errorf("%+v, %v", u, err)
	}
	if err := b.Handle(t.Context(), events.KinesisEvent{}); err == nil || !strings.Contains(err.Error(), "IKADA_FAILED_BUCKET is not set") {
		t.Errorf("%v", err)
	}
}

func FuzzInvocationRecord(f *testing.F) {
	f.Add([]byte(`{"KinesisBatchInfo":{},"payload":"{\"Records\":[{\"eventID\":\"shardId-1:2\",\"kinesis\":{\"sequenceNumber\":\"2\",\"data\":\"e30=\"}}]}"}`))
	f.Add([]byte(`{"KinesisBatchInfo":{},"payload":{"Records":[{}]}}`))
	b, err := NewBuffer(f.Context(), func(name string) string {
		return map[string]string{bufferBucket: "s3://bucket?region=eu-central-1"}[name]
	}, Log())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u := b.unpack("s3://failed/key", data)
		if len(u.Records) == 0 {
			t.Fatal("nothing is left of it")
		}
		for _, r := range u.Records {
			_ = r.Parts()
		}
	})
}
