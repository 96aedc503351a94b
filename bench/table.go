package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is the result, as a person and Markdown read it.
type table [][]string

var head = []string{"measured", "figure", "beside it, in the same run", "ratio", "target"}

func (t *table) add(measured, figure, beside, ratio, target string) {
	*t = append(*t, []string{measured, figure, beside, ratio, target})
}

func (t table) String() string {
	rows := append([][]string{head, nil}, t...)
	widths := make([]int, len(head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, width := range widths {
			if n == 1 {
				b.WriteString("|" + strings.Repeat("-", width+2))
				continue
			}
			b.WriteString("| " + row[i] + strings.Repeat(" ", width-utf8.RuneCountInString(row[i])+1))
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// target says what was aimed at, and whether it was met.
func target(aim string, met bool) string {
	if met {
		return aim + ": met"
	}
	return aim + ": missed"
}

// median returns the median of what get takes of each; of an even number the
// mean of the two in the middle, for the lower would flatter what shall be low.
func median[T any, N ~int | ~int64 | ~float64](all []T, get func(T) N) N {
	values := make([]N, len(all))
	for i, one := range all {
		values[i] = get(one)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	text := fmt.Sprintf("%.0f", v)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
