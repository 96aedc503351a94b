package kinesisrecord

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/internal/producers"
)

// Whatever a producer makes of events, they come out as they went in.
func TestLayoutsOfProducers(t *testing.T) {
	for _, layout := range producers.Layouts() {
		in := []string{`{"path":"/日本語","n":1,"tag":"app.access"}`}
		if layout.Many {
			in = append(in, `{"text":"\"🎉\"","n":2,"tag":"app.audit"}`, `{"n":3}`)
		}
		got := brief(NewDecoder(Options{Snappy: strings.HasSuffix(layout.Name, "-bare")}).Decode(recordOf(layout.Record(in))))
		if want := len(in); len(got) != want {
			t.Errorf("%s: %d parts, want %d:\n%s", layout.Name, len(got), want, strings.Join(got, "\n"))
			continue
		}
		for i, e := range in {
			tag := []string{"app.access", "app.audit", "kinesis"}[i]
			if want := []string{fmt.Sprintf("%s: %s", tag, e), fmt.Sprintf("%s: %s", tag, producers.ASCII(e))}; got[i] != want[0] && got[i] != want[1] {
				t.Errorf("%s: got %s, want %s", layout.Name, got[i], want[0])
			}
		}
	}
}
