package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/pipeline"
)

// worker is a command that runs one stage alone.
type worker struct {
	settings
	open func(context.Context, *config.Config, *slog.Logger) (*pipeline.Worker, error)
	does string // what it tells at its start
	once bool
}

const workerLong = `
Any number of workers may run at once, on any hosts, with buckets in a store
(buckets: s3://…), and each may be killed whenever: every row is loaded once. On
directories, a worker runs while no ` + "`ikada up`" + ` does.

It runs until SIGTERM or Ctrl+C; --once works off what waits, without HTTP, and ends.`

func (w *worker) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.once, "once", false, "work off what waits, and end")
	w.settings.flags(cmd)
}

func (w *worker) run(a *app, cmd *cobra.Command) error {
	if !w.once {
		return a.serve(cmd, &w.settings, w.opener, func(at endpoints.Endpoints, cfg *config.Config) {
			fmt.Fprintf(a.out, "Ikada %s %s %s\n\n  HTTP     %s\n\nCtrl+C ends.\n",
				pipeline.Version, w.does, cmp.Or(cfg.Buckets, cfg.Data), cmp.Or(at.HTTP, "off"))
		})
	}
	cfg, err := w.load(cmd, a.env)
	if err != nil {
		return err
	}
	cfg.HTTP.Listen = ""
	r, err := w.open(cmd.Context(), cfg, newLog(a.err, cfg.Log))
	if err != nil {
		return err
	}
	return r.Once(cmd.Context())
}

func (w *worker) opener(ctx context.Context, cfg *config.Config, log *slog.Logger) (runner, error) {
	r, err := w.open(ctx, cfg, log)
	if err != nil {
		return nil, err // and no runner that holds a nil
	}
	return r, nil
}

func (a *app) load() *cobra.Command {
	w := worker{open: pipeline.OpenLoad, does: "loads the archive files of"}
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Load archive files into the warehouse, as a worker",
		Long:  "Load what manifests wait for into the warehouse: the stage load alone.\n" + workerLong,
		Example: `  ikada load --buckets s3://logs --warehouse-kind redshift --warehouse-iam-role default --config ikada.yaml
  ikada load --once --data ./data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(a, cmd) },
	}
	w.flags(cmd)
	return cmd
}
