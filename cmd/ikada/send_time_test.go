package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/record"
)

func TestEventTime(t *testing.T) {
	want := time.Date(2026, 11, 23, 3, 4, 5, 0, time.UTC)
	ns := func(n int) time.Time { return want.Add(time.Duration(n)) }
	for line, want := range map[string]time.Time{
		`{"time":"2026-11-23T03:04:05.123456789Z"}`:        ns(123456789),
		`{"time":"2026-11-23T12:04:05+09:00"}`:             ns(0),
		`{"time":"2026-11-23 12:04:05 +09:00"}`:            ns(0),
		`{"time":"2026-11-23T12:04:05+0900"}`:              ns(0),
		`{"time":"2026-11-23T03:04:05"}`:                   ns(0),
		`{"time":"2026-11-23 03:04:05.5"}`:                 ns(5e8),
		`{"time":"1795403045"}`:                            ns(0),
		`{"@timestamp":"2026-11-23T03:04:05Z"}`:            ns(0),
		`{"@timestamp":1,"timestamp":2,"Time":1795403045}`: ns(0),
		`{"time":1795403045,"timestamp":2}`:                ns(0),
		`{"time":1795403045,"time":1795403046}`:            ns(0),
		`{"time":1795403045123}`:                           ns(123e6),
		`{"time":1795403045123456}`:                        ns(123456e3),
		`{"time":1795403045123456789}`:                     ns(123456789),
		`{"time":1795403045.25}`:                           ns(25e7),
		`{"time":1.795403045e9}`:                           ns(0),
		`{"time":"yesterday","timestamp":1795403045}`:      ns(0),
		`{"time":-5,"timestamp":1795403045}`:               ns(0),
		// Times, but of a clock that is wrong: others do not mend it.
		`{"time":1999999,"timestamp":1795403045}`: {},
		`{"time":"1901-01-01T00:00:00Z"}`:         {},
		`{"time":"2028-01-01T00:00:00Z"}`:         {},
		`{"nested":{"time":1}}`:                   {},
		`{"time":null}`:                           {},
		`{"time":""}`:                             {},
		`{"time":{"a":1}}`:                        {},
		`{"time":-5}`:                             {},
		`{"time":1e300}`:                          {},
	} {
		b, err := appendEntry(nil, []byte(line), now)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if at, _ := entryJSON(t, b); !at.Equal(want) {
			t.Errorf("%s: got %s, want %s", line, at, want)
		}
		if sent, posted := rowTime(t, batch.Msgpack, b), rowTime(t, batch.JSON, []byte(line)); sent != posted {
			t.Errorf("%s: sent at %s, posted at %s", line, sent, posted)
		}
	}
}

// rowTime returns the _time of the row that an event becomes which arrives now.
func rowTime(t *testing.T, format batch.Format, payload []byte) string {
	t.Helper()
	set := record.NewSet(nil)
	set.Message(ikada.Lane{Stream: "s", Incarnation: "abcdefgh"}, "1")
	set.Part(&batch.Part{Format: format, Tag: "app", Arrival: now, Payload: payload})
	src := set.Sources()[0]
	rows, err := bundle.Inflate(src.Extent, src.Pieces...)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(rows), `"_time":"`)
	at, _, _ := strings.Cut(text, `"`)
	if !ok || src.Type != "app" {
		t.Fatalf("got %s", rows)
	}
	return at
}
