package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// Cell is a text in a table.
type Cell struct {
	Text   string
	Number bool // aligned to the right
}

// Table lays cells out in columns. It measures the first rows and lets the
// others through as they come. The zero value is ready but for Out.
type Table struct {
	Out io.Writer
	// MaxWidth bounds a column; longer texts are cut. 0: no bound.
	MaxWidth int

	widths []int
	right  []bool
	held   [][]Cell // nil once the widths are fixed
	fixed  bool
	buf    bytes.Buffer
}

// measured is how many rows the widths come from.
const measured = 500

// Row adds a row; the first is the head. All have as many cells.
func (t *Table) Row(cells []Cell) error {
	if t.fixed {
		t.write(cells)
		return t.flush(32 << 10)
	}
	t.held = append(t.held, cells)
	if len(t.held) > measured {
		return t.Flush()
	}
	return nil
}

// Flush writes what was held back.
func (t *Table) Flush() error {
	if !t.fixed {
		t.fixed = true
		t.measure()
		for _, row := range t.held {
			t.write(row)
		}
		t.held = nil
	}
	return t.flush(0)
}

func (t *Table) flush(above int) error {
	if t.buf.Len() <= above {
		return nil
	}
	_, err := t.buf.WriteTo(t.Out)
	return err
}

// measure finds the columns' widths. A column is one of numbers if all its
// cells but the head and empty ones are.
func (t *Table) measure() {
	if len(t.held) == 0 {
		return
	}
	t.widths, t.right = make([]int, len(t.held[0])), make([]bool, len(t.held[0]))
	for i := range t.widths {
		numbers, others := 0, 0
		for n, row := range t.held {
			row[i].Text = visible(row[i].Text)
			width := uniseg.StringWidth(row[i].Text)
			if t.MaxWidth > 0 && !row[i].Number {
				width = min(width, t.MaxWidth)
			}
			t.widths[i] = max(t.widths[i], width)
			switch {
			case row[i].Number:
				numbers++
			case n > 0 && row[i].Text != "" && row[i].Text != null:
				others++
			}
		}
		t.right[i] = numbers > 0 && others == 0
	}
}

func (t *Table) write(cells []Cell) {
	for i, c := range cells {
		text := visible(c.Text)
		if t.MaxWidth > 0 && !c.Number { // half a number would be a wrong one
			text = shorten(text, t.MaxWidth)
		}
		pad := strings.Repeat(" ", max(t.widths[i]-uniseg.StringWidth(text), 0))
		if i > 0 {
			t.buf.WriteString("  ")
		}
		if t.right[i] {
			text = pad + text
		} else {
			text += pad
		}
		t.buf.WriteString(text)
	}
	t.buf.Truncate(len(bytes.TrimRight(t.buf.Bytes(), " ")))
	t.buf.WriteByte('\n')
}

// shorten cuts a text to a width, with an ellipsis.
func shorten(text string, width int) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if used += g.Width(); used > width-1 {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

// visible replaces characters that would act on a terminal: texts come from
// logs, and those from anywhere.
func visible(text string) string {
	if strings.IndexFunc(text, acts) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case acts(r):
			quoted, _ := json.Marshal(string(r))
			if text := strings.Trim(string(quoted), `"`); text != string(r) {
				b.WriteString(text)
			} else {
				b.WriteRune('\uFFFD')
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// acts reports control characters and those that turn the direction of text.
func acts(r rune) bool {
	return unicode.IsControl(r) || r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}
