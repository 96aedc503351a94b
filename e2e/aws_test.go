package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/gen"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

const role = "arn:aws:iam::123456789012:role/load"

// Forwarders send to `ikada collect`, which is killed in mid-stream and writes to
// Kinesis; the three Lambda functions bring it from there into the tables of
// Redshift. Each of the servers is a real one, or a strict stand-in.
func TestFromAForwarderToRedshiftOverKinesisAndLambda(t *testing.T) {
	stream := awstest.StartKinesis(t)
	name := stream.NewStream(t, 2)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
	s := prepare(t, "--kinesis-stream", name, "--kinesis-endpoint", stream.Endpoint, "--kinesis-region", stream.Region)
	s.command = "collect"
	s.run()
	tr := startTraffic(t.Context(), s, 2)
	time.Sleep(time.Second)
	s.kill()
	s.run()
	time.Sleep(time.Second)
	sent, want := tr.finish()
	s.stop()
	t.Logf("%d events", sent)

	_, _, place := buckets(t)
	b := open(t, place, "")
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{b}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	env := []string{"IKADA_REDSHIFT_DSN=" + standin.URL(), "IKADA_REDSHIFT_IAM_ROLE=" + role}
	for _, kind := range []string{"buffer", "archive", "manifest"} {
		env = append(env, fmt.Sprintf("IKADA_%s_BUCKET=%s", strings.ToUpper(kind), below(place, kind)))
	}
	for _, credential := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		env = append(env, credential+"="+os.Getenv(credential))
	}
	buffer := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-buffer"), env...)
	for shard, records := range stream.Records(t, name) {
		deliver(t, buffer, name, shard, records)
	}
	for _, stage := range []string{"route", "load"} {
		if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-"+stage), env...).Invoke(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	wantLoaded(t, place, standin, want)
}

// deliver is an event source mapping: batches of a shard in order, some of
// them twice, some of them cut otherwise the second time.
func deliver(t *testing.T, f *awstest.Lambda, stream, shard string, records []types.Record) {
	t.Helper()
	for next := 0; next < len(records); {
		var e events.KinesisEvent
		size, n := 0, 0
		for _, r := range records[next:] {
			if size += len(r.Data) * 4 / 3; n > 0 && size > 5<<20 || n > 3+rand.IntN(20) {
				break
			}
			n++
			e.Records = append(e.Records, events.KinesisEventRecord{
				EventID:        shard + ":" + *r.SequenceNumber,
				EventSourceArn: "arn:aws:kinesis:eu-central-1:123456789012:stream/" + stream,
				Kinesis: events.KinesisRecord{
					Data: r.Data, SequenceNumber: *r.SequenceNumber, PartitionKey: *r.PartitionKey,
					ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: *r.ApproximateArrivalTimestamp},
				},
			})
		}
		if _, err := f.Invoke(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		next += n - rand.IntN(n)*rand.IntN(2)
	}
}

// wantLoaded compares the tables with what was sent.
func wantLoaded(t *testing.T, place string, standin *redshiftstandin.Server, want map[string]gen.Total) {
	t.Helper()
	w, err := redshift.Open(t.Context(), open(t, place, "archive"), open(t, place, "buffer"), redshift.Options{
		DSN: redshift.NewPassword(standin.URL()), IAMRole: role,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for name, total := range want {
		rows, err := w.Query(t.Context(), fmt.Sprintf(`SELECT COUNT(*), COUNT(DISTINCT _id), SUM(checksum), SUM(seq) FROM %s`, ikada.LogType(name).TableName()), 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		row, err := rows.Next()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got, expected := fmt.Sprintf("%v %v %v %v", row...), fmt.Sprintf("%d %d %d %d", total.Count, total.Count, total.Checksum, total.Seq); got != expected {
			t.Errorf("%s: count, ids, checksum and seq are %s, want %s", name, got, expected)
		}
		_ = rows.Close()
	}
	if len(want) == 0 {
		t.Error("nothing was sent")
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
