package main

import (
	"encoding/binary"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"
)

// timed encodes a value that may be the event time.
func (e *encoder) timed(rank uint8) error {
	kind := e.dec.PeekKind()
	if kind != '"' && kind != '0' {
		return e.value(1)
	}
	text, err := e.dec.ReadValue()
	if err != nil {
		return err
	}
	e.time.Note(rank, text)
	if kind == '0' {
		return e.number(text)
	}
	s, err := jsontext.AppendUnquote(nil, text)
	e.b = msgp.AppendStringFromBytes(e.b, s)
	return err
}

// eventTimeBytes is how long an entry's time is.
const eventTimeBytes = 10

// setTime writes the entry's time into the place that was left for it: an
// EventTime, or nil for the time of arrival, which is to be now.
func (e *encoder) setTime(at int, now int64) []byte {
	ns, ok := e.time.At(now)
	if !ok {
		e.b[at] = 0xc0 // nil
		return append(e.b[:at+1], e.b[at+eventTimeBytes:]...)
	}
	e.b[at], e.b[at+1] = 0xd7, 0 // fixext 8, type 0
	binary.BigEndian.PutUint32(e.b[at+2:], uint32(ns/1e9))
	binary.BigEndian.PutUint32(e.b[at+6:], uint32(ns%1e9))
	return e.b
}
