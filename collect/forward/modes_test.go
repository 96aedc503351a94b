package forward

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/batch"
)

// Entries by the byte, as senders write them.
const (
	entry      = "92 d70000000001 00000002 81 a1'k' a1'v'"       // [EventTime, {k: v}]
	entryExt8  = "92 c7080000000001 00000002 81 a1'k' a1'v'"     // the same as ext8
	entryMeta  = "92 92 d70000000001 00000002 80 81 a1'k' a1'v'" // [[EventTime, {}], {k: v}]
	entryInt   = "92 ce65000000 81 c401'k' a1'v'"                // a bin key
	optChunk   = "82 a5'chunk' ad'Y2h1bmsgaWQ=\n' a4'size' 02"   // with a newline, as Fluentd has it
	ackOfChunk = "81 a3'ack' ad'Y2h1bmsgaWQ=\n'"
)

func gz(t testing.TB, s []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zs(t testing.TB, s []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(s, nil)
}

// compressed returns a CompressedPackedForward message.
func compressed(kind string, payload []byte) []byte {
	b := msgp.AppendArrayHeader(nil, 3)
	b = msgp.AppendString(b, "app")
	b = msgp.AppendBytes(b, payload)
	b = msgp.AppendMapHeader(b, 2)
	b = msgp.AppendString(b, "compressed")
	b = msgp.AppendString(b, kind)
	b = msgp.AppendString(b, "chunk")
	return msgp.AppendString(b, "id")
}

func TestModes(t *testing.T) {
	one := unhex(t, entry)
	ackID := "81 a3'ack' a2'id'"
	tests := map[string]struct {
		message []byte
		entries string // what the part holds
		tag     string
		ack     string
	}{
		"Message":                     {unhex(t, "93 a3'app' ce65000000 81 c401'k' a1'v'"), entryInt, "app", ""},
		"Message with option":         {unhex(t, "94 a3'app' ce65000000 81 c401'k' a1'v'"+optChunk), entryInt, "app", ackOfChunk},
		"Message with nil option":     {unhex(t, "94 a3'app' ce65000000 81 c401'k' a1'v' c0"), entryInt, "app", ""},
		"Message with EventTime":      {unhex(t, "93 a3'app' d70000000001 00000002 81 a1'k' a1'v'"), entry, "app", ""},
		"Message with metadata":       {unhex(t, "93 a3'app' 92 d70000000001 00000002 80 81 a1'k' a1'v'"), entryMeta, "app", ""},
		"Message, metadata, option":   {unhex(t, "94 a3'app' 92 d70000000001 00000002 80 81 a1'k' a1'v'"+optChunk), entryMeta, "app", ackOfChunk},
		"tag of type bin":             {unhex(t, "93 c403'app' ce65000000 81 c401'k' a1'v'"), entryInt, "app", ""},
		"Forward":                     {unhex(t, "92 a3'app' 92"+entry+entryInt), entry + entryInt, "app", ""},
		"Forward of array16":          {unhex(t, "92 a3'app' dc0002"+entry+entryExt8), entry + entryExt8, "app", ""},
		"Forward with metadata":       {unhex(t, "93 a3'app' 92"+entryMeta+entryMeta+optChunk), entryMeta + entryMeta, "app", ackOfChunk},
		"Forward of one entry":        {unhex(t, "93 a3'app' 91"+entry+optChunk), entry, "app", ackOfChunk},
		"PackedForward, bin":          {unhex(t, "92 a3'app' c410"+entry), entry, "app", ""},
		"PackedForward, str":          {unhex(t, "93 a3'app' b0"+entry+optChunk), entry, "app", ackOfChunk},
		"PackedForward, str8":         {unhex(t, "93 a3'app' d910"+entry+optChunk), entry, "app", ackOfChunk},
		"PackedForward, text":         {compressed("text", one), entry, "app", ackID},
		"PackedForward, chunk as bin": {unhex(t, "93 a3'app' b0"+entry+"81 a5'chunk' c402 00ff"), entry, "app", "81 a3'ack' c402 00ff"},
		"gzip":                        {compressed("gzip", gz(t, one)), entry, "app", ackID},
		"gzip of several members":     {compressed("gzip", append(gz(t, one), gz(t, one)...)), entry + entry, "app", ackID},
		"zstd":                        {compressed("zstd", zs(t, one)), entry, "app", ackID},
		"behind a heartbeat":          {unhex(t, "c0 c0 92 a3'app' 91"+entry), entry, "app", ""},
		"fluent_signal of logs":       {unhex(t, "93 a3'app' 91"+entry+"81 ad'fluent_signal' 00"), entry, "app", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, setup{})
			nc := r.dial()
			send(t, nc, test.message)
			p := r.part()
			if want := unhex(t, test.entries); p.Format != batch.Msgpack || !bytes.Equal(p.Payload, want) {
				t.Errorf("format %d, entries\n%x, want\n%x", p.Format, p.Payload, want)
			}
			if want := "forward " + nc.LocalAddr().String(); p.Tag != test.tag || p.Origin != want || p.Arrival == 0 {
				t.Errorf("tag %q, origin %q, arrival %d; want %q, %q", p.Tag, p.Origin, p.Arrival, test.tag, want)
			}
			if test.ack != "" {
				expect(t, nc, unhex(t, test.ack))
			}
			r.stop()
			if rest := expectEnd(t, nc); len(rest) > 0 {
				t.Errorf("the server said %q as well", rest)
			}
			if r.log.Len() > 0 {
				t.Errorf("logged: %s", r.log)
			}
		})
	}
}

