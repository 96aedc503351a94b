package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/internal/cli"
)

func (a *app) status() *cobra.Command {
	var (
		at     server
		format string
		watch  bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how each stage and each log type does",
		Long: `Show for each stage its rate, what waits for it, its last success and its last
error; and for each log type its table, its rows and what waits to be loaded. A stage's
events and errors are counted from the start of Ikada, a log type's rows from ever.`,
		Example: `  ikada status
  ikada status --watch
  ikada status --format json | jq .oldest_unloaded`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return usage("--format %q is unknown: want table or json", format)
			}
			c, err := at.client(a.env)
			if err != nil {
				return err
			}
			show := func() error { return showStatus(cmd.Context(), a.out, c, format, watch) }
			if !watch {
				return show()
			}
			return everySecond(cmd.Context(), show)
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	cmd.Flags().BoolVar(&watch, "watch", false, "show it anew each second, until interrupted; on a terminal as much as fits")
	at.flags(cmd)
	return cmd
}

func showStatus(ctx context.Context, w io.Writer, c *cli.Client, format string, watch bool) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if format == "json" {
		enc := json.NewEncoder(&b)
		if !watch { // one line each otherwise
			enc.SetIndent("", "  ")
		}
		err = enc.Encode(s)
	} else if width, height, ok := terminalSize(w); ok && watch {
		// A terminal that does not know its size says 0.
		err = cli.WriteScreen(&b, &s, time.Now(), cmp.Or(width, 80), cmp.Or(height, 24))
	} else {
		err = cli.WriteStatus(&b, &s, time.Now())
	}
	if err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// everySecond calls f until ctx ends, which is no error.
func everySecond(ctx context.Context, f func() error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := f(); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
