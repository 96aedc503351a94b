package kinesisrecord

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/internal/producers"
)

// What the golden records hold; package producers lays it out as the producers do.

// field is one member of an object; producers keep their order.
type field struct {
	name  string
	value any
}

func jsonObject(fields ...field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(f.name)
		var value bytes.Buffer
		e := json.NewEncoder(&value)
		e.SetEscapeHTML(false)
		_ = e.Encode(f.value)
		b.Write(name)
		b.WriteByte(':')
		b.Write(bytes.TrimSuffix(value.Bytes(), []byte{'\n'}))
	}
	return "{" + b.String() + "}"
}

// events are what every producer is given to send.
func events(extra ...func(i int) field) []string {
	var out []string
	for i, path := range []string{"/", "/日本語", `/"quoted"`} {
		fields := []field{{"path", path}, {"status", 200 + i}, {"ratio", 0.5}, {"tags", []string{"a", "b"}}}
		for _, f := range extra {
			fields = append(fields, f(i))
		}
		out = append(out, jsonObject(fields...))
	}
	return out
}

// injected are the fields that fluent-plugin-kinesis adds with <inject>.
func injectedTag(i int) field {
	return field{"tag", []string{"app.access", "app.access", "app.audit"}[i]}
}

// injectedTime is %Y-%m-%dT%H:%M:%S.%N%z.
func injectedTime(i int) field {
	return field{"time", moment(i).In(time.FixedZone("", 9*3600)).Format("2006-01-02T15:04:05.000000000-0700")}
}

// fluentBitTime is %Y-%m-%dT%H:%M:%S, in UTC.
func fluentBitTime(i int) field {
	return field{"time", moment(i).Format("2006-01-02T15:04:05")}
}

func moment(i int) time.Time {
	return time.Date(2026, 11, 23, 5, 30, i, 123456789, time.UTC)
}

// How the producers lay it out.
var (
	asciiOnly         = producers.ASCII
	rubyZlib          = producers.RubyZlib
	fluentBitGzip     = producers.FluentBitGzip
	javaGzip          = producers.JavaGzip
	fluentBitZstd     = producers.FluentBitZstd
	snappyFrames      = producers.SnappyFrames
	snappyBlock       = producers.SnappyBlock
	kpl               = producers.KPL
	kplOf             = producers.KPLOf
	cloudWatchMessage = producers.CloudWatch
)

func rubyGzip(b []byte) []byte { return producers.RubyGzip(b, moment(0)) }

func logEvents() []string {
	return []string{
		jsonObject(field{"id", "38000000000000000000000000000000000000000000000000000000"}, field{"timestamp", moment(0).UnixMilli()}, field{"message", "START RequestId: 1\n"}),
		jsonObject(field{"id", "38000000000000000000000000000000000000000000000000000001"}, field{"timestamp", moment(1).UnixMilli()}, field{"message", `{"level":"info","msg":"hi"}`},
			field{"extractedFields", map[string]string{"level": "info"}}),
	}
}

// ikadaBatch is a batch as collect makes it.
func ikadaBatch() []byte {
	var b []byte
	for i, tag := range []string{"app.access", "app.audit"} {
		payload := []byte(events(injectedTime)[i] + "\n")
		b = batch.Append(b, &batch.Part{
			Tag: tag, Format: batch.JSON, Key: batch.KeyOf(tag, []byte("chunk"), payload, i),
			Arrival: moment(9).UnixNano(), Origin: "forward 10.0.0.7:51234", Payload: payload,
		})
	}
	return b
}

func seal(t testing.TB, b []byte) []byte {
	t.Helper()
	s, err := NewSealer()
	if err != nil {
		t.Fatal(err)
	}
	return s.Seal(nil, b)
}

func lines(events []string) []byte { return []byte(strings.Join(events, "\n") + "\n") }