func TestJSONForm(t *testing.T) {
	tests := map[string]struct{ message, entries, ack string }{
		"Message":      {`["app",1,{"k":"v"}]`, `[1,{"k":"v"}]` + "\n", ""},
		"over lines":   {"[\n \"app\", 1.5,\n {\"k\": \"]\\\"\"}\n]\n", `[1.5,{"k":"]\""}]` + "\n", ""},
		"with option":  {`["app",1,{"k":"v"},{"chunk":"a\n/\u00e9"}]`, `[1,{"k":"v"}]` + "\n", `{"ack":"a\n/\u00e9"}`},
		"Forward":      {`["app",[[1,{"k":1}],[2,{"k":2}]],{"chunk":"c"}]`, "[1,{\"k\":1}]\n[2,{\"k\":2}]\n", `{"ack":"c"}`},
		"metadata":     {`["app",[1,{}],{"k":1}]`, "[[1,{}],{\"k\":1}]\n", ""},
		"Forward of 2": {`["app",[[1,{}],[2,{}]],{}]`, "[1,{}]\n[2,{}]\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, setup{})
			nc := r.dial()
			for _, c := range []byte(test.message) { // in the smallest pieces
				send(t, nc, []byte{c})
			}
			p := r.part()
			if p.Format != batch.JSONEntries || string(p.Payload) != test.entries || p.Tag != "app" {
				t.Errorf("format %d, tag %q, entries %q; want %q", p.Format, p.Tag, p.Payload, test.entries)
			}
			expect(t, nc, []byte(test.ack))
		})
	}
}

func TestMessagesThatAreNoneAreSetAsideAndTheConnectionGoesOn(t *testing.T) {
	tests := map[string]struct {
		message []byte
		reason  string
		ack     string
	}{
		"no entries":          {unhex(t, "91 a3'app'"), "message of 1 elements", ""},
		"no record":           {unhex(t, "92 a3'app' 05"), "without a record", ""},
		"a tag of numbers":    {unhex(t, "94 07 05 80 81 a5'chunk' a1'c'"), "tag is no string", "81 a3'ack' a1'c'"},
		"too many elements":   {unhex(t, "98 a3'app' 05 80 80 91 92 01 02 01 01 01"), "message of 8 elements", ""},
		"a wrong option":      {unhex(t, "93 a3'app' 91"+entry+"05"), "option is no map", ""},
		"unknown compression": {compressed("lz4", []byte("x")), "unknown compression \"lz4\"", "81 a3'ack' a2'id'"},
		"broken gzip":         {compressed("gzip", []byte("no gzip at all, but long")), "decompress gzip", "81 a3'ack' a2'id'"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, setup{})
			nc := r.dial()
			send(t, nc, append(bytes.Clone(test.message), unhex(t, "92 a3'app' 91"+entry)...))
			p := r.part()
			reason, i, n, raw, err := batch.ParseBad(p.Payload)
			if p.Format != batch.Bad || err != nil || !strings.Contains(reason, test.reason) || i != 1 || n != 1 {
				t.Fatalf("format %d, %d of %d, reason %q, %v; want %q", p.Format, i, n, reason, err, test.reason)
			}
			if !bytes.Equal(raw, test.message) {
				t.Errorf("kept %q of %q", raw, test.message)
			}
			if p := r.part(); p.Format != batch.Msgpack || !bytes.Equal(p.Payload, unhex(t, entry)) {
				t.Errorf("the good message behind it became %d, %x", p.Format, p.Payload)
			}
			if test.ack != "" {
				expect(t, nc, unhex(t, test.ack))
			}
		})
	}
}

