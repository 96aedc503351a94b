package kinesisrecord

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ikada-io/ikada/batch"
)

var arrival = time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)

// show writes parts as lines: log type, format and payload.
func show(parts []batch.Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.Format == batch.Bad {
			reason, _, _, raw, err := batch.ParseBad(p.Payload)
			fmt.Fprintf(&b, "bad: %s: %q %v\n", reason, raw, err)
			continue
		}
		for line := range bytes.Lines(p.Payload) {
			fmt.Fprintf(&b, "%s: %s", p.Tag, line)
		}
	}
	return b.String()
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zl(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zs(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(data, nil)
}

// kpl aggregates records as the Kinesis Producer Library does.
func kpl(records ...[]byte) []byte {
	message := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "partition")
	for _, r := range records {
		one := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 0)
		one = protowire.AppendBytes(protowire.AppendTag(one, 3, protowire.BytesType), r)
		message = protowire.AppendBytes(protowire.AppendTag(message, 3, protowire.BytesType), one)
	}
	sum := md5.Sum(message)
	return append(append(bytes.Clone(kplMagic), message...), sum[:]...)
}

const (
	first  = `{"message":"a","tag":"app.access","time":"2026-11-25T13:30:00.123456789+0900"}`
	second = `{"tag" : "app.error", "nested":{"tag":"no","time":0}, "text":"}{\"tag\":1"}`
	firsts = "app.access: [1795581000123456789," + first + "]\n"
	wants  = "app.access: [1795581000123456789," + first + "]\napp.error: " + second + "\n"
)

func TestProducers(t *testing.T) {
	two := []byte(first + "\n" + second + "\n")
	cloudWatch := `{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/aws/lambda/api","logStream":"2026/11/25/[$LATEST]ab","subscriptionFilters":["ikada"],"logEvents":[{"id":"3195","timestamp":1795581000123,"message":"START <1>\n"},{"id":"3196","timestamp":1795581000124,"message":"{\"level\":\"info\"}"}]}`
	broken := kpl([]byte(first))
	broken[len(broken)-1] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"fluent-plugin-kinesis, a line", []byte(first + "\n"), firsts},
		{"chomp_record, no line", []byte(first), firsts},
		{"compression gzip", gz([]byte(first + "\n")), firsts},
		{"compression zlib", zl([]byte(first)), firsts},
		{"zlib, fast level", append([]byte{}, zlLevel(1, first)...), firsts},
		{"kinesis_streams_aggregated", kpl([]byte(first), []byte(second)), wants},
		{"aggregated, compressed within", kpl(zl([]byte(first)), gz([]byte(second))), wants},
		{"Fluent Bit, simple_aggregation", two, wants},
		{"simple_aggregation, gzip", gz(two), wants},
		{"simple_aggregation, zstd", zs(two), wants},
		{"gzip of two members", append(gz([]byte(first+"\n")), gz([]byte(second))...), wants},
		{"objects without anything between", []byte(first + second), wants},
		{"CloudWatch Logs", gz([]byte(cloudWatch)), `aws.lambda.api: [1795581000123000000,{"message":"START \u003c1\u003e\n","id":"3195","timestamp":1795581000123,"logGroup":"/aws/lambda/api","logStream":"2026/11/25/[$LATEST]ab","owner":"123456789012"}]
aws.lambda.api: [1795581000124000000,{"message":"{\"level\":\"info\"}","id":"3196","timestamp":1795581000124,"logGroup":"/aws/lambda/api","logStream":"2026/11/25/[$LATEST]ab","owner":"123456789012"}]
`},
		{"CloudWatch Logs, control", gz([]byte(`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1795581000123,"message":"CWL CONTROL MESSAGE"}]}`)), ""},
		{"nothing", nil, ""},
		{"white space", []byte(" \n\n"), ""},
		{"over several lines", []byte("{\n \"a\": 1\n}"), "kinesis: {  \"a\": 1 }\n"},
		{"no log type", []byte(`{"a":1}`), "kinesis: {\"a\":1}\n"},
		{"empty log type", []byte(`{"tag":""}`), "kinesis: {\"tag\":\"\"}\n"},
		{"log type null", []byte(`{"tag":null}`), "kinesis: {\"tag\":null}\n"},
		{"log type with escapes", []byte(`{"tag":"a\u0062\n"}`), "ab\n: {\"tag\":\"a\\u0062\\n\"}\n"},
		{"log type a number", []byte(`{"tag": 7 }`), "7: {\"tag\": 7 }\n"},
		{"the wrong checksum", broken, "bad: neither a JSON object nor compressed: " + fmt.Sprintf("%q", broken) + " <nil>\n"},
		{"a raw line", []byte("GET / 200\n" + first), "bad: neither a JSON object nor compressed: \"GET / 200\" <nil>\n" + firsts},
		{"log_key, a bare string", []byte(`"text"`), "bad: neither a JSON object nor compressed: \"\\\"text\\\"\" <nil>\n"},
		{"a good event behind a cut one", []byte(`{"a":"` + "\n" + first), "bad: neither a JSON object nor compressed: \"{\\\"a\\\":\\\"\" <nil>\n" + firsts},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := New(Options{}).Decode(c.data, arrival, "test")
			if got := show(parts); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			for _, p := range parts {
				if p.Key != (batch.Key{}) || p.Arrival != arrival.UnixNano() || p.Origin != "test" {
					t.Errorf("part %+v", p)
				}
			}
		})
	}
}

