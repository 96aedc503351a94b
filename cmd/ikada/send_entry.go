package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
)

// appendEntry appends a JSON object as a Forward entry in msgpack, [time,
// record]. Keys keep their order, and every value is what it was: a number that
// msgpack has no exact form for is an error. Its time is what a server that got
// the object itself now would find in it.
func appendEntry(dst, line []byte, now int64) ([]byte, error) {
	e := encoder{b: dst, dec: jsontext.NewDecoder(bytes.NewReader(line), jsontext.AllowDuplicateNames(true))}
	if kind := e.dec.PeekKind(); kind != '{' && kind != 0 {
		return dst, errors.New("it is no JSON object")
	}
	e.b = msgp.AppendArrayHeader(e.b, 2)
	at := len(e.b)
	e.b = append(e.b, make([]byte, eventTimeBytes)...)
	if err := e.value(0); err != nil {
		return dst, explainJSON(err)
	}
	if _, err := e.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return dst, errors.New("something follows the JSON object: put each on a line of its own")
	}
	return e.setTime(at, now), nil
}

func explainJSON(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the JSON ends in the middle")
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no valid JSON: byte %d: %w", syntax.ByteOffset+1, syntax.Err)
	}
	return err
}

// encoder turns one record into msgpack.
type encoder struct {
	b    []byte
	dec  *jsontext.Decoder
	time ikada.FieldTime
}

// value encodes the next value. depth 0 is the record, 1 its fields.
func (e *encoder) value(depth int) error {
	switch e.dec.PeekKind() {
	case '{':
		return e.object(depth)
	case '[':
		return e.array(depth)
	case '0':
		text, err := e.dec.ReadValue()
		if err != nil {
			return err
		}
		return e.number(text)
	}
	t, err := e.dec.ReadToken()
	if err != nil {
		return err
	}
	switch t.Kind() {
	case 'n':
		e.b = msgp.AppendNil(e.b)
	case 't', 'f':
		e.b = msgp.AppendBool(e.b, t.Bool())
	case '"':
		e.b = msgp.AppendString(e.b, t.String())
	default:
		return fmt.Errorf("unexpected %s", t.Kind())
	}
	return nil
}

// object writes its size once it is known: in the long form, which any size fits.
func (e *encoder) object(depth int) error {
	if _, err := e.dec.ReadToken(); err != nil {
		return err
	}
	head := len(e.b)
	e.b = append(e.b, 0xdf, 0, 0, 0, 0)
	var n uint32
	for ; e.dec.PeekKind() != '}'; n++ {
		key, err := e.dec.ReadToken()
		if err != nil {
			return err
		}
		name := key.String()
		e.b = msgp.AppendString(e.b, name)
		if rank := ikada.TimeRank(name); depth == 0 && e.time.Betters(rank) {
			err = e.timed(rank)
		} else {
			err = e.value(depth + 1)
		}
		if err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint32(e.b[head+1:], n)
	_, err := e.dec.ReadToken()
	return err
}

func (e *encoder) array(depth int) error {
	if _, err := e.dec.ReadToken(); err != nil {
		return err
	}
	head := len(e.b)
	e.b = append(e.b, 0xdd, 0, 0, 0, 0)
	var n uint32
	for ; e.dec.PeekKind() != ']'; n++ {
		if err := e.value(depth + 1); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint32(e.b[head+1:], n)
	_, err := e.dec.ReadToken()
	return err
}

// number encodes an integer as one, and any other number as a double.
func (e *encoder) number(text []byte) error {
	s := string(text)
	if !bytes.ContainsAny(text, ".eE") && s != "-0" {
		if v, err := strconv.ParseInt(s, 10, 64); err == nil {
			e.b = msgp.AppendInt64(e.b, v)
			return nil
		}
		if v, err := strconv.ParseUint(s, 10, 64); err == nil {
			e.b = msgp.AppendUint64(e.b, v)
			return nil
		}
		return inexact(s)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !gives(v, s) {
		return inexact(s)
	}
	e.b = msgp.AppendFloat64(e.b, v)
	return nil
}

func inexact(s string) error {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return fmt.Errorf("the number %s has no exact form in the Forward protocol: POST the line over HTTP, which keeps it, or make it a string", s)
}

// gives reports whether a double is written as a number of the same value.
func gives(v float64, text string) bool {
	if len(text) <= 16 && v != 0 && math.Abs(v) > 1e-300 { // at most 15 digits: always
		return true
	}
	want, ok := new(big.Rat).SetString(text)
	if !ok {
		return false
	}
	got, ok := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
	return ok && got.Cmp(want) == 0
}
