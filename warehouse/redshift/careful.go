package redshift

import (
	"bytes"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// maxLine bounds a staged row: Redshift takes 4 MiB, and counts in its own way.
const maxLine = 4<<20 - 64<<10

// rowWriter writes rows anew, with the columns' names as keys. What fits its
// column is there as COPY reads it; everything else is in _rest.
type rowWriter struct {
	columns []warehouse.Column
	names   [][]byte // `"name":`, parallel
	cells   []cell
	line    []byte
	text    []byte
}

// cell is a value that is to be written: of a column, or of a member of _rest.
type cell struct {
	key   []byte // `"name":` of the column, or the member's key with its quotes
	value []byte // as COPY gets it
	rest  bool
}

func newRowWriter(columns []warehouse.Column) *rowWriter {
	w := &rowWriter{columns: columns}
	for _, c := range columns {
		w.names = append(w.names, []byte(`"`+c.Name+`":`))
	}
	return w
}

// write returns a row's line, which is valid until the next, and whether it
// has a _rest. The error is of a row that no table of Redshift can hold.
func (w *rowWriter) write(row *rows.Row) (line []byte, rest bool, err error) {
	system, err := row.System()
	if err != nil {
		return nil, false, err
	}
	w.cells = w.cells[:0]
	if row.Dup != nil {
		if err := w.super([]byte(`"_dup":`), row.Dup, false); err != nil {
			return nil, false, err
		}
	}
	if err := w.members(row.Rest); err != nil {
		return nil, false, err
	}
	for i, value := range row.Values {
		if value == nil {
			continue
		}
		if err := w.column(i, value); err != nil {
			return nil, false, fmt.Errorf("field %q: %w", w.columns[i].Field, err)
		}
	}
	w.line = append(append(w.line[:0], `{"_id":`...), row.ID...)
	for i, name := range []string{"_time", "_hour"} {
		if at, ok := system[1+i].(time.Time); ok {
			w.line = append(append(w.line, `,"`+name+`":`...), timeText(at)...)
		}
	}
	rest = w.finish()
	if len(w.line) > maxLine {
		return nil, false, fmt.Errorf("the row is %d bytes long as Redshift would hold it, which takes %d", len(w.line), maxLine)
	}
	return w.line, rest, nil
}

// column adds the value of a column, which it fits by its kind.
func (w *rowWriter) column(i int, value []byte) error {
	c := w.columns[i]
	field, err := jsontext.AppendQuote(nil, c.Field)
	if err != nil {
		return err
	}
	switch c.Type {
	case warehouse.JSON:
		return w.super(w.names[i], value, false)
	case warehouse.Text:
		if w.text, err = jsontext.AppendUnquote(w.text[:0], value); err != nil {
			return err
		}
		if len(w.text) > int(c.MaxBytes) {
			return w.super(field, value, true)
		}
		quoted, err := jsontext.AppendQuote(nil, w.text) // with the fewest escapes
		w.cells = append(w.cells, cell{key: w.names[i], value: quoted})
		return err
	case warehouse.Timestamp:
		at, err := rows.Time(value)
		if err != nil {
			return err
		}
		if at.Year() < 1 || at.Year() > 9999 { // in UTC
			return w.super(field, value, true)
		}
		value = []byte(timeText(at))
	}
	w.cells = append(w.cells, cell{key: w.names[i], value: value})
	return nil
}

func timeText(t time.Time) string { return t.Format(`"2006-01-02 15:04:05.000000+00"`) }

// super adds a value of a SUPER column, or of a member of _rest.
func (w *rowWriter) super(key, value []byte, rest bool) error {
	held, err := appendSuper(nil, value)
	w.cells = append(w.cells, cell{key: key, value: held, rest: rest})
	return err
}

// members adds the members of a row's _rest. Where SUPER can't hold it as an
// object, as with a key that is twice in it, all of it is kept as text.
func (w *rowWriter) members(rest []byte) error {
	if rest == nil {
		return nil
	}
	begin := len(w.cells)
	d := jsontext.NewDecoder(bytes.NewBuffer(rest)) // refuses duplicate names
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var key, value jsontext.Value
		if key, err = d.ReadValue(); err != nil {
			break
		}
		key = key.Clone()
		if value, err = d.ReadValue(); err != nil {
			break
		}
		if len(key) > maxVarchar {
			err = fmt.Errorf("a key of %d bytes", len(key))
			break
		}
		if err := w.super(key, value, true); err != nil {
			return err
		}
	}
	if err == nil {
		return nil
	}
	w.cells = w.cells[:begin]
	return w.super([]byte(wholeKey), rest, true)
}

// wholeKey stands for all of a _rest that is no object that SUPER holds.
const wholeKey = `"` + wholeName + `"`

// finish writes the cells: columns first, then _rest.
func (w *rowWriter) finish() (rest bool) {
	for _, c := range w.cells {
		if !c.rest {
			w.line = append(append(append(w.line, ','), c.key...), c.value...)
		}
	}
	for _, c := range w.cells {
		if !c.rest {
			continue
		}
		if rest {
			w.line = append(w.line, ',')
		} else {
			w.line = append(w.line, `,"_rest":{`...)
		}
		w.line = append(append(append(w.line, c.key...), ':'), c.value...)
		rest = true
	}
	if rest {
		w.line = append(w.line, '}')
	}
	w.line = append(w.line, '}', '\n')
	return rest
}
