package kinesisrecord

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/batch"
)

// brief describes parts: "TYPE: line | line" or "bad REASON: bytes".
func brief(parts []batch.Part) []string {
	out := []string{}
	for _, p := range parts {
		if p.Format == batch.Bad {
			reason, _, _, raw, err := batch.ParseBad(p.Payload)
			if err != nil {
				reason = err.Error()
			}
			out = append(out, fmt.Sprintf("bad %s: %q", reason, raw))
			continue
		}
		out = append(out, p.Tag+": "+strings.ReplaceAll(strings.TrimSpace(string(p.Payload)), "\n", " | "))
	}
	return out
}

func TestEventsOfARecord(t *testing.T) {
	const garbage = "bad what stands behind an event on its line is no event: "
	const cut = "bad the JSON object ends in the middle: "
	const broken = "bad the JSON object is broken: "
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"nothing":                        {"", []string{}},
		"white space":                    {" \r\n\t\n", []string{}},
		"one":                            {`{"tag":"a","x":1}`, []string{`a: {"tag":"a","x":1}`}},
		"a type without value":           {`{"tag":"","x":1}{"tag":null}{"tag":7}{}`, []string{`kinesis: {"tag":"","x":1} | {"tag":null} | {"tag":7} | {}`}},
		"an escaped type":                {`{"tag":"\u0061.b"}`, []string{`a.b: {"tag":"\u0061.b"}`}},
		"the last type counts":           {`{"tag":"a","tag":"b"}`, []string{`b: {"tag":"a","tag":"b"}`}},
		"a nested type does not count":   {`{"x":{"tag":"a"}}`, []string{`kinesis: {"x":{"tag":"a"}}`}},
		"types mixed":                    {`{"tag":"a","x":1}` + "\n" + `{"tag":"b"}` + "\n" + `{"tag":"a","x":2}`, []string{`a: {"tag":"a","x":1} | {"tag":"a","x":2}`, `b: {"tag":"b"}`}},
		"no newlines":                    {`{"x":1}{"x":2} {"x":3}`, []string{`kinesis: {"x":1} | {"x":2} | {"x":3}`}},
		"no newlines, then some":         {`{"x":1}{"x":2}` + "\n\r\n" + `{"x":3}`, []string{`kinesis: {"x":1} | {"x":2} | {"x":3}`}},
		"over several lines":             {"{\n  \"x\": [\n1,\n2]\n}\n{\"x\":2}", []string{`kinesis: {   "x": [ 1, 2] } | {"x":2}`}},
		"a byte order mark":              {"\xef\xbb\xbf{\"x\":1}", []string{`kinesis: {"x":1}`}},
		"braces and quotes in strings":   {`{"x":"}{\"\\"}{"y":"\\"}`, []string{`kinesis: {"x":"}{\"\\"} | {"y":"\\"}`}},
		"a broken line between good":     {`{"x":1}` + "\n" + `{"x":` + "\n" + `{"x":3}`, []string{`kinesis: {"x":1} | {"x":3}`, cut + `"{\"x\":"`}},
		"a line cut in a string":         {`{"x":"cu` + "\n" + `{"x":3}`, []string{`kinesis: {"x":3}`, broken + `a control character inside of a string: "{\"x\":\"cu"`}},
		"a broken one without newlines":  {`{"x":1}{"x" 2}{"x":3}`, []string{`kinesis: {"x":1} | {"x":3}`, broken + `want a colon behind a key: "{\"x\" 2}"`}},
		"broken ones in a row are one":   {"{a\n{b\n{\"x\":1}\n{c", []string{`kinesis: {"x":1}`, broken + `want a key in quotes: "{a\n{b"`, broken + `want a key in quotes: "{c"`}},
		"cut at its end":                 {`{"x":1}` + "\n" + `{"x":2,"y":{"z":[1,`, []string{`kinesis: {"x":1}`, cut + `"{\"x\":2,\"y\":{\"z\":[1,"`}},
		"several lines that are no JSON": {"{\"x\":[1\n2]}\n{\"x\":3}", []string{`kinesis: {"message":"2]}"} | {"x":3}`, `bad field "x": byte 9 is '2', want ',': "{\"x\":[1"`}},
		"commas between":                 {`{"x":1},{"x":2}`, []string{`kinesis: {"x":1} | {"x":2}`, garbage + `","`}},
		"garbage behind":                 {`{"x":1} and more` + "\n" + `{"x":2}`, []string{`kinesis: {"x":1} | {"x":2}`, garbage + `"and more"`}},
		"lines of text":                  {"[2026-11-23] \"hi\"\r\n\tindented\n{\"x\":1}\n7", []string{`kinesis: {"message":"[2026-11-23] \"hi\""} | {"message":"\tindented"} | {"x":1} | {"message":"7"}`}},
		"no text":                        {"{\"x\":1}\n\xff\xfe\n", []string{`kinesis: {"x":1}`, `bad ` + errNoText.Error() + `: "\xff\xfe"`}},
		"zeros":                          {"{\"x\":1}\x00\x00\n\x00", []string{`kinesis: {"x":1}`, garbage + `"\x00\x00\n\x00"`}},
		"text that looks like zlib":      {"x^2 + y", []string{`kinesis: {"message":"x^2 + y"}`}},
		"a KPL mark without its sum":     {aggregateMagic + "0123456789abcdef", []string{`bad ` + errNoText.Error() + `: "\xf3\x89\x9a\xc20123456789abcdef"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := brief(NewDecoder(Options{}).Decode(recordOf([]byte(c.data))))
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestKeysComeFromThePlace(t *testing.T) {
	data := []byte(`{"tag":"a"}` + "\n" + `{"tag":"b"}` + "\n" + `{broken`)
	seen := map[batch.Key]string{}
	for _, place := range []struct{ source, number string }{{"main/shardId-0", "495"}, {"main/shardId-0", "496"}, {"main/shardId-1", "495"}, {"other/shardId-0", "495"}} {
		r := recordOf(data)
		r.Source, r.SequenceNumber = place.source, place.number
		for i, p := range NewDecoder(Options{}).Decode(r) {
			if other, ok := seen[p.Key]; ok {
				t.Errorf("part %d of %v has the key of %s: one of two events would be dropped", i, place, other)
			}
			seen[p.Key] = fmt.Sprint(place, i)
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d keys, want 12", len(seen))
	}
}

func TestADecoderRepeatsItself(t *testing.T) {
	all, used := golden(t), NewDecoder(Options{})
	for range 3 {
		for name, data := range all {
			got, want := used.Decode(recordOf(data)), NewDecoder(Options{}).Decode(recordOf(data))
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%s: a decoder that was used gives %q, a new one %q", name, brief(got), brief(want))
			}
		}
	}
}

func TestEqualRecordsOfAnAggregateStayApart(t *testing.T) {
	e := []byte(`{"tag":"a","x":1}`)
	got := brief(NewDecoder(Options{}).Decode(recordOf(kpl([]string{"k"}, 0, e, e, nil, e))))
	if want := []string{`a: {"tag":"a","x":1} | {"tag":"a","x":1} | {"tag":"a","x":1}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestOneBadRecordOfAnAggregate(t *testing.T) {
	whole := rubyGzip([]byte(`{"x":1}`))
	cut := whole[:len(whole)-9]
	got := brief(NewDecoder(Options{}).Decode(recordOf(kpl([]string{"k"}, 0, whole, cut, []byte("\xff"), whole))))
	want := []string{
		`kinesis: {"x":1} | {"x":1}`,
		fmt.Sprintf("bad the gzip data cannot be decompressed: unexpected EOF: %q", cut),
		`bad ` + errNoText.Error() + `: "\xff"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBrokenAggregates(t *testing.T) {
	e := []byte(`{"x":1}`)
	message := kpl([]string{"k"}, 0, e)
	message = message[4 : len(message)-16]
	for name, c := range map[string]struct {
		data []byte
		want []string
	}{
		"no record": {kplOf(nil), []string{"bad the KPL aggregate is broken behind 0 records: "}},
		"cut":       {kplOf(append(bytes.Clone(message), 0x1a, 0x7f, 1)), []string{`kinesis: {"x":1}`, `bad the KPL aggregate is broken behind 1 records: `}},
	} {
		got := brief(NewDecoder(Options{}).Decode(recordOf(c.data)))
		for i := range got {
			if i >= len(c.want) || !strings.HasPrefix(got[i], c.want[i]) {
				t.Errorf("%s: got %q", name, got)
				break
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTimeOfAnotherField(t *testing.T) {
	data := strings.Join([]string{
		`{"ts":"2026-11-23T14:30:00.123456789+0900","time":1}`,
		`{"ts":1795411800123,"tag":"a"}`,
		`{"ts":"soon","time":"2026-11-23 05:30:00"}`,
		`{"ts":1795411800.5}`,
		`{}`, `text`, `{"ts":0}`,
	}, "\n")
	got := brief(NewDecoder(Options{TimeKey: "ts"}).Decode(recordOf([]byte(data))))
	want := []string{
		`kinesis: [1795411800123456789,{"ts":"2026-11-23T14:30:00.123456789+0900","time":1}] | [1795411800000000000,{"ts":"soon","time":"2026-11-23 05:30:00"}] | [1795411800500000000,{"ts":1795411800.5}] | [null,{}] | [null,{"message":"text"}] | [null,{"ts":0}]`,
		`a: [1795411800123000000,{"ts":1795411800123,"tag":"a"}]`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := rowsOf(NewDecoder(Options{TimeKey: "ts"}).Decode(recordOf([]byte(data)))).Rows(); n != 7 {
		t.Errorf("%d rows, want 7", n)
	}
}

func TestCloudWatchMessages(t *testing.T) {
	around := `"owner":"123456789012","logGroup":"/aws/lambda/Checkout","logStream":"2026/11/23/[$LATEST]abc"`
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"an event that is none": {string(cloudWatchMessage("DATA_MESSAGE", `{"id":"1"}`, `7`, ` { } `)),
			[]string{`cloudwatch.aws.lambda.Checkout: {"id":"1",` + around + `} | { ` + around + `}`, `bad the log event of CloudWatch Logs is no object: "7"`}},
		"no event":                  {string(cloudWatchMessage("DATA_MESSAGE")), []string{"kinesis: " + string(cloudWatchMessage("DATA_MESSAGE"))}},
		"another kind":              {string(cloudWatchMessage("NEWS", `{}`)), []string{"kinesis: " + string(cloudWatchMessage("NEWS", `{}`))}},
		"an event of somebody else": {`{"messageType":"DATA_MESSAGE","tag":"a"}`, []string{`a: {"messageType":"DATA_MESSAGE","tag":"a"}`}},
		"no group":                  {`{"messageType":"DATA_MESSAGE","logEvents":[{"x":1}]}`, []string{`kinesis: {"x":1}`}},
	} {
		if got := brief(NewDecoder(Options{}).Decode(recordOf([]byte(c.data)))); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestOwnBatchesKeepTheirKeys(t *testing.T) {
	data := ikadaBatch()
	var want []batch.Part
	for p, err := range batch.Parts(data) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p)
	}
	for name, sealed := range map[string][]byte{"compressed": seal(t, data), "stored": append([]byte(sealMagic+"\x00"), data...)} {
		if got := NewDecoder(Options{}).Decode(recordOf(sealed)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	for name, broken := range map[string][]byte{
		"cut":     seal(t, data)[:60],
		"version": append([]byte(sealMagic+"\x00\x63"), data[1:]...),
		"unknown": append([]byte(sealMagic+"\x09"), data...),
		"empty":   []byte(sealMagic + "\x00"),
		"longer":  append(append([]byte(sealMagic+"\x00"), data...), 2, 3),
	} {
		got := NewDecoder(Options{}).Decode(recordOf(broken))
		last := got[len(got)-1]
		if _, _, _, raw, err := batch.ParseBad(last.Payload); err != nil || !bytes.Equal(raw, broken) {
			t.Errorf("%s: the record is not in quarantine as it came: %q, %v", name, raw, err)
		}
		if (name == "longer") != (len(got) == 3) {
			t.Errorf("%s: %d parts", name, len(got))
		}
	}
}

func TestPositions(t *testing.T) {
	a, err1 := Position("9")
	b, err2 := Position("49590338271490256608559692538361571095921575989136588898")
	if err1 != nil || err2 != nil || a <= "" || b <= a {
		t.Errorf("%q, %q: %v, %v", a, b, err1, err2)
	}
	for _, wrong := range []string{"", "1x", "-1", strings.Repeat("9", 200)} {
		if p, err := Position(wrong); err == nil {
			t.Errorf("%q is %q", wrong, p)
		}
	}
}
