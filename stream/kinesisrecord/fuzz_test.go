package kinesisrecord

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/ikada-io/ikada/batch"
)

// FuzzDecode feeds anything. There is a row for whatever is no white space, and
// of text every byte comes back, in an event or in quarantine.
func FuzzDecode(f *testing.F) {
	for _, data := range golden(f) {
		f.Add(data, false, false)
	}
	for _, text := range []string{
		`{"tag":"a"}{"tag":"b"} ,{"x` + "\n" + `}{"y":[1,` + "\n" + `2]}` + "\n text \xff\n{}}{",
		"x^2", "\xef\xbb\xbf", "\xef\xbb\xbf{}", `{"messageType":"DATA_MESSAGE","logEvents":[{},1]}`,
	} {
		f.Add([]byte(text), true, true)
	}
	var timed, plain [2]*Decoder
	for i, snappy := range []bool{false, true} {
		timed[i] = NewDecoder(Options{TimeKey: "ts", Snappy: snappy, MaxInflated: 1 << 20, MaxEvents: 100, MessageKey: "\u2400text"})
		plain[i] = NewDecoder(Options{Snappy: snappy, MaxInflated: 1 << 20, MaxEvents: 100, MessageKey: "\u2400text"})
	}
	f.Fuzz(func(t *testing.T, data []byte, useTime, snappy bool) {
		of := plain
		if useTime {
			of = timed
		}
		d := of[0]
		if snappy {
			d = of[1]
		}
		parts := d.Decode(recordOf(data))
		rows := rowsOf(parts).Rows()
		text := isText(data)
		sent := dense(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
		if text && rows == 0 && sent > 0 {
			t.Fatalf("%q: no row", data)
		}
		for i := range parts {
			if rowsOf(parts[i:i+1]).Rows() == 0 && !own(data) {
				t.Fatalf("%q: part %d makes no row", data, i)
			}
		}
		if text && !useTime {
			if got := returned(parts); sent != got {
				t.Fatalf("%q: %d bytes of %d come back in %q", data, got, sent, brief(parts))
			}
		}
	})
}

// isText tells records that are neither compressed, joined, nor taken apart.
func isText(data []byte) bool {
	_, joined := aggregated(data)
	text, _, err := new(inflater).plain(data, 1<<20, true)
	return !joined && !own(data) && err == nil && bytes.Equal(text, data) && !bytes.Contains(data, []byte("logEvents"))
}

func own(data []byte) bool {
	_, ok := sealed(data)
	return ok
}

// dense counts the bytes that are no white space.
func dense(b []byte) (n int) {
	for _, c := range b {
		if !isSpace(c) {
			n++
		}
	}
	return n
}

func returned(parts []batch.Part) (n int) {
	for _, p := range parts {
		if p.Format == batch.Bad {
			_, _, _, raw, _ := batch.ParseBad(p.Payload)
			n += dense(raw)
			continue
		}
		for line := range bytes.Lines(p.Payload) {
			var message map[string]string
			if bytes.HasPrefix(line, []byte("{\"\u2400text\":")) && json.Unmarshal(line, &message) == nil {
				line = []byte(message["\u2400text"])
			}
			n += dense(line)
		}
	}
	return n
}
