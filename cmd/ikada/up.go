package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/pipeline"
)

// opener opens a pipeline. Tests bring their own.
type opener func(ctx context.Context, cfg *config.Config, log *slog.Logger) (runner, error)

// runner is an open pipeline.
type runner interface {
	// Run serves until ctx ends, then drains.
	Run(ctx context.Context) error
	Endpoints() endpoints.Endpoints
}

func openPipeline(ctx context.Context, cfg *config.Config, log *slog.Logger) (runner, error) {
	p, err := pipeline.Open(ctx, cfg, log)
	if err != nil {
		return nil, err // and no runner that holds a nil
	}
	return p, nil
}

func (a *app) up() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the whole pipeline",
		Long: `Run the whole pipeline on this machine: the inputs, the stream, the stages and
the database. Everything is kept in the data directory.

SIGTERM or Ctrl+C drains: what was accepted becomes rows, within shutdown.timeout;
what does not is on disk and goes on at the next start. A second signal ends at once.

Every setting can be a flag, an environment variable (IKADA_FORWARD_LISTEN for
forward.listen) or a line of the configuration file, in this order.`,
		Example: `  ikada up --data ./data
  ikada up --forward 0.0.0.0:24224 --http 127.0.0.1:0
  ikada up --config /etc/ikada.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd, &s, a.open, func(at endpoints.Endpoints, cfg *config.Config) { printUp(a.out, a.name, at, cfg) })
		},
	}
	s.flags(cmd)
	return cmd
}

// serve opens what the settings say, tells where it listens, and runs it.
func (a *app) serve(cmd *cobra.Command, s *settings, open opener, tell func(endpoints.Endpoints, *config.Config)) error {
	cfg, err := s.load(cmd, a.env)
	if err != nil {
		return err
	}
	log := newLog(a.err, cfg.Log)
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	r, err := open(cmd.Context(), cfg, log)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: end what listens there, or listen elsewhere with --forward or --http (port 0: any free one)", err)
	}
	if err != nil {
		return err
	}
	tell(r.Endpoints(), cfg)
	return r.Run(cmd.Context())
}

func newLog(w io.Writer, c config.Log) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// printUp tells what runs, where, and what to try.
func printUp(w io.Writer, name string, at endpoints.Endpoints, cfg *config.Config) {
	const off = "off"
	fmt.Fprintf(w, "Ikada %s keeps everything in %s\n\n", pipeline.Version, cfg.Data)
	fmt.Fprintf(w, "  Forward  %-28s td-agent, Fluentd, Fluent Bit, logger libraries\n", cmp.Or(at.Forward, off))
	offers := ""
	switch {
	case at.HTTP == "":
	case cfg.Warehouse.Kind == "none":
		offers = "status page, logs, metrics"
	default:
		offers = "status page, logs, queries, metrics"
	}
	fmt.Fprintf(w, "  HTTP     %-28s %s\n", cmp.Or(at.HTTP, off), offers)
	if at.HTTP != "" {
		printTry(w, cmp.Or(name, "ikada"), at.HTTP, cfg)
	}
	fmt.Fprint(w, "\nCtrl+C drains and ends; twice ends at once.\n")
}

func printTry(w io.Writer, name, url string, cfg *config.Config) {
	auth := ""
	if len(cfg.HTTP.Tokens) > 0 {
		auth = "-H 'Authorization: Bearer TOKEN' "
	}
	fmt.Fprintf(w, "\nTry\n  curl %s--data-binary '{\"message\":\"hello\"}' %s/v1/logs/app.hello\n", auth, url)
	if cfg.Warehouse.Kind != "none" {
		fmt.Fprintf(w, "  %s query --data %s 'select * from app_hello'\n", name, cfg.Data)
	}
	fmt.Fprintf(w, "  %s status --data %s\n", name, cfg.Data)
}
