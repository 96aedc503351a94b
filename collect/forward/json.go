package forward

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ikada-io/ikada/batch"
)

// The JSON form of the protocol: the same messages as a stream of JSON values,
// told by the first byte of a connection. Few senders use it, by hand mostly.

// jsonFramer finds JSON values at the start of a growing buffer, looking at
// every byte once. The zero value is ready for the first.
type jsonFramer struct {
	pos, depth int
	text       bool // within a string
	escaped    bool // behind a backslash
}

var errNotJSON = errors.New(`is no start of a JSON message: want [tag, time, record] or [tag, [[time, record], …]]`)

// scan returns the length of the value that b begins with, or 0 if there is
// more to come.
func (s *jsonFramer) scan(b []byte) (int, error) {
	for ; s.pos < len(b); s.pos++ {
		c := b[s.pos]
		switch {
		case s.escaped:
			s.escaped = false
		case s.text:
			s.escaped = c == '\\'
			s.text = c != '"'
		case c == '"':
			s.text = true
		case c == '[' || c == '{':
			s.depth++
		case c == ']' || c == '}':
			s.depth--
		}
		if s.pos == 0 && c != '[' && c != '{' {
			return 0, fmt.Errorf("byte %q %w", c, errNotJSON)
		}
		if s.depth == 0 {
			n := s.pos + 1
			*s = jsonFramer{}
			return n, nil
		}
	}
	return 0, nil
}

// parseJSON reads a JSON message. All that is wrong with it is in bad.
func parseJSON(raw []byte) (m message) {
	m.format = batch.JSONEntries
	var elems []json.RawMessage
	if err := json.Unmarshal(raw, &elems); err != nil {
		m.jsonOptions(lastObject(raw))
		m.bad = fmt.Sprintf("message is no JSON array: %v", err)
		return m
	}
	if len(elems) < 2 {
		m.bad = fmt.Sprintf("message of %d elements: want tag and entries, or tag, time and record", len(elems))
		return m
	}
	option := 2
	var entries []json.RawMessage
	switch second := elems[1]; {
	case second[0] == '"':
		m.bad = "packed entries cannot travel as JSON: send [tag, [[time, record], …]]"
	case second[0] == '[' && !isJSONTime(elems):
		if err := json.Unmarshal(second, &entries); err != nil {
			m.bad = fmt.Sprintf("entries are no JSON array: %v", err)
		}
		m.entries, m.events = lines(entries), len(entries)
	case len(elems) == 2:
		m.bad = "message of tag and time without a record"
		return m
	default:
		option = 3
		m.entries = lines([]json.RawMessage{joinEntry(elems[1], elems[2])})
		m.events = 1
	}
	if len(elems) > option {
		m.jsonOptions(elems[option])
	}
	if len(elems) > option+1 && m.bad == "" {
		m.bad = fmt.Sprintf("message of %d elements: want at most %d", len(elems), option+1)
	}
	var tag string
	if err := json.Unmarshal(elems[0], &tag); err != nil && m.bad == "" {
		m.bad = "the message's tag is no string"
	}
	m.tag = []byte(tag)
	return m
}

func isJSONTime(elems []json.RawMessage) bool {
	var parts []json.RawMessage
	return len(elems) >= 3 && json.Unmarshal(elems[1], &parts) == nil && len(parts) == 2 && parts[0][0] != '['
}

func (m *message) jsonOptions(raw json.RawMessage) {
	var o struct {
		Chunk  json.RawMessage `json:"chunk"`
		Signal json.RawMessage `json:"fluent_signal"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		m.bad = "the message's option is no object"
		return
	}
	if len(o.Chunk) > 0 && string(o.Chunk) != "null" {
		m.chunk = o.Chunk
		m.ack = fmt.Appendf(nil, `{"ack":%s}`, o.Chunk)
	}
	_ = json.Unmarshal(o.Signal, &m.signal) // of another type: 0, so it is kept
}

// lastObject returns what may be the option of a message that cannot be parsed.
// It has the chunk id, without which its sender would send it for ever.
func lastObject(raw []byte) []byte {
	start := max(0, bytes.LastIndexByte(raw, '{'))
	return bytes.TrimRight(raw[start:], "] \t\r\n")
}

func joinEntry(time, record json.RawMessage) json.RawMessage {
	return fmt.Appendf(nil, "[%s,%s]", time, record)
}

// lines puts each value on a line of its own.
func lines(values []json.RawMessage) []byte {
	var out bytes.Buffer
	for _, v := range values {
		_ = json.Compact(&out, v) // v was parsed already
		out.WriteByte('\n')
	}
	return out.Bytes()
}
