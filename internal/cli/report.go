package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
)

// Sheet is a report as rows and columns.
type Sheet struct {
	Head []string
	Rows [][]string
	// Right are the columns of numbers, which a table aligns to the right.
	Right map[int]bool
	// Widest bounds a table's columns also where no terminal does. 0: it does not.
	Widest int
}

// Add adds a row.
func (s *Sheet) Add(cells ...string) { s.Rows = append(s.Rows, cells) }

// WriteReport writes a report in a format of Formats: as JSON it is the value
// itself. maxWidth bounds the columns of a table.
func WriteReport(w io.Writer, format string, maxWidth int, value any, s Sheet) error {
	switch format {
	case "table":
		return s.table(w, maxWidth)
	case "json":
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(value)
	case "csv":
		out := csv.NewWriter(w)
		_ = out.Write(s.Head) // a csv.Writer keeps its first error
		_ = out.WriteAll(s.Rows)
		return out.Error()
	}
	return fmt.Errorf("format %q is unknown: want table, json or csv", format)
}

func (s *Sheet) table(w io.Writer, maxWidth int) error {
	if s.Widest > 0 && (maxWidth == 0 || maxWidth > s.Widest) {
		maxWidth = s.Widest
	}
	t := &Table{Out: w, MaxWidth: maxWidth}
	for _, row := range append([][]string{s.Head}, s.Rows...) {
		cells := make([]Cell, len(row))
		for i, text := range row {
			cells[i] = Cell{Text: text, Number: s.Right[i]}
		}
		if err := t.Row(cells); err != nil {
			return err
		}
	}
	return t.Flush()
}
