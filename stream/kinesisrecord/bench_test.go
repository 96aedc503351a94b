package kinesisrecord

import (
	"bytes"
	"fmt"
	"testing"
)

// benchEvents are 1,000 events of about 300 bytes.
func benchEvents(types int) (events [][]byte) {
	for i := range 1000 {
		events = append(events, fmt.Appendf(nil, `{"host":"web-%d.example.com","method":"GET","path":"/api/v1/items/%d","status":200,"bytes":%d,"latency":0.0123,"user":"ユーザー名","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","ok":true,"ctx":{"region":"ap-northeast-1","retry":2},"tag":"app.t%d","time":"2026-11-23T14:30:00.123456789+0900"}`,
			i%7, i, 51234+i, i%types))
	}
	return events
}

func BenchmarkDecode(b *testing.B) {
	text := bytes.Join(benchEvents(1), []byte{'\n'})
	mixed := bytes.Join(benchEvents(5), []byte{'\n'})
	joined := bytes.Join(benchEvents(1), nil)
	var small [][]byte
	for _, e := range benchEvents(5) {
		small = append(small, rubyZlib(e))
	}
	for _, c := range []struct {
		name string
		opts Options
		data []byte
	}{
		{"lines", Options{}, text},
		{"lines of 5 types", Options{}, mixed},
		{"no newlines", Options{}, joined},
		{"another time key", Options{TimeKey: "ts"}, text},
		{"gzip", Options{}, rubyGzip(text)},
		{"zstd", Options{}, fluentBitZstd(text)},
		{"aggregated", Options{}, kpl([]string{"k"}, 0, benchEvents(5)...)},
		{"aggregated, zlib each", Options{}, kpl([]string{"k"}, 0, small...)},
		{"text", Options{}, bytes.ReplaceAll(text, []byte("\n{"), []byte("\n-{"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, r := NewDecoder(c.opts), recordOf(c.data)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if len(d.Decode(r)) == 0 {
					b.Fatal("no parts")
				}
			}
		})
	}
}
