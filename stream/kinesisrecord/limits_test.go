package kinesisrecord

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/batch"
)

func TestBombsAreQuarantinedAsTheyCame(t *testing.T) {
	zeros := make([]byte, 8<<20)
	for name, bomb := range map[string][]byte{
		"gzip": rubyGzip(zeros), "zlib": rubyZlib(zeros), "zstd": fluentBitZstd(zeros), "snappy": snappyFrames(zeros),
	} {
		d := NewDecoder(Options{MaxInflated: 1 << 20})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := d.Decode(recordOf(bomb))
		runtime.ReadMemStats(&after)
		if len(got) != 1 || got[0].Format != batch.Bad {
			t.Fatalf("%s: %d parts", name, len(got))
		}
		reason, _, _, raw, err := batch.ParseBad(got[0].Payload)
		if err != nil || !bytes.Equal(raw, bomb) || !strings.Contains(reason, "more than one record may") {
			t.Errorf("%s: %q, %d bytes, %v", name, reason, len(raw), err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 40<<20 {
			t.Errorf("%s: allocated %d bytes", name, n)
		}
	}
}

// TestAnAggregateOfBombsEnds: inflated in whole, these would be 4 GB.
func TestAnAggregateOfBombsEnds(t *testing.T) {
	bomb := fluentBitZstd(make([]byte, 8<<20))
	records := [][]byte{[]byte(`{"x":1}`)}
	for range 500 {
		records = append(records, bomb)
	}
	got := NewDecoder(Options{MaxInflated: 1 << 20}).Decode(recordOf(kpl([]string{"k"}, 0, append(records, []byte(`{"x":2}`))...)))
	if got[0].Tag != "kinesis" || string(got[0].Payload) != "{\"x\":1}\n{\"x\":2}\n" {
		t.Errorf("got %q", got[0].Payload)
	}
}

func TestWhatStandsBehindCompressedData(t *testing.T) {
	for name, whole := range map[string][]byte{"gzip": rubyGzip([]byte(`{"x":1}`)), "zlib": rubyZlib([]byte(`{"x":1}`))} {
		got := brief(NewDecoder(Options{}).Decode(recordOf(append(bytes.Clone(whole), "more"...))))
		if fmt.Sprint(got) != `[kinesis: {"x":1} bad bytes behind the end of the compressed data: "more"]` {
			t.Errorf("%s: got %q", name, got)
		}
	}
	member := rubyGzip([]byte("{\"x\":1}\n"))
	got := brief(NewDecoder(Options{}).Decode(recordOf(append(bytes.Clone(member), member...))))
	if fmt.Sprint(got) != `[kinesis: {"x":1} | {"x":1}]` {
		t.Errorf("two members: got %q", got)
	}
	cut := member[:15]
	got = brief(NewDecoder(Options{}).Decode(recordOf(append(bytes.Clone(member), cut...))))
	if fmt.Sprint(got) != fmt.Sprintf(`[kinesis: {"x":1} bad bytes behind the end of the compressed data: %q]`, cut) {
		t.Errorf("a cut member: got %q", got)
	}
}

func TestTooManyEventsTypesAndPieces(t *testing.T) {
	text := bytes.Repeat([]byte("{}\n"), 100)
	got := brief(NewDecoder(Options{MaxEvents: 40}).Decode(recordOf(text)))
	if len(got) != 2 || strings.Count(got[0], "{}") != 40 || strings.Count(got[1], "{}") != 60 {
		t.Errorf("events: got %q", got)
	}

	var types bytes.Buffer
	for i := range maxTypes + 3 {
		fmt.Fprintf(&types, "{\"tag\":\"t%d\"}\n", i)
	}
	parts := NewDecoder(Options{}).Decode(recordOf(types.Bytes()))
	if len(parts) != maxTypes+1 || parts[maxTypes].Format != batch.Bad {
		t.Errorf("types: %d parts", len(parts))
	}

	text = bytes.Repeat([]byte("{}\n{bad\n"), maxPieces+100)
	parts = NewDecoder(Options{}).Decode(recordOf(text))
	if len(parts) != 1+maxPieces+1 || bytes.Count(parts[len(parts)-1].Payload, []byte("{bad")) != 100 {
		t.Errorf("pieces: %d parts", len(parts))
	}

	large := `{"x":"` + strings.Repeat("x", maxEvent) + `"}`
	parts = NewDecoder(Options{}).Decode(recordOf([]byte(large + "\n" + `{"x":1}`)))
	if len(parts) != 2 || string(parts[0].Payload) != `{"x":1}` || parts[1].Format != batch.Bad {
		t.Errorf("a large event: %d parts", len(parts))
	}
}

// Texts made to be read again and again take linear time.
func TestHostileTextsEnd(t *testing.T) {
	const size = 1 << 20
	for _, unit := range []string{"{\n", `{"a":{`, `{"a":[` + "\n", `{"a":1,` + "\n", "{x}", "{}{", `{"a":"` + "\n", `{"a":[}{`, "}{", `"`, `{"a":1}x`, `{"messageType":"DATA_MESSAGE","logEvents":[{`} {
		text := []byte(strings.Repeat(unit, size/len(unit)))
		start := time.Now()
		parts := NewDecoder(Options{}).Decode(recordOf(text))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%q repeated: %v for %d parts", unit, took, len(parts))
		}
		if len(parts) == 0 {
			t.Errorf("%q repeated: lost", unit)
		}
	}
}
