package kinesisrecord

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/md5"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ikada-io/ikada/batch"
)

// These encoders lay bytes out as the producers do: see testdata/README.md.

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

// asciiOnly escapes what is beyond ASCII, as Fluent Bit does.
func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte("0123456789abcdef"[u>>shift&15])
			}
		}
	}
	return b.String()
}

// rubyZlib is Zlib::Deflate.deflate.
func rubyZlib(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	return closed(&out, w, b)
}

// gzipAs is gzip with what tells writers apart: the time and the system.
func gzipAs(b []byte, at time.Time, system byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.ModTime, w.OS = at, system
	return closed(&out, w, b)
}

func rubyGzip(b []byte) []byte      { return gzipAs(b, moment(0), 3) }
func fluentBitGzip(b []byte) []byte { return gzipAs(b, time.Time{}, 255) }
func javaGzip(b []byte) []byte      { return gzipAs(b, time.Time{}, 0) }

func closed(out *bytes.Buffer, w io.WriteCloser, b []byte) []byte {
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// fluentBitZstd is ZSTD_compress: one frame that tells its size.
func fluentBitZstd(b []byte) []byte {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderCRC(false))
	return e.EncodeAll(b, nil)
}

// snappyFrames is the framed format in blocks of 64 KiB.
func snappyFrames(b []byte) []byte {
	var out bytes.Buffer
	return closed(&out, snappy.NewBufferedWriter(&out), b)
}

// kpl is an aggregate. keys is the table of partition keys, index the one that
// all records name.
func kpl(keys []string, index uint64, records ...[]byte) []byte {
	var m []byte
	for _, k := range keys {
		m = protowire.AppendString(protowire.AppendTag(m, 1, protowire.BytesType), k)
	}
	for _, data := range records {
		var r []byte
		r = protowire.AppendVarint(protowire.AppendTag(r, 1, protowire.VarintType), index)
		r = protowire.AppendBytes(protowire.AppendTag(r, 3, protowire.BytesType), data)
		m = protowire.AppendBytes(protowire.AppendTag(m, 3, protowire.BytesType), r)
	}
	return kplOf(m)
}

func kplOf(message []byte) []byte {
	sum := md5.Sum(message)
	return append(append([]byte(aggregateMagic), message...), sum[:]...)
}

// cloudWatchMessage is a message of a subscription.
func cloudWatchMessage(kind string, events ...string) []byte {
	return []byte(`{"messageType":"` + kind + `","owner":"123456789012","logGroup":"/aws/lambda/Checkout","logStream":"2026/11/23/[$LATEST]abc","subscriptionFilters":["ikada"],"logEvents":[` +
		strings.Join(events, ",") + `]}`)
}

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

// snappyBlock is one bare block, as Fluent Bit made it before it took to frames.
func snappyBlock(b []byte) []byte { return snappy.Encode(nil, b) }
