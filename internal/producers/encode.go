// Package producers lays bytes out on a Kinesis stream as the producers do that
// Ikada reads: fluent-plugin-kinesis, Fluent Bit, its older Go plugin, the KPL
// and CloudWatch Logs. It follows the sources of the producers (see
// stream/kinesisrecord/testdata/README.md), none of which runs here. For tests
// and benchmarks.
package producers

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/md5"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

// ASCII escapes what is beyond ASCII in JSON, as Fluent Bit does.
func ASCII(json string) string {
	var b strings.Builder
	for _, r := range json {
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

// A compressor is a megabyte of tables, so it is kept. (A sync.Pool forgets some
// when races are looked for.)
var (
	zlibs = make(chan *zlib.Writer, 4)
	gzips = make(chan *gzip.Writer, 4)
	zstds = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false))
		if err != nil {
			panic(err) // the options are right
		}
		return e
	})
)

// kept returns a compressor that is kept, or a new one.
func kept[W any](from chan W, make func(io.Writer) W) W {
	select {
	case w := <-from:
		return w
	default:
		return make(nil)
	}
}

// keep keeps a compressor if there is room.
func keep[W any](in chan W, w W) {
	select {
	case in <- w:
	default:
	}
}

// RubyZlib is Zlib::Deflate.deflate.
func RubyZlib(b []byte) []byte {
	var out bytes.Buffer
	w := kept(zlibs, zlib.NewWriter)
	defer keep(zlibs, w)
	w.Reset(&out)
	return closed(&out, w, b)
}

// gzipAs is gzip with what tells writers apart: the time and the system.
func gzipAs(b []byte, at time.Time, system byte) []byte {
	var out bytes.Buffer
	w := kept(gzips, gzip.NewWriter)
	defer keep(gzips, w)
	w.Reset(&out)
	w.ModTime, w.OS = at, system
	return closed(&out, w, b)
}

// RubyGzip is Zlib::GzipWriter.
func RubyGzip(b []byte, at time.Time) []byte { return gzipAs(b, at, 3) }

// FluentBitGzip is what Fluent Bit, and the older Go plugin, make of gzip.
func FluentBitGzip(b []byte) []byte { return gzipAs(b, time.Time{}, 255) }

// JavaGzip is what CloudWatch Logs makes of gzip.
func JavaGzip(b []byte) []byte { return gzipAs(b, time.Time{}, 0) }

func closed(out *bytes.Buffer, w io.WriteCloser, b []byte) []byte {
	_, _ = w.Write(b) // to memory
	_ = w.Close()
	return out.Bytes()
}

// FluentBitZstd is ZSTD_compress: one frame that tells its size.
func FluentBitZstd(b []byte) []byte { return zstds().EncodeAll(b, nil) }

// SnappyFrames is the framed format in blocks of 64 KiB.
func SnappyFrames(b []byte) []byte {
	var out bytes.Buffer
	return closed(&out, snappy.NewBufferedWriter(&out), b)
}

// SnappyBlock is one bare block, as Fluent Bit made it before it took to frames.
func SnappyBlock(b []byte) []byte { return snappy.Encode(nil, b) }

// KPL is an aggregate. keys is the table of partition keys, index the one that
// all records name.
func KPL(keys []string, index uint64, records ...[]byte) []byte {
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
	return KPLOf(m)
}

// KPLOf is an aggregate of a message in protobuf, whatever it is.
func KPLOf(message []byte) []byte {
	sum := md5.Sum(message)
	return append(append([]byte("\xf3\x89\x9a\xc2"), message...), sum[:]...)
}

// CloudWatch is a message of a subscription, before it is compressed.
func CloudWatch(kind string, events ...string) []byte {
	return []byte(`{"messageType":"` + kind + `","owner":"123456789012","logGroup":"/aws/lambda/Checkout","logStream":"2026/11/23/[$LATEST]abc","subscriptionFilters":["ikada"],"logEvents":[` +
		strings.Join(events, ",") + `]}`)
}
