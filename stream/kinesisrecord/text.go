package kinesisrecord

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada/record"
)

var (
	errGarbage = errors.New("what stands behind an event on its line is no event")
	errNoText  = errors.New("the line is neither JSON nor text: unknown bytes (is a compression without a mark, such as bare snappy, to be set?)")
	errLarge   = fmt.Errorf("the event is larger than %d bytes: split it", maxEvent)
)

// reader walks through a text.
type reader struct {
	*Decoder
	b []byte
	i int
	// line is where the line begins if nothing of it was read but white space,
	// else -1; end is where it ends.
	line, end int
	// again bounds how many bytes may be read again, after events that seemed to
	// go on over several lines and were none. When it is used up, every line
	// stands alone. So no text takes more than linear time.
	again int
}

// text reads events: JSON objects, on a line each or not, and lines of text.
func (d *Decoder) text(b []byte) {
	d.next()
	r := reader{Decoder: d, b: bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), again: 4*len(b) + 64<<10}
	r.end = r.lineEnd()
	for r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c == '\n':
			r.i++
			r.line, r.end = r.i, r.lineEnd()
		case isSpace(c):
			r.i++
		case d.events >= d.opts.MaxEvents:
			r.reject(len(r.b), fmt.Errorf("the record holds more than %d events: make smaller records", d.opts.MaxEvents))
		case c == '{':
			r.event()
		case r.line >= 0:
			r.plainLine()
		default:
			end := r.end
			if n := bytes.IndexByte(r.b[r.i:r.end], '{'); n >= 0 {
				end = r.i + n
			}
			r.reject(end, errGarbage)
		}
	}
}

func (r *reader) lineEnd() int {
	if n := bytes.IndexByte(r.b[r.i:], '\n'); n >= 0 {
		return r.i + n
	}
	return len(r.b)
}

// advance goes on at end.
func (r *reader) advance(end int) {
	r.i, r.line = end, -1
	if end > r.end { // the event went over several lines
		r.end = r.lineEnd()
	}
}

func (r *reader) reject(end int, reason error) {
	r.bad(r.b, r.i, end, reason)
	r.advance(end)
}

// event reads the object that begins here. If it is broken, reading goes on at
// the next line, or where an object ends and another begins on the same line.
func (r *reader) event() {
	b := r.b
	if r.again < 0 {
		b = b[:r.end]
	}
	r.notes.reset()
	end, err := object(b, r.i, r.noting)
	several := end > r.end
	if err == nil && several {
		err = record.Check(b[r.i:end])
	}
	switch {
	case err != nil:
		r.again -= end - r.i
		end = r.end
		if n := bytes.Index(r.b[r.i+1:r.end], []byte("}{")); n >= 0 {
			end = r.i + n + 2
		}
		r.reject(end, err)
	case end-r.i > maxEvent:
		r.reject(end, errLarge)
	case r.notes.messageType != nil && r.cloudWatch(b[r.i:end]):
		r.open = false
		r.advance(end)
	default:
		start := r.i
		if several { // only white space: a string cannot hold a line's end
			r.Decoder.line = append(r.Decoder.line[:0], b[start:end]...)
			unbreak(r.Decoder.line)
			r.add(r.typeOf(r.notes.logType), r.Decoder.line)
		} else {
			r.addSlice(b, start, end)
		}
		r.advance(end)
	}
}

func unbreak(line []byte) {
	for i, c := range line {
		if c == '\n' {
			line[i] = ' '
		}
	}
}

// plainLine reads a line that does not begin as JSON does: a producer may send
// the bare value of one field.
func (r *reader) plainLine() {
	text := bytes.TrimSuffix(r.b[r.line:r.end], []byte{'\r'})
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		r.reject(r.end, errNoText)
		return
	}
	if len(text) > maxEvent {
		r.reject(r.end, errLarge)
		return
	}
	line := append(r.Decoder.line[:0], '{')
	line = appendQuoted(line, []byte(r.opts.MessageKey))
	line = appendQuoted(append(line, ':'), text)
	r.Decoder.line = append(line, '}')
	r.notes.reset()
	r.add(r.others, r.Decoder.line)
	r.advance(r.end)
}

// appendQuoted appends valid UTF-8 as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // fails on what is not UTF-8 alone
	return dst
}

// typeOf returns the log type that a JSON value names.
func (d *Decoder) typeOf(value []byte) []byte {
	if len(value) > 2 && value[0] == '"' {
		if bytes.IndexByte(value, '\\') < 0 {
			return value[1 : len(value)-1]
		}
		name, err := jsontext.AppendUnquote(d.name[:0], value)
		if d.name = name; err == nil && len(name) > 0 {
			return name
		}
	}
	return d.others
}

// addSlice adds the event b[start:end], which is on one line.
func (d *Decoder) addSlice(b []byte, start, end int) {
	tag := d.typeOf(d.notes.logType)
	if d.timed {
		d.add(tag, b[start:end])
		return
	}
	d.events++
	if g := d.group(tag); g != nil {
		d.take(g, b, start, end)
	} else {
		d.bad(b, start, end, errTypes)
	}
}

// add adds an event that has been copied, or will be.
func (d *Decoder) add(tag, line []byte) {
	d.events++
	g := d.group(tag)
	if g == nil {
		d.next()
		raw := bytes.Clone(line)
		d.bad(raw, 0, len(raw), errTypes)
		d.next()
		return
	}
	d.open = false
	g.own()
	if d.timed {
		g.events = append(append(d.notes.appendTime(append(g.events, '[')), ','), line...)
		g.events = append(g.events, ']', '\n')
		return
	}
	g.events = append(append(g.events, line...), '\n')
}
