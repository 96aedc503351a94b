package kinesis

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/collect"
)

// nowhere is a stream that is never appended to.
type nowhere struct{}

func (nowhere) Shards() int                               { return 1 }
func (nowhere) Append(context.Context, int, []byte) error { return nil }

// The greatest event follows from the greatest message, and is what senders need to know.
func TestDocumentTellsTheGreatestEvent(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(text), ",", "")
	for name, most := range map[string]int{"on one machine": 0, "Kinesis": MaxMessage} {
		b := collect.NewBatcher(nowhere{}, slog.New(slog.DiscardHandler), collect.BatcherOptions{MaxMessage: most})
		if want := strconv.Itoa(b.MaxEntry()); !strings.Contains(plain, want) {
			t.Errorf("docs/configuration.md does not say that an event may have %s bytes (%s)", want, name)
		}
	}
}
