package lambdas

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada/internal/awstest"
)

// What is read of an event is what the library reads of it.
func TestEventsAreReadAsTheLibraryReadsThem(t *testing.T) {
	e := awstest.BatchOf("logs", "shardId-000000000007", 1, []byte("日本\x00\xff"), []byte{}, []byte(`{"a":1}`))
	e.Records[0].Kinesis.PartitionKey = `"quoted" \ 日本`
	e.Records[2].Kinesis.ApproximateArrivalTimestamp = events.SecondsEpochTime{Time: time.UnixMilli(1_795_411_800_999)}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var want events.KinesisEvent
	if err := json.Unmarshal(payload, &want); err != nil {
		t.Fatal(err)
	}
	got, err := readEvent(payload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Records {
		w, g := &want.Records[i], &got.Records[i]
		if d := w.Kinesis.ApproximateArrivalTimestamp.Sub(g.Kinesis.ApproximateArrivalTimestamp.Time); d.Abs() > time.Microsecond {
			t.Errorf("record %d arrived %v, want %v", i, g.Kinesis.ApproximateArrivalTimestamp, w.Kinesis.ApproximateArrivalTimestamp)
		}
		g.Kinesis.ApproximateArrivalTimestamp = w.Kinesis.ApproximateArrivalTimestamp
		w.AwsRegion, w.EventName, w.EventVersion, w.Kinesis.KinesisSchemaVersion = "", "", "", "" // not needed
		if !reflect.DeepEqual(w, g) {
			t.Errorf("record %d: got %+v, want %+v", i, g, w)
		}
	}
	if ms := got.Records[2].Kinesis.ApproximateArrivalTimestamp.UnixMilli(); ms != 1_795_411_800_999 {
		t.Errorf("arrival %d", ms)
	}
}

func TestEventsOfOthers(t *testing.T) {
	for text, source := range map[string]string{
		`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","s3":{"object":{"key":"a"}}}]}`: "aws:s3",
		`{"source":"aws.scheduler"}`: "",
		`null`:                       "",
	} {
		e, err := readEvent([]byte(text))
		if err != nil || (source != "") != (len(e.Records) == 1) || source != "" && e.Records[0].EventSource != source {
			t.Errorf("%s: %+v, %v", text, e, err)
		}
	}
	for _, text := range []string{``, `[]`, `{"Records":7}`, `{"Records":[{"kinesis":{"data":"no base64!"}}]}`, `{"Records":[{`} {
		if _, err := readEvent([]byte(text)); err == nil || !strings.Contains(err.Error(), "read the event") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func BenchmarkReadEvent(b *testing.B) {
	record := []byte(strings.Repeat(`{"path":"/items"}`, 16))
	var data [][]byte
	for range 10_000 {
		data = append(data, record)
	}
	payload, err := json.Marshal(awstest.BatchOf("logs", "shardId-000000000007", 1, data...))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payload)))
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			var e events.KinesisEvent
			if err := json.Unmarshal(payload, &e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if _, err := readEvent(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
