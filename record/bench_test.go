package record

import (
	"testing"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/declare"
)

func benchEntries(b *testing.B) (payload []byte) {
	for i := range 1000 {
		payload = append(payload, entry(ext8(noon+uint32(i), uint32(i)*1000), packed(b,
			"host", "web-13.example.com", "method", "GET", "path", "/api/v1/items/12345", "status", 200, "bytes", 51234+i,
			"latency", 0.0123+float64(i), "user", "ユーザー名", "agent", "Mozilla/5.0 (X11; Linux x86_64)", "ok", true,
			"ctx", map[string]any{"region": "ap-northeast-1", "retry": 2}, "seq", i, "at", "2026-11-23T05:30:00Z"))...)
	}
	return payload
}

func BenchmarkMsgpack(b *testing.B) {
	s := newSet()
	p := &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: benchEntries(b)}
	s.Part(p)
	size := s.Size()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.Part(p)
	}
	b.ReportMetric(float64(size)/1000, "bytes/event")
}

// What declarations cost where there are some: a declared time, a field of each
// kind of guard, and a log type by a field's value.
func BenchmarkDeclared(b *testing.B) {
	at, err := declare.NewTime("at", "rfc3339")
	if err != nil {
		b.Fatal(err)
	}
	s := declaredSet(b, []declare.Type{{Name: "t.GET", Time: at, Guards: []declare.Guard{drop("agent"), masked("path", "***", 4), hashed("user"), drop("ctx.retry")}}},
		declare.Route{Tag: "t", Field: "method", Value: "*", Type: "t.$1"})
	p := &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: benchEntries(b)}
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.Part(p)
	}
}