func TestMetricsAndTracesAreDroppedAndAcknowledged(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	send(t, nc, unhex(t, "93 a3'app' 91"+entry+"82 ad'fluent_signal' 01 a5'chunk' a1'c'"))
	expect(t, nc, unhex(t, "81 a3'ack' a1'c'"))
	if n := r.server.Counts.Signals.Load(); n != 1 || r.held().Messages != 0 {
		t.Errorf("%d counted, %d stored", n, r.held().Messages)
	}
}

func TestEmptyChunksAreAcknowledged(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	send(t, nc, unhex(t, "93 a3'app' 90"+optChunk+"93 a3'app' c400"+optChunk))
	expect(t, nc, unhex(t, ackOfChunk+ackOfChunk))
}

func TestSingleEventsTravelTogether(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	var all, want []byte
	for i := range 1000 {
		all = append(all, unhex(t, fmt.Sprintf("93 a1'%c' 01 81 a1'k' cd%04x", "ab"[i/500], i))...)
		want = append(want, unhex(t, fmt.Sprintf("92 01 81 a1'k' cd%04x", i))...)
	}
	send(t, nc, all)
	parts := 0
	tags := map[string]int{}
	for len(want) > 0 {
		p := r.part()
		parts++
		tags[p.Tag] += len(p.Payload)
		if !bytes.HasPrefix(want, p.Payload) {
			t.Fatalf("part %d is out of order", parts)
		}
		want = want[len(p.Payload):]
	}
	if parts > 20 || len(tags) != 2 || tags["a"] != tags["b"] {
		t.Errorf("%d parts for 1000 events of two tags: %v", parts, tags)
	}
}

func TestALargeSingleEvent(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	big := msgp.AppendMapHeader(nil, 1)
	big = msgp.AppendString(big, "k")
	big = msgp.AppendString(big, strings.Repeat("v", 3<<20))
	send(t, nc, append(unhex(t, "93 a3'app' 01"), big...))
	if p := r.part(); p.Tag != "app" || !bytes.Equal(p.Payload, append([]byte{0x92, 1}, big...)) {
		t.Errorf("tag %q, %d bytes", p.Tag, len(p.Payload))
	}
}

func TestAcksComeInOrderAndOnlyWhenDurable(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	var want []byte
	for i := range 300 {
		send(t, nc, unhex(t, fmt.Sprintf("93 a3'app' 91"+entry+"81 a5'chunk' cd%04x", i)))
		want = append(want, unhex(t, fmt.Sprintf("81 a3'ack' cd%04x", i))...)
	}
	expect(t, nc, want)
	r.stop()
	for range 300 {
		r.part() // all there before the last ack
	}
}

// What is no JSON is set aside, and its sender told, if it asked: or it would
// send the same for ever.
func TestBrokenJSONIsAcknowledged(t *testing.T) {
	r := start(t, setup{})
	nc := r.dial()
	send(t, nc, []byte(`["app",1,{"a":NaN},{"chunk":"id"}]`+"\n"+`["app",1,{"a":NaN}]`+"\n"+`["app",1,{"a":2},{"chunk":"next"}]`))
	expect(t, nc, []byte(`{"ack":"id"}{"ack":"next"}`))
	for _, want := range []batch.Format{batch.Bad, batch.Bad, batch.JSONEntries} {
		if p := r.part(); p.Format != want {
			t.Errorf("format %d, want %d: %q", p.Format, want, p.Payload)
		}
	}
}
