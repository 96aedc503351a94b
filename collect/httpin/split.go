package httpin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// split turns a body into newline-separated JSON values, using the body's own
// memory where it can. The body is, whatever its layout, one of:
//
//   - a JSON array, whose elements are the values;
//   - a value a line (NDJSON): so each line is looked at on its own, and a
//     broken one stays what it is, to be quarantined later;
//   - one or more values over several lines, if the first line is no value and
//     the whole is well formed.
//
// reserve is asked for the memory of copies. Other errors say that the body
// begins as an array and is none.
func split(body []byte, reserve func(n int) error) ([]byte, error) {
	size := len(body)
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return nil, nil
	}
	firstLine, _, _ := bytes.Cut(body, []byte{'\n'})
	isArray := body[0] == '['
	if !isArray && json.Valid(firstLine) {
		return body, nil
	}
	if err := reserve(copies * len(body)); err != nil {
		return nil, err
	}
	out, err := values(body)
	switch {
	case err == nil:
		return out, nil
	case !isArray:
		return body, nil // lines, of which the first is broken
	}
	return nil, broken(err, size-len(body), size)
}

// copies is about how many copies of a body values makes.
const copies = 3

// values writes each value of a well-formed body on a line of its own; of
// arrays, each element.
func values(body []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(body) + 1)
	d := json.NewDecoder(bytes.NewReader(body))
	for {
		var v json.RawMessage
		if err := d.Decode(&v); err == io.EOF {
			return out.Bytes(), nil
		} else if err != nil {
			return nil, err
		}
		if v[0] != '[' {
			writeLine(&out, v)
			continue
		}
		var elems []json.RawMessage
		if err := json.Unmarshal(v, &elems); err != nil {
			return nil, err
		}
		for _, e := range elems {
			writeLine(&out, e)
		}
	}
}

func writeLine(out *bytes.Buffer, v json.RawMessage) {
	_ = json.Compact(out, v) // v was decoded already
	out.WriteByte('\n')
}

// broken says where an array breaks, counted from 1 in a body of which some bytes
// were skipped before the array.
func broken(err error, skipped, size int) error {
	const remedy = "nothing was accepted: mend the array, or send a record a line, where a broken line does not hold up the others"
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("the JSON array breaks at byte %d of the body: %w; %s", int64(skipped)+syntax.Offset, err, remedy)
	}
	return fmt.Errorf("the JSON array ends too early, at byte %d, the last of the body: %w; %s", size, err, remedy)
}
