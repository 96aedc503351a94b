package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/config"
)

// Tools are what an operator asks for, without a pipeline: buckets and
// warehouse are opened by the settings, and no stage runs.
type Tools struct {
	store
	lock   *os.File       // nil if several may work at a time
	stream *kinesisSender // nil if none is set
}

// OpenTools opens the buckets and the warehouse. Where they are this machine's
// files, no Ikada may run with them.
func OpenTools(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Tools, error) {
	t := &Tools{store: store{cfg: cfg, log: log}}
	if err := t.open(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Tools) open(ctx context.Context) (err error) {
	if t.cfg.Buckets == "" || t.cfg.Warehouse.Kind == "duckdb" {
		if _, err := os.Stat(t.cfg.Data); err != nil { // a question makes no directory
			return fmt.Errorf("there is no data of Ikada: %w", err)
		}
		if t.lock, err = lockDirectory(t.cfg.Data); err != nil {
			return err
		}
	}
	return t.store.open(ctx)
}

// Handler is the API with what needs no running stage.
func (t *Tools) Handler() http.Handler {
	opts := api.Options{Version: Version, Log: t.log}
	t.operations(&opts)
	if opts.Quarantine != nil && t.cfg.Kinesis.Stream != "" {
		t.stream = &kinesisSender{store: &t.store}
		opts.Quarantine.Send = t.stream.Send
	}
	return api.New(opts)
}

// Close closes what was opened and lets the data directory go.
func (t *Tools) Close() error {
	err := errors.Join(t.stream.Close(), t.close())
	if t.lock != nil {
		err = errors.Join(err, t.lock.Close())
	}
	return err
}
