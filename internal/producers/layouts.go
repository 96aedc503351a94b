package producers

import (
	"bytes"
	"time"
)

// Layout is how a producer lays events out in one record of a stream.
type Layout struct {
	Name   string
	Many   bool   // it puts many events into a record
	Time   string // layout of package time, of the field "time"
	Record func(events []string) []byte
}

// Times of the producers, by default.
const (
	PluginTime    = "2006-01-02T15:04:05.000000000-0700" // %Y-%m-%dT%H:%M:%S.%N%z
	FluentBitTime = "2006-01-02T15:04:05"                // UTC
)

// Layouts are those of JSON events. Events go in as objects on one line, without
// a newline.
func Layouts() []Layout {
	plugin := func(name string, record func(event []byte) []byte) Layout {
		return Layout{Name: "fluent-plugin-kinesis" + name, Time: PluginTime, Record: func(e []string) []byte { return record([]byte(e[0])) }}
	}
	bit := func(name string, many bool, record func(lines []byte) []byte) Layout {
		return Layout{Name: "fluent-bit" + name, Many: many, Time: FluentBitTime, Record: func(e []string) []byte { return record(asciiLines(e)) }}
	}
	bare := func(b []byte) []byte { return b }
	chomp := func(b []byte) []byte { return bytes.TrimSuffix(b, []byte{'\n'}) }
	return []Layout{
		plugin("", newline),
		plugin("-chomped", bare),
		plugin("-zlib", func(b []byte) []byte { return RubyZlib(newline(b)) }),
		plugin("-gzip", func(b []byte) []byte { return RubyGzip(newline(b), time.Unix(1_795_411_800, 0)) }),
		{Name: "fluent-plugin-kinesis-aggregated", Many: true, Time: PluginTime, Record: func(e []string) []byte { return aggregate(e, 1, bare) }},
		{Name: "fluent-plugin-kinesis-agg-zlib", Many: true, Time: PluginTime, Record: func(e []string) []byte { return aggregate(e, 1, RubyZlib) }},
		bit("", false, bare),
		bit("-simple-aggregation", true, bare),
		bit("-gzip", true, FluentBitGzip),
		bit("-zstd", true, FluentBitZstd),
		bit("-snappy", true, SnappyFrames),
		bit("-snappy-bare", true, SnappyBlock),
		bit("-go", false, chomp),
		bit("-go-newline", false, bare),
		bit("-go-zlib", false, func(b []byte) []byte { return RubyZlib(chomp(b)) }),
		{Name: "fluent-bit-go-aggregated-gzip", Many: true, Time: FluentBitTime, Record: func(e []string) []byte {
			return aggregate(e, 0, func(b []byte) []byte { return FluentBitGzip(newline([]byte(ASCII(string(b))))) })
		}},
	}
}

func newline(b []byte) []byte { return append(bytes.Clone(b), '\n') }

func asciiLines(events []string) (b []byte) {
	for _, e := range events {
		b = append(append(b, ASCII(e)...), '\n')
	}
	return b
}

// aggregate is a KPL aggregate whose records name one partition key.
func aggregate(events []string, index uint64, pack func([]byte) []byte) []byte {
	keys := []string{"a", "0123456789abcdef0123456789abcdef"}
	inner := make([][]byte, len(events))
	for i, e := range events {
		inner[i] = pack([]byte(e))
	}
	return KPL(keys[:index+1], index, inner...)
}
