package kinesisrecord

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a record of each producer, by the name of its files.
func golden(t testing.TB) map[string][]byte {
	plugin := events(injectedTag, injectedTime)
	bit := events(fluentBitTime)
	for i := range bit {
		bit[i] = asciiOnly(bit[i])
	}
	var inner [][]byte
	for _, e := range plugin {
		inner = append(inner, rubyZlib([]byte(e)))
	}
	older := make([][]byte, len(bit))
	for i := range bit {
		older[i] = fluentBitGzip([]byte(bit[i] + "\n"))
	}
	return map[string][]byte{
		"fluent-plugin-kinesis":            []byte(plugin[0] + "\n"),
		"fluent-plugin-kinesis-chomped":    []byte(plugin[0]),
		"fluent-plugin-kinesis-zlib":       rubyZlib([]byte(plugin[1] + "\n")),
		"fluent-plugin-kinesis-gzip":       rubyGzip([]byte(plugin[2] + "\n")),
		"fluent-plugin-kinesis-aggregated": kpl([]string{"a", "0123456789abcdef0123456789abcdef"}, 1, []byte(plugin[0]), []byte(plugin[1]), []byte(plugin[2])),
		"fluent-plugin-kinesis-agg-zlib":   kpl([]string{"a", "0123456789abcdef0123456789abcdef"}, 1, inner...),
		"fluent-plugin-kinesis-data-key":   []byte("  at Main.main(Main.java:7)"),
		"fluent-bit":                       []byte(bit[1] + "\n"),
		"fluent-bit-simple-aggregation":    lines(bit),
		"fluent-bit-gzip":                  fluentBitGzip(lines(bit)),
		"fluent-bit-zstd":                  fluentBitZstd(lines(bit)),
		"fluent-bit-snappy":                snappyFrames(lines(bit)),
		"fluent-bit-snappy-bare":           snappyBlock(lines(bit)),
		"fluent-bit-log-key":               []byte(`GET /\u65e5 "quoted" 200` + "\n"),
		"fluent-bit-go":                    []byte(bit[0]),
		"fluent-bit-go-newline":            []byte(bit[0] + "\n"),
		"fluent-bit-go-zlib":               rubyZlib([]byte(bit[0])),
		"fluent-bit-go-aggregated-gzip":    kpl([]string{"k1"}, 0, older...),
		"cloudwatch-logs":                  javaGzip(cloudWatchMessage("DATA_MESSAGE", logEvents()...)),
		"cloudwatch-logs-control":          javaGzip(cloudWatchMessage("CONTROL_MESSAGE", `{"id":"","timestamp":1795411800123,"message":"CWL CONTROL MESSAGE: Checking health of destination"}`)),
		"ikada":                            seal(t, ikadaBatch()),
	}
}

func optionsOf(name string) Options { return Options{Snappy: strings.HasSuffix(name, "-bare")} }

func TestGoldenRecords(t *testing.T) {
	for name, made := range golden(t) {
		t.Run(name, func(t *testing.T) {
			data, rows := filepath.Join("testdata", name+".record"), filepath.Join("testdata", name+".rows")
			got := show(t, optionsOf(name), made)
			if *update {
				write(t, data, made)
				write(t, rows, got)
			}
			if want := read(t, rows); !bytes.Equal(got, want) {
				t.Errorf("as made now: got\n%swant\n%s", got, want)
			}
			if got, want := show(t, optionsOf(name), read(t, data)), read(t, rows); !bytes.Equal(got, want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestGoldenFilesAreAllTested(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.record"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := golden(t)[strings.TrimSuffix(filepath.Base(f), ".record")]; !ok {
			t.Errorf("%s is of no producer", f)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

var lane = ikada.Lane{Stream: "main", Incarnation: "k3j9x2ab", Shard: 0}

func recordOf(data []byte) *Record {
	return &Record{
		Source: "main/shardId-000000000000", SequenceNumber: "49590338271490256608559692538361571095921575989136588898",
		PartitionKey: "0123456789abcdef", Arrival: moment(30), Data: data,
	}
}

// rowsOf returns the rows that parts make.
func rowsOf(parts []batch.Part) *record.Set {
	s := record.NewSet(nil)
	s.Message(lane, "49590338271490256608559692538361571095921575989136588898")
	for i := range parts {
		s.Part(&parts[i])
	}
	return s
}

// show lists the rows of a record, each behind its log type.
func show(t *testing.T, opts Options, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, s := range rowsOf(NewDecoder(opts).Decode(recordOf(data))).Sources() {
		rows, err := bundle.Inflate(s.Extent, s.Pieces...)
		if err != nil {
			t.Fatal(err)
		}
		for row := range bytes.Lines(rows) {
			fmt.Fprintf(&out, "%s %s", s.Type, row)
		}
	}
	return out.Bytes()
}
