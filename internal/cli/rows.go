package cli

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Formats are the accepted formats of a query's result.
var Formats = []string{"table", "json", "csv"}

const null = "null"

// WriteRows writes a query's result. maxWidth bounds the columns of a table.
func WriteRows(w io.Writer, rows *Rows, format string, maxWidth int) error {
	switch format {
	case "table":
		return writeTable(w, rows, maxWidth)
	case "json":
		return writeJSON(w, rows)
	case "csv":
		return writeCSV(w, rows)
	}
	return fmt.Errorf("format %q is unknown: want table, json or csv", format)
}

func writeTable(w io.Writer, rows *Rows, maxWidth int) error {
	if slices.Equal(rows.Columns, []string{"explain_key", "explain_value"}) {
		return writePlan(w, rows)
	}
	t := &Table{Out: w, MaxWidth: maxWidth}
	head := make([]Cell, len(rows.Columns))
	for i, name := range rows.Columns {
		head[i].Text = name
	}
	err := t.Row(head)
	for err == nil {
		var row []json.RawMessage
		if row, err = rows.Next(); err != nil {
			break
		}
		cells := make([]Cell, len(row))
		for i, v := range row {
			cells[i] = Cell{Text: text(v, null), Number: isNumber(v)}
		}
		err = t.Row(cells)
	}
	return ended(err, t.Flush())
}

// writePlan writes what EXPLAIN gives in DuckDB: a picture of many lines in one
// value.
func writePlan(w io.Writer, rows *Rows) error {
	for {
		row, err := rows.Next()
		if err != nil {
			return ended(err, nil)
		}
		for line := range strings.Lines(text(row[1], null)) {
			if _, err := fmt.Fprintln(w, visible(strings.TrimSuffix(line, "\n"))); err != nil {
				return err
			}
		}
	}
}

// ended is the error of a loop that io.EOF ends, and of what follows it.
func ended(err, last error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return errors.Join(err, last)
}

func isNumber(v json.RawMessage) bool {
	return len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9')
}

// text returns a value as people read it: a string without quotes, all else as
// JSON, so a number keeps its digits.
func text(v json.RawMessage, ifNull string) string {
	switch {
	case len(v) == 0 || string(v) == null:
		return ifNull
	case v[0] == '"':
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	}
	return string(v)
}

// writeJSON writes an array of objects whose keys are in the order of the columns.
func writeJSON(w io.Writer, rows *Rows) error {
	keys := make([][]byte, len(rows.Columns))
	for i, name := range rows.Columns {
		key, err := json.Marshal(name)
		if err != nil {
			return fmt.Errorf("write column %q: %w", name, err)
		}
		keys[i] = append(key, ':', ' ')
	}
	out := bufio.NewWriterSize(w, 64<<10)
	open, row, err := "[\n", []json.RawMessage(nil), error(nil)
	for {
		if row, err = rows.Next(); err != nil {
			break
		}
		_, _ = out.WriteString(open + "  {") // a bufio.Writer keeps its first error
		open = ",\n"
		for i, v := range row {
			if i > 0 {
				_, _ = out.WriteString(", ")
			}
			_, _ = out.Write(keys[i])
			_, _ = out.Write(bytes.TrimSpace(v))
		}
		_ = out.WriteByte('}')
	}
	if errors.Is(err, io.EOF) {
		end := "\n]\n"
		if open == "[\n" {
			end = "[]\n"
		}
		_, _ = out.WriteString(end)
	}
	return ended(err, out.Flush())
}

// writeCSV writes null as an empty field.
func writeCSV(w io.Writer, rows *Rows) error {
	out := csv.NewWriter(w)
	err := out.Write(rows.Columns)
	fields := make([]string, len(rows.Columns))
	for err == nil {
		var row []json.RawMessage
		if row, err = rows.Next(); err != nil {
			break
		}
		for i, v := range row {
			fields[i] = text(v, "")
		}
		err = out.Write(fields)
	}
	out.Flush()
	return ended(err, out.Error())
}
