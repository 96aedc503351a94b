package forward

import (
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect/internal/msgpack"
)

// message is what a frame says. Its slices are parts of the frame.
type message struct {
	tag     []byte
	format  batch.Format
	entries []byte
	// bare says that entries is the time and the record of Message mode, behind
	// one byte (the tag's last) where the head of their array can be put.
	bare   bool
	events int

	compression string // of entries: "", gzip, zstd, or unknown
	chunk       []byte // the id, nil if no ack is wanted
	ack         []byte // the answer, once the chunk is kept
	signal      int64  // other than 0: not logs
	bad         string // why it is no message
}

// parse reads a frame of msgpack. All that is wrong with it is in bad.
func parse(f *frame) (m message) {
	m.format = batch.Msgpack
	if f.n < 2 {
		m.bad = fmt.Sprintf("message of %d elements: want tag and entries, or tag, time and record", f.n)
		return m
	}
	option := 2
	switch second := f.at(1); {
	case msgpack.IsText(second[0]): // PackedForward
		m.entries = msgpack.Text(second)
	case msgpack.IsArray(second[0]) && !isTime(f): // Forward
		n, body := msgpack.Children(second)
		m.entries, m.events = body, int(n)
	case f.n == 2:
		m.bad = "message of tag and time without a record"
		return m
	default: // Message
		option = 3
		m.entries, m.bare, m.events = f.raw[f.ends[0]-1:f.ends[2]], true, 1
	}
	if f.n > uint64(option) {
		m.options(f.at(option))
	}
	if f.n > uint64(option+1) && m.bad == "" {
		m.bad = fmt.Sprintf("message of %d elements: want at most %d", f.n, option+1)
	}
	if tag := f.at(0); msgpack.IsText(tag[0]) {
		m.tag = msgpack.Text(tag)
	} else if m.bad == "" {
		m.bad = "the message's tag is no string"
	}
	return m
}

// isTime tells Message mode's [time, metadata] from Forward mode's entries,
// which are arrays themselves.
func isTime(f *frame) bool {
	n, body := msgpack.Children(f.at(1))
	return f.n >= 3 && n == 2 && !msgpack.IsArray(body[0])
}

func (m *message) options(b []byte) {
	if b[0] == heartbeat {
		return
	}
	if !msgpack.IsMap(b[0]) {
		m.bad = "the message's option is no map"
		return
	}
	n, body := msgpack.Children(b)
	for range n / 2 {
		var key, value []byte
		key, body = first(body)
		value, body = first(body)
		if msgpack.IsText(key[0]) {
			m.option(string(msgpack.Text(key)), value)
		}
	}
}

func (m *message) option(name string, value []byte) {
	switch name {
	case "chunk":
		if value[0] == heartbeat {
			return
		}
		m.chunk = value
		if msgpack.IsText(value[0]) {
			m.chunk = msgpack.Text(value)
		}
		m.ack = append(append(m.ack[:0], "\x81\xa3ack"...), value...)
	case "compressed":
		m.compression = "of another type than string"
		if msgpack.IsText(value[0]) {
			m.compression = string(msgpack.Text(value))
		}
		if m.compression == "text" {
			m.compression = ""
		}
	case "size":
		if n, _, err := msgp.ReadInt64Bytes(value); err == nil && n > 0 && !m.bare {
			m.events = int(n)
		}
	case "fluent_signal":
		m.signal, _, _ = msgp.ReadInt64Bytes(value) // of another type: 0, so it is kept
	}
}

// first splits off the first of some values that are known to be whole.
func first(b []byte) (value, rest []byte) {
	n, _, _, _ := msgpack.Skip(b, 0, 1) // which cannot fail: the frame was walked before
	return b[:n], b[n:]
}
