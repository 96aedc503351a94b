package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

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
			cfg, err := s.load(cmd, a.env)
			if err != nil {
				return err
			}
			log := newLog(a.err, cfg.Log)
			for _, w := range cfg.Warnings {
				log.Warn(w)
			}
			c, err := pipeline.OpenCollector(cmd.Context(), cfg, log)
			if errors.Is(err, syscall.EADDRINUSE) {
				return fmt.Errorf("%w: end what listens there, or listen elsewhere with --forward or --http (port 0: any free one)", err)
			}
			if err != nil {
				return err
			}
			at := c.Endpoints()
			fmt.Fprintf(a.out, "Ikada %s writes to Kinesis stream %s\n\n  Forward  %s\n  HTTP     %s\n\nCtrl+C answers what is in hand and ends; twice ends at once.\n",
				pipeline.Version, cfg.Kinesis.Stream, orOff(at.Forward), orOff(at.HTTP))
			return c.Run(cmd.Context())
		},
	}
	s.flags(cmd)
	return cmd
}

func orOff(address string) string {
	if address == "" {
		return "off"
	}
	return address
}
