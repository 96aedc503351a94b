package redshiftstandin

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// maxObject is the limit of a JSON object, and of a row.
const maxObject = 4 << 20

// fieldError is why a row was not loaded.
type fieldError struct {
	code     int64
	message  string
	position int64
	column   *columnInfo
	raw      string
}

func (e *fieldError) Error() string { return e.message }

// Codes of load errors (Load error reference, AWS guide).
const (
	loadUnknown   = 1200
	loadRange     = 1204
	loadDate      = 1205
	loadTimestamp = 1206
	loadDigit     = 1207
	loadFloat     = 1208
	loadDecimal   = 1209
	loadBool      = 1210
	loadNotNull   = 1213
	loadLine      = 1216
	loadCharacter = 1220
)

// objects cuts a file into JSON objects, which white space separates.
type objects struct {
	data []byte
	line int64 // of the last object's end
	at   int
}

func newObjects(data []byte) *objects {
	return &objects{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), line: 1}
}

const blanks = " \t\r\n"

// next returns the next object, nil at the end. Behind something malformed it
// goes on with the next line; what Redshift does there is not documented.
func (o *objects) next() ([]byte, error) {
	start := o.at
	for start < len(o.data) && bytes.IndexByte([]byte(blanks), o.data[start]) >= 0 {
		start++
	}
	if start == len(o.data) {
		return nil, nil
	}
	separated := start > o.at || o.at == 0
	o.pass(start)
	d := jsontext.NewDecoder(bytes.NewReader(o.data[start:]), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	value, err := d.ReadValue()
	end := start + int(d.InputOffset())
	if err != nil {
		var wrong *jsontext.SyntacticError
		if errors.As(err, &wrong) {
			end = start + int(wrong.ByteOffset)
		}
		end = min(end, len(o.data))
		if i := bytes.IndexByte(o.data[end:], '\n'); i >= 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			end += i
		} else {
			end = len(o.data)
		}
		o.pass(end)
		return bytes.TrimSpace(o.data[start:end]), &fieldError{code: loadLine, message: "Invalid JSON: " + err.Error()}
	}
	o.pass(end)
	switch {
	case value.Kind() != '{':
		return value, &fieldError{code: loadLine, message: "Invalid JSON: not an object"}
	case !separated:
		return value, &fieldError{code: loadLine, message: "Invalid JSON: objects are separated by white space"}
	case len(value) > maxObject:
		return value, &fieldError{code: loadLine, message: "JSON object size exceeds the limit of 4194304 bytes"}
	}
	return value, nil
}

// pass moves on, counting lines.
func (o *objects) pass(to int) {
	o.line += int64(bytes.Count(o.data[o.at:to], []byte("\n")))
	o.at = to
}

// fieldsOf hands over the fields of an object. Names must not repeat, at any
// depth.
func fieldsOf(object []byte, each func(name string, value jsontext.Value)) error {
	d := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return malformed(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return malformed(err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return malformed(err)
		}
		each(key, bytes.Clone(value))
	}
	return nil
}

func malformed(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return &fieldError{code: loadLine, message: "Invalid JSON: duplicate key: " + err.Error()}
	}
	return &fieldError{code: loadLine, message: "Invalid JSON: " + err.Error()}
}
