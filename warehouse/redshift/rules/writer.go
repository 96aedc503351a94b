package rules

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// Writer writes rows anew, with the columns' names as keys. What fits its
// column is there as COPY reads it; everything else is in _rest.
type Writer struct {
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

// NewWriter returns a writer for a table with the columns, whose MaxBytes say
// how wide the texts are.
func NewWriter(columns []warehouse.Column) *Writer {
	w := &Writer{columns: columns}
	for _, c := range columns {
		w.names = append(w.names, []byte(`"`+c.Name+`":`))
	}
	return w
}

// Columns are those of the table.
func (w *Writer) Columns() []warehouse.Column { return w.columns }

// Write returns a row's line, which is valid until the next, and whether it
// has a _rest. What no column holds is moved to the row's Rest. The error is of
// a row that no table of Redshift can hold.
func (w *Writer) Write(row *rows.Row) (line []byte, rest bool, err error) {
	system, err := row.System()
	if err == nil {
		err = w.check(row, system)
	}
	if err == nil {
		err = w.fit(row)
	}
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
	if len(w.line) > MaxRow {
		return nil, false, fmt.Errorf("the row is %d bytes long as Redshift would hold it, which takes %d", len(w.line), MaxRow)
	}
	return w.line, rest, nil
}

// check looks at what has no other place to go.
func (w *Writer) check(row *rows.Row, system [5]any) error {
	if id, ok := system[0].(string); ok && len(id) > MaxID {
		return fmt.Errorf("the _id has %d bytes, of which Redshift's column takes %d", len(id), MaxID)
	}
	for _, v := range system[1:3] {
		if at, ok := v.(time.Time); ok && !inRange(at) {
			return fmt.Errorf("the year of %s is beyond Redshift's", at.Format(time.RFC3339))
		}
	}
	if bytes.Contains(row.Line, []byte(`\u0000`)) && hasNUL(row.Line) {
		return errors.New("a text has the character U+0000, which Redshift can't hold")
	}
	return nil
}

// inRange tells times that a column holds; they are in UTC.
func inRange(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

func hasNUL(line []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(line), jsontext.AllowDuplicateNames(true))
	for {
		t, err := d.ReadToken()
		if err != nil {
			return false
		}
		if t.Kind() == '"' && strings.ContainsRune(t.String(), 0) {
			return true
		}
	}
}

// fit moves to the row's Rest what its column does not hold although it is of
// the column's kind: texts that are too long, and times out of range.
func (w *Writer) fit(row *rows.Row) (err error) {
	for i, value := range row.Values {
		if value == nil {
			continue
		}
		fits := true
		switch c := w.columns[i]; c.Type {
		case warehouse.Text:
			if w.text, err = jsontext.AppendUnquote(w.text[:0], value); err != nil {
				return fmt.Errorf("field %q: %w", c.Field, err)
			}
			fits = len(w.text) <= int(c.MaxBytes)
		case warehouse.Timestamp:
			at, err := rows.Time(value)
			if err != nil {
				return fmt.Errorf("field %q: %w", c.Field, err)
			}
			fits = inRange(at)
		}
		if fits {
			continue
		}
		key, err := jsontext.AppendQuote(nil, w.columns[i].Field)
		if err != nil {
			return err
		}
		row.Values[i] = nil
		row.AddRest(key, value)
	}
	return nil
}

// column adds the value of a column, which fits it.
func (w *Writer) column(i int, value []byte) (err error) {
	switch w.columns[i].Type {
	case warehouse.JSON:
		return w.super(w.names[i], value, false)
	case warehouse.Text:
		if w.text, err = jsontext.AppendUnquote(w.text[:0], value); err != nil {
			return err
		}
		if value, err = jsontext.AppendQuote(nil, w.text); err != nil { // with the fewest escapes
			return err
		}
	case warehouse.Timestamp:
		at, err := rows.Time(value)
		if err != nil {
			return err
		}
		value = []byte(timeText(at))
	}
	w.cells = append(w.cells, cell{key: w.names[i], value: value})
	return nil
}

func timeText(t time.Time) string { return t.Format(`"2006-01-02 15:04:05.000000+00"`) }

// super adds a value of a SUPER column, or of a member of _rest.
func (w *Writer) super(key, value []byte, rest bool) error {
	held, err := AppendSuper(nil, value)
	w.cells = append(w.cells, cell{key: key, value: held, rest: rest})
	return err
}

// members adds the members of a row's _rest. Where SUPER can't hold it as an
// object, as with a key that is twice in it, all of it is kept as text.
func (w *Writer) members(rest []byte) error {
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
		if len(key) > MaxVarchar {
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
const wholeKey = `"` + WholeName + `"`

// finish writes the cells: columns first, then _rest.
func (w *Writer) finish() (rest bool) {
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
