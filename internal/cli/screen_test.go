package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
)

// screen returns the lines of a status of this many log types, the last of which fails.
func screen(t *testing.T, types, width, height int) []string {
	t.Helper()
	s := api.Status{Version: "1", State: api.Running, Stages: []api.StageStatus{{Name: "collect"}, {Name: "buffer"}, {Name: "route"}, {Name: "load"}}}
	for i := range types {
		s.Types = append(s.Types, api.TypeStatus{Type: ikada.LogType(fmt.Sprintf("type%02d", i)), Table: strings.Repeat("筏", 40)})
	}
	if types > 0 {
		s.Types[types-1].Error = "the disk is full"
	}
	var out strings.Builder
	if err := WriteScreen(&out, &s, time.Now(), width, height); err != nil {
		t.Fatal(err)
	}
	text, home := strings.CutPrefix(out.String(), "\x1b[H")
	text, cleared := strings.CutSuffix(text, "\x1b[K\n\x1b[J")
	if !home || !cleared {
		t.Errorf("got %q", out.String())
	}
	return strings.Split(text, "\x1b[K\n")
}

func TestAScreenShowsWhatFits(t *testing.T) {
	for name, c := range map[string]struct {
		types, height int
		want          int    // lines
		last          string // begins with
	}{
		"all":             {3, 24, 13, "type01"},
		"exactly":         {13, 24, 23, "type11"},
		"one too many":    {14, 24, 23, "… and 2 more log types"},
		"many":            {500, 24, 23, "… and 488 more log types"},
		"none":            {0, 24, 10, "no log types yet"},
		"the least":       {30, 13, 12, "… and 29 more log types"},
		"only the stages": {30, 12, 8, "load"},
		"not even those":  {30, 5, 4, "stage"},
		"hardly a line":   {30, 2, 1, "Ikada 1"},
	} {
		got := screen(t, c.types, 80, c.height)
		if len(got) != c.want || !strings.HasPrefix(got[len(got)-1], c.last) {
			t.Errorf("%s: got %d lines, want %d that end with %q:\n%s", name, len(got), c.want, c.last, strings.Join(got, "\n"))
		}
		for _, line := range got {
			if uniseg.StringWidth(line) >= 80 {
				t.Errorf("%s: a line too long: %q", name, line)
			}
		}
	}
}

func TestAScreenShowsFailingTypesFirst(t *testing.T) {
	all := strings.Join(screen(t, 30, 200, 24), "\n")
	failing, first := strings.Index(all, "type29"), strings.Index(all, "type00")
	if failing < 0 || failing > first || !strings.Contains(all, "the disk is full") {
		t.Errorf("got\n%s", all)
	}
}
