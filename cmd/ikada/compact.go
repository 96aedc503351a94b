package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/cli"
)

func (a *app) compact() *cobra.Command {
	var (
		at         server
		of, format string
	)
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Bind an hour's small archive files into few",
		Long: `Bind the small archive files of past hours into few, of one log type or of all.
Compressed data is copied as it is, and checked; only what is very small is compressed
anew. Only files that are loaded are taken. The old files are empty at first, and
deleted by a run after compact.grace.

A running Ikada does it by itself every compact.interval, for the last days.`,
		Example: `  ikada compact
  ikada compact --type app.access --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(cli.Formats, format) {
				return usage("--format %q is unknown: want table, json or csv", format)
			}
			var report compact.Report
			if err := a.do(cmd.Context(), &at, "compacting", "/v1/compact", api.CompactRequest{Type: ikada.LogType(of)}, &report); err != nil {
				return err
			}
			if len(report.Types) == 0 {
				fmt.Fprintln(a.err, "ikada: there is nothing to bind: hours are taken compact.min_age after their end, and files once they are loaded and as old")
			}
			for _, t := range report.Types {
				if t.Busy > 0 {
					fmt.Fprintf(a.err, "ikada: %s: %s left alone: another compaction is at work there, or was cut off. Run it again in ten minutes\n", t.Type, cli.Many(int64(t.Busy), "day"))
				}
			}
			return cli.WriteReport(a.out, format, columnWidth(a.out), report, compactSheet(report))
		},
	}
	cmd.Flags().StringVar(&of, "type", "", "only this log type")
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	at.reachFlags(cmd)
	return cmd
}

func compactSheet(r compact.Report) cli.Sheet {
	s := cli.Sheet{
		Head:  []string{"type", "files", "bytes", "new files", "new bytes", "rows", "deleted", "not loaded yet"},
		Right: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true},
	}
	for _, t := range r.Types {
		s.Add(string(t.Type), strconv.Itoa(t.Files), number(t.Bytes), strconv.Itoa(t.NewFiles), number(t.NewBytes), number(t.Rows),
			strconv.Itoa(t.Deleted), strconv.Itoa(t.Waiting))
	}
	return s
}
