package main

import (
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
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
	var ns int64
	if kind == '0' {
		ns, _ = ikada.ParseEpoch(text) // no time is no error
		err = e.number(text)
	} else {
		var s []byte
		if s, err = jsontext.AppendUnquote(nil, text); err == nil {
			e.b = msgp.AppendStringFromBytes(e.b, s)
			ns, _, _ = ikada.ParseTimestamp(s)
		}
	}
	if err != nil {
		return err
	}
	if at := time.Unix(0, ns); ns > 0 && at.Unix() <= math.MaxUint32 { // what an EventTime holds
		e.time, e.rank = at, rank
	}
	return nil
}
