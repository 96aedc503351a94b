package kinesisrecord

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
)

// events reads JSON objects that follow each other, with or without white
// space between them. What is none goes to the quarantine up to the end of its
// line, and reading goes on behind it.
func (d *Decoder) events(data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for first := true; ; first = false {
		data = bytes.TrimLeft(data, " \t\r\n")
		if len(data) == 0 {
			return
		}
		o, ok := scanObject(data, d.opts.TypeKey, d.opts.TimeKey)
		if !ok {
			line, rest, _ := bytes.Cut(data, []byte{'\n'})
			if first && !utf8.Valid(line) {
				line, rest = data, nil // a newline in binary data is none
			}
			d.bad("neither a JSON object nor compressed", line)
			data = rest
			continue
		}
		d.event(d.logType(o.logType), eventTime(o.time), data[:o.end])
		data = data[o.end:]
	}
}

// logType returns what a field's value names: mostly what the last one did.
func (d *Decoder) logType(value []byte) string {
	if d.lastValue != nil && bytes.Equal(value, d.lastValue) {
		return d.lastType
	}
	d.lastValue, d.lastType = append(d.lastValue[:0], value...), d.named(value)
	return d.lastType
}

func (d *Decoder) named(value []byte) string {
	text := value
	if len(value) > 0 && value[0] == '"' {
		text = unquote(value)
	}
	if len(text) == 0 || string(value) == "null" || !utf8.Valid(text) {
		return d.opts.DefaultType
	}
	return string(text)
}

func unquote(value []byte) []byte {
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return nil // the record stage says what is wrong with the event
	}
	return []byte(s)
}

// exact is the least number that can only be nanoseconds: the year 1973.
const exact = int64(1e17)

// eventTime reads a time in the formats of the producers and returns
// nanoseconds, or 0 if it is in none of them, so that the record stage looks.
func eventTime(value []byte) int64 {
	if len(value) == 0 {
		return 0
	}
	if value[0] != '"' {
		if ns, ok := ikada.ParseEpoch(value); ok && ns >= exact {
			return ns
		}
		return 0
	}
	text := unquote(value)
	if len(text) < shortest { // td-agent's time_type unixtime, as text
		if ns, ok := ikada.ParseEpoch(text); ok && ns >= exact {
			return ns
		}
		return 0
	}
	var room [64]byte
	if ns, _, ok := ikada.ParseTimestamp(timestamp(room[:0], text)); ok && ns >= exact {
		return ns
	}
	return 0
}

const shortest = len("2006-01-02T15:04:05")

// timestamp appends a time as RFC 3339: fluent-plugin-kinesis has its offset
// without a colon (+0900), Fluent Bit has none and means UTC.
func timestamp(fixed, text []byte) []byte {
	n := len(text)
	fixed = append(fixed, text...)
	if fixed[10] == ' ' {
		fixed[10] = 'T'
	}
	switch {
	case n >= 24 && (text[n-5] == '+' || text[n-5] == '-') && text[n-3] != ':':
		return append(append(fixed[:n-2], ':'), text[n-2:]...)
	case text[n-1] >= '0' && text[n-1] <= '9' && bytes.LastIndexAny(text, "+-") < 10:
		return append(fixed, 'Z')
	}
	return fixed
}

// appendLine appends an event as a line of its part.
func appendLine(dst []byte, at int64, text []byte) []byte {
	if at != 0 {
		dst = append(strconv.AppendInt(append(dst, '['), at, 10), ',')
	}
	start := len(dst)
	dst = append(dst, text...)
	if bytes.IndexByte(text, '\n') >= 0 { // between tokens, or in a string, where it is not allowed
		for i := start; i < len(dst); i++ {
			if dst[i] == '\n' {
				dst[i] = ' '
			}
		}
	}
	if at != 0 {
		dst = append(dst, ']')
	}
	return append(dst, '\n')
}
