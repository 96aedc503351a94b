package collect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/stream"
)

// packed returns n entries of about size bytes each.
func packed(n, size int) (out []byte) {
	for i := range n {
		out = msgp.AppendArrayHeader(out, 2)
		out = msgp.AppendInt(out, i)
		out = msgp.AppendMapHeader(out, 1)
		out = msgp.AppendString(out, "m")
		out = msgp.AppendString(out, strings.Repeat("x", size))
	}
	return out
}

func cutAll(t *testing.T, c Chunk) (parts []cutPart) {
	t.Helper()
	err := sizesFor(stream.MaxMessage).cut(&c, func(p cutPart) error {
		p.payload = bytes.Clone(p.payload)
		parts = append(parts, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

func TestCut(t *testing.T) {
	maxPayload := sizesFor(stream.MaxMessage).payload
	huge := packed(1, maxPayload+1)
	tests := map[string]struct {
		chunk   Chunk
		formats string // M, J or B a part
		reason  string // of the first Bad part
	}{
		"small":                     {Chunk{Format: batch.Msgpack, Payload: packed(10, 100)}, "M", ""},
		"small and broken":          {Chunk{Format: batch.Msgpack, Payload: []byte{0xc1}}, "M", ""},
		"many entries":              {Chunk{Format: batch.Msgpack, Payload: packed(5000, 1000)}, "MMM", ""},
		"entries larger than parts": {Chunk{Format: batch.Msgpack, Payload: packed(2, maxPart+100)}, "MM", ""},
		"an entry beyond a message": {Chunk{Format: batch.Msgpack, Payload: append(append(packed(1, 10), huge...), packed(1, 10)...)},
			"MBBM", fmt.Sprintf("entry of %d bytes is larger than %d: split the event", len(huge), maxPayload)},
		"broken behind good entries": {Chunk{Format: batch.Msgpack, Payload: append(packed(3000, 1000), 0xc1, 1, 2)},
			"MMB", "the chunk breaks off behind 3029744 bytes of good entries: byte 0: byte 0xc1 is no msgpack"},
		"lines":         {Chunk{Format: batch.JSON, Payload: bytes.Repeat([]byte("{\"a\":12345}\n"), 400_000)}, "JJJ", ""},
		"one long line": {Chunk{Format: batch.JSON, Payload: bytes.Repeat([]byte("x"), maxPayload+1)}, "BB", "entry of 8372225 bytes is larger than 8372224: split the event"},
		"bad":           {Chunk{Format: batch.Bad, Reason: "why", Payload: make([]byte, maxBad+1)}, "BB", "why"},
		"an endless tag": {Chunk{Tag: strings.Repeat("t", 5000), Format: batch.Msgpack, Payload: packed(1, 10)}, "B",
			"tag of 5000 bytes is longer than 1024: shorten the tag"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			parts := cutAll(t, test.chunk)
			var formats strings.Builder
			var whole []byte
			var reason string
			for _, p := range parts {
				formats.WriteByte(" MJEB"[p.format])
				raw := p.payload
				if p.format == batch.Bad {
					why, _, _, bytes, err := batch.ParseBad(p.payload)
					if err != nil {
						t.Fatal(err)
					}
					raw, reason = bytes, why
				}
				whole = append(whole, raw...)
			}
			if formats.String() != test.formats || reason != test.reason {
				t.Errorf("parts %s, reason %q; want %s, %q", formats.String(), reason, test.formats, test.reason)
			}
			if !bytes.Equal(whole, test.chunk.Payload) {
				t.Errorf("the parts hold %d bytes; the payload has %d", len(whole), len(test.chunk.Payload))
			}
		})
	}
}

// The rule must never change by accident: parts of a resend would look new.
func TestTheCutRuleIsFixed(t *testing.T) {
	var sizes []int
	for _, p := range cutAll(t, Chunk{Format: batch.Msgpack, Payload: packed(5000, 1000)}) {
		sizes = append(sizes, len(p.payload))
	}
	if got, want := fmt.Sprint(sizes), "[2096504 2096760 856480]"; got != want {
		t.Errorf("parts of %s bytes; want %s", got, want)
	}
}

func FuzzCutLosesNoByte(f *testing.F) {
	f.Add(packed(3, 10), byte(batch.Msgpack), uint16(0))
	f.Add([]byte("{}\n{}\n"), byte(batch.JSON), uint16(9000))
	f.Fuzz(func(t *testing.T, unit []byte, format byte, times uint16) {
		if format < byte(batch.Msgpack) || format > byte(batch.Bad) || len(unit) > 1000 {
			t.Skip("no such chunk")
		}
		payload := bytes.Repeat(unit, int(times)+1)
		var whole []byte
		for _, p := range cutAll(t, Chunk{Format: batch.Format(format), Payload: payload}) {
			if p.format == batch.Bad {
				_, _, _, p.payload, _ = batch.ParseBad(p.payload)
			}
			whole = append(whole, p.payload...)
		}
		if !bytes.Equal(whole, payload) {
			t.Fatalf("%d bytes became %d", len(payload), len(whole))
		}
	})
}
