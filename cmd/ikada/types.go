package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/internal/cli"
)

func (a *app) types() *cobra.Command {
	var (
		at            server
		format, since string
	)
	cmd := &cobra.Command{
		Use:   "types",
		Short: "List the log types: tables, rows, columns, drifts, quarantine",
		Long: `List every log type: its table, when rows of it were loaded first and last, its rows
that were loaded today (UTC) and in all, its columns, how often its fields drifted
since --since, and how many parts of bad records in quarantine bear its tag. A running Ikada is asked; if
none runs, the tables themselves.`,
		Example: `  ikada types
  ikada types --since 24h --format csv
  ikada types show app.access`,
		Args: oneOfItsCommands,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var found history.Types
			path := "/v1/types?" + url.Values{"since": {since}}.Encode()
			return a.report(cmd.Context(), &at, format, path, &found, func() cli.Sheet { return cli.TypesSheet(&found) })
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	cmd.Flags().StringVar(&since, "since", "7d", "count drifts since a time, or for a duration such as 24h or 7d")
	at.reachFlags(cmd)
	cmd.AddCommand(a.showType())
	return cmd
}

func (a *app) showType() *cobra.Command {
	var (
		at     server
		format string
	)
	cmd := &cobra.Command{
		Use:   "show TYPE",
		Short: "Show a log type's columns, the fields that have none, and its drifts",
		Long: `Show one log type: each column with the kinds of values that were seen, the
longest text, how often it is null, a few values, and since when it is there; the
fields without a column, and why; and each drift with an example.

Kinds, lengths and null shares are of the manifests that were loaded last, at most
100; the values are of some 200 rows of the table. With --format csv only the
columns come.`,
		Example: `  ikada types show app.access
  ikada types show app.access --format json | jq .drift`,
		Args: wants("a log type, such as app.access"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var d history.Detail
			if format == "table" {
				c, end, err := at.reach(cmd.Context(), a)
				if err != nil {
					return err
				}
				defer func() { _ = end.Close() }() // it has only read
				if err := c.Ask(cmd.Context(), "/v1/types/"+cli.PathSegment(args[0]), &d); err != nil {
					return err
				}
				return cli.WriteType(a.out, &d, columnWidth(a.out))
			}
			return a.report(cmd.Context(), &at, format, "/v1/types/"+cli.PathSegment(args[0]), &d, func() cli.Sheet { return cli.ColumnsSheet(&d) })
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	at.reachFlags(cmd)
	return cmd
}

// report asks for a report and shows it.
func (a *app) report(ctx context.Context, at *server, format, path string, into any, sheet func() cli.Sheet) error {
	if !slices.Contains(cli.Formats, format) {
		return usage("--format %q is unknown: want table, json or csv", format)
	}
	c, end, err := at.reach(ctx, a)
	if err != nil {
		return err
	}
	defer func() { _ = end.Close() }() // it has only read
	if err := c.Ask(ctx, path, into); err != nil {
		return err
	}
	return cli.WriteReport(a.out, format, columnWidth(a.out), into, sheet())
}

func (a *app) loads() *cobra.Command {
	var (
		at                     server
		format, since, logType string
		failed                 bool
		limit                  int
	)
	cmd := &cobra.Command{
		Use:   "loads",
		Short: "List what was loaded when, or which loads failed",
		Long: `List the manifests that were loaded, the newest plan first: rows, raw bytes, rows
with a _rest, whether the fast (direct) or the careful load took them, and how long
the load took, which may have been of several manifests.

With --failed list the loads that failed: one line for each log type and cause, with
its count, its first and last time, and whether the log type was loaded since.`,
		Example: `  ikada loads --type app.access --since 1h
  ikada loads --failed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {fmt.Sprint(limit)}}
			if since != "" {
				q.Set("since", since)
			}
			if logType != "" {
				q.Set("type", logType)
			}
			if failed {
				q.Set("failed", "true")
				var found history.Failures
				if err := a.report(cmd.Context(), &at, format, "/v1/loads?"+q.Encode(), &found, func() cli.Sheet { return cli.FailuresSheet(&found) }); err != nil {
					return err
				}
				return a.more(found.More, limit)
			}
			var found history.Loads
			if err := a.report(cmd.Context(), &at, format, "/v1/loads?"+q.Encode(), &found, func() cli.Sheet { return cli.LoadsSheet(&found) }); err != nil {
				return err
			}
			return a.more(found.More, limit)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "table", "table, json or csv")
	f.StringVar(&logType, "type", "", "of this log type only")
	f.BoolVar(&failed, "failed", false, "list the loads that failed")
	f.StringVar(&since, "since", "", "since a time, or for a duration such as 24h or 7d")
	f.IntVar(&limit, "limit", 100, "greatest number of lines, up to 10,000")
	at.reachFlags(cmd)
	return cmd
}

// more tells that a limit cut a list.
func (a *app) more(more bool, limit int) error {
	if more {
		fmt.Fprintf(a.err, "ikada: only %s shown, and there are more: --limit N shows N\n", cli.Many(int64(limit), "line"))
	}
	return nil
}
