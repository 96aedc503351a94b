package quarantine_test

import (
	"strings"
	"testing"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/quarantine"
)

// TestWhatIsBadStillSaysWhy: a record that was set aside as it came, unread, keeps
// the reason for that; one that was read as an event has what is in the way now.
func TestWhatIsBadStillSaysWhy(t *testing.T) {
	const message = "\x93\xa5m.all\xc4\x03\x1f\x8b\x08\x81\xaacompressed\xa4gzip"
	for name, c := range map[string]struct {
		part        batch.Part
		as, charset string
		want        string
	}{
		"a message": {part: bad("decompress gzip: gzip: invalid checksum", message), want: "decompress gzip: gzip: invalid checksum"},
		"a message in a charset": {part: bad(`unknown compression "lz4": use gzip or zstd`, message), charset: "shift_jis",
			want: `unknown compression "lz4": use gzip or zstd`},
		"a message of another type": {part: bad("message of 4 elements: want at most 3", message), as: "app", want: "message of 4 elements: want at most 3"},
		"a message in JSON":         {part: bad("the message's option is no map", `["m.all",[[1,{"a":1}]],5]`), want: "the message's option is no map"},
		"no message":                {part: bad("broken stream of messages: byte 0xc1 is no msgpack", "GET / HTTP/1.1\r\n"), want: "broken stream of messages: byte 0xc1 is no msgpack"},
		"a line":                    {part: line("{\"s\":\"\x8e\xa6\"}"), want: `field "s": the text is not UTF-8`},
		"a line of another type":    {part: line(`{"s":`), as: "app", want: `field "s": JSON ends in the middle of a value`},
		"a line in the wrong charset": {part: line("{\"s\":\"\xff\xfe\"}"), charset: "shift_jis",
			want: "some of its bytes are no text in that charset"},
		"a line of no log type": {part: line(`{"s":`), as: strings.Repeat("t", 2000), want: "log type of 2000 bytes is longer than 1024: shorten the tag"},
	} {
		t.Run(name, func(t *testing.T) {
			w := onDuckDB(t)
			w.AppendPart(c.part)
			w.Route()
			w.Load()
			got, err := w.store().Retry(t.Context(), quarantine.Retry{As: c.as, Charset: c.charset, Try: true}, func(int64, int64) {})
			if err != nil || got.StillBad != 1 || len(got.Examples) != 1 || got.Examples[0].Reason != c.want {
				t.Errorf("got %+v, %v; want one that is bad still: %s", got, err, c.want)
			}
		})
	}
}

func bad(reason, raw string) batch.Part {
	return batch.Part{Tag: "m.all", Format: batch.Bad, Origin: "test", Payload: batch.AppendBad(nil, reason, 1, 1, []byte(raw))}
}

func line(text string) batch.Part {
	return batch.Part{Tag: "m.all", Format: batch.JSON, Origin: "test", Payload: []byte(text)}
}
