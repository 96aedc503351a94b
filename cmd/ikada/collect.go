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

func (a *app) collect() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Take logs and write them to a Kinesis stream",
		Long: `Take logs over the Forward protocol and HTTP, and write them to a Kinesis stream,
batched and compressed. Senders get their acknowledgement once Kinesis has their
events. Behind the stream, on AWS, are Ikada's Lambda functions.

Credentials come from AWS's standard chain: AWS_ACCESS_KEY_ID, ~/.aws, or the role
of the machine or container.`,
		Example: `  ikada collect --kinesis-stream logs
  ikada collect --kinesis-stream logs --forward 0.0.0.0:24224 --http off`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd, &s, openCollector, func(at endpoints.Endpoints, cfg *config.Config) {
				fmt.Fprintf(a.out, "Ikada %s writes to Kinesis stream %s\n\n  Forward  %s\n  HTTP     %s\n\nCtrl+C answers what is in hand and ends; twice ends at once.\n",
					pipeline.Version, cfg.Kinesis.Stream, cmp.Or(at.Forward, "off"), cmp.Or(at.HTTP, "off"))
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func openCollector(ctx context.Context, cfg *config.Config, log *slog.Logger) (runner, error) {
	c, err := pipeline.OpenCollector(ctx, cfg, log)
	if err != nil {
		return nil, err // and no runner that holds a nil
	}
	return c, nil
}