func zlLevel(level int, text string) []byte {
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

func TestSnappyBySetting(t *testing.T) {
	data := snappy.Encode(nil, []byte(first+"\n"))
	if got := show(New(Options{Snappy: true}).Decode(data, arrival, "")); got != firsts {
		t.Error(got)
	}
	if got := show(New(Options{}).Decode(data, arrival, "")); !strings.HasPrefix(got, "bad: ") {
		t.Error(got)
	}
}

func TestTruncatedCompressionIsKeptWhole(t *testing.T) {
	long := []byte(strings.Repeat(first+"\n", 100))
	for _, data := range [][]byte{gz(long), zl(long), zs(long)} {
		cut := data[:len(data)-9]
		parts := New(Options{}).Decode(cut, arrival, "")
		_, _, _, raw, err := batch.ParseBad(parts[0].Payload)
		if len(parts) != 1 || parts[0].Format != batch.Bad || !bytes.Equal(raw, cut) {
			t.Errorf("%d parts, %v: %.200s", len(parts), err, show(parts))
		}
	}
}

func TestBombsAreKeptCompressed(t *testing.T) {
	bomb := make([]byte, 10<<20)
	for name, data := range map[string][]byte{"gzip": gz(bomb), "zlib": zl(bomb), "zstd": zs(bomb), "aggregated": kpl(gz(bomb[:900<<10]), gz(bomb[:900<<10])), "snappy": snappy.Encode(nil, bomb)} {
		parts, size := New(Options{MaxInflated: 1 << 20, Snappy: true}).Decode(data, arrival, ""), 0
		for _, p := range parts {
			size += len(p.Payload)
		}
		if got := show(parts); !strings.Contains(got, "holds more than") || size > 1<<20 {
			t.Errorf("%s: %d bytes: %.300s", name, size, got)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]int64{
		`"2026-11-25T13:30:00.000000000+0900"`: 1795581000e9,
		`"2026-11-25T13:30:00+09:00"`:          1795581000e9,
		`"2026-11-25T04:30:00Z"`:               1795581000e9,
		`"2026-11-25T04:30:00"`:                1795581000e9, // Fluent Bit's
		`"2026-11-25T04:30:00.5"`:              1795581000e9 + 5e8,
		`"2026-11-25 04:30:00"`:                1795581000e9,
		`"2026-11-24T22:30:00-0600"`:           1795581000e9,
		`1795581000`:                           1795581000e9,
		`1795581000.25`:                        1795581000e9 + 25e7,
		`1795581000250`:                        1795581000e9 + 25e7,
		`"1795581000"`:                         1795581000e9,
		`"yesterday"`:                          0,
		`""`:                                   0,
		`true`:                                 0,
		`{"a":1}`:                              0,
		`-5`:                                   0,
	} {
		if got := eventTime([]byte(text)); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
}

func TestOwnBatchesKeepTheirKeys(t *testing.T) {
	p := batch.Part{Tag: "t", Format: batch.Msgpack, Key: batch.Key{1, 2}, Arrival: 7, Origin: "forward", Payload: []byte("x")}
	record := AppendOwn(nil, batch.Append(nil, &p))
	for _, data := range [][]byte{record, zs(record), gz(record)} {
		parts := New(Options{}).Decode(data, arrival, "kinesis")
		if len(parts) != 1 || parts[0].Key != p.Key || parts[0].Origin != "forward" || string(parts[0].Payload) != "x" {
			t.Errorf("%+v", parts)
		}
	}
	if got := show(New(Options{}).Decode(record[:len(record)-1], arrival, "")); !strings.HasPrefix(got, "bad: read batch") {
		t.Error(got)
	}
}

func TestKeysAreSettings(t *testing.T) {
	parts := New(Options{TypeKey: "kind", TimeKey: "at", DefaultType: "other"}).Decode([]byte(`{"kind":"k","at":1795581000}{"tag":"x"}`), arrival, "")
	if got, want := show(parts), "k: [1795581000000000000,{\"kind\":\"k\",\"at\":1795581000}]\nother: {\"tag\":\"x\"}\n"; got != want {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(first + second))
	f.Add(kpl(zl([]byte(first)), []byte("raw")))
	f.Add(gz([]byte(`{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{"message":"m"}]}`)))
	f.Add(AppendOwn(nil, batch.Append(nil, &batch.Part{Tag: "t", Format: batch.JSON, Payload: []byte("{}")})))
	d := New(Options{MaxInflated: 1 << 20, Snappy: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		parts := d.Decode(data, arrival, "fuzz")
		for _, p := range parts {
			if p.Format == batch.JSON && !bytes.HasSuffix(p.Payload, []byte("}\n")) {
				t.Errorf("part %q", p.Payload)
			}
		}
		// What is not compressed, white space or a control message is an event
		// or in the quarantine.
		_, err := (&inflater{left: 1 << 20}).inflate(data, true)
		if plain := errors.Is(err, errNotCompressed) && !bytes.HasPrefix(data, kplMagic) && !bytes.HasPrefix(data, magic); plain &&
			len(parts) == 0 && len(bytes.Trim(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")) > 0 && !bytes.Contains(data, []byte("messageType")) {
			t.Errorf("%q was lost", data)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := gz(bytes.Repeat([]byte(first+"\n"), 2000))
	d := New(Options{})
	b.SetBytes(int64(len(first)+1) * 2000)
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(data, arrival, "bench")
	}
}
