package pipeline

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/config"
)

func TestACollectorWithoutStreamSaysSo(t *testing.T) {
	cfg := &config.Config{Data: t.TempDir()}
	lock, err := lockDirectory(cfg.Data) // as a running Ikada has
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := OpenCollector(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "kinesis.stream is not set") {
		t.Errorf("got %v", err)
	}
}
