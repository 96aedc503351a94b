package cli

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada/api"
)

// WriteScreen writes a status over the last one on a terminal of this size: what
// stands above the log types, and as many of them as fit, failing ones first.
func WriteScreen(w io.Writer, s *api.Status, now time.Time, width, height int) error {
	var top, types, screen bytes.Buffer
	if err := writeTop(&top, s, now); err != nil {
		return err
	}
	sorted := *s
	sorted.Types = failingFirst(s.Types)
	if err := writeTypes(&types, &sorted, now); err != nil {
		return err
	}
	screen.WriteString("\x1b[H")
	// A line stays free for the cursor: the terminal would scroll otherwise.
	for _, line := range fit(lines(&top), lines(&types), height-1) {
		// Written over the old one and cleared behind its end, as a screen that is
		// cleared first flickers. A column stays free for that, too.
		screen.WriteString(shorten(line, width-1) + "\x1b[K\n")
	}
	screen.WriteString("\x1b[J")
	_, err := screen.WriteTo(w)
	return err
}

func failingFirst(types []api.TypeStatus) []api.TypeStatus {
	sorted := slices.Clone(types)
	slices.SortStableFunc(sorted, func(a, b api.TypeStatus) int {
		switch {
		case a.Error != "" && b.Error == "":
			return -1
		case a.Error == "" && b.Error != "":
			return 1
		}
		return 0
	})
	return sorted
}

func lines(b *bytes.Buffer) []string {
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// fit returns at most n lines: those above a table, then the table's head and
// the rows that there is room for, and how many more there are.
func fit(above, table []string, n int) []string {
	all := append(append(above, ""), table...)
	least := len(above) + len([]string{"", "head", "row", "more"})
	switch {
	case len(all) <= n:
		return all
	case n < least:
		return above[:max(min(n, len(above)), 0)]
	}
	return append(all[:n-1], "… and "+Many(int64(len(all)-(n-1)), "more log type"))
}
