package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/when"
)

func (a *app) audit() *cobra.Command {
	var (
		at                     server
		since, logType, format string
		deep                   bool
	)
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show that nothing was lost or doubled, or where",
		Long: `Show for each log type that what was received is archived or was dropped as a
duplicate, and that what is archived is in its table or in quarantine. What is on its
way is shown as such. Where the numbers do not add up, the command says where the gap
is and what to do, and ends with 1.

It counts by what the pipeline has written down, and may run while it works. --deep
also reads every archive file, and counts every table.`,
		Example: `  ikada audit
  ikada audit --since 24h
  ikada audit --deep --type app.access
  ikada audit --format json | jq .gaps`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(cli.Formats, format) {
				return usage("--format %q is unknown: want table, json or csv", format)
			}
			from, err := when.Parse("--since", since, time.Now())
			if err != nil {
				return usageError{err}
			}
			q := url.Values{"type": {logType}, "deep": {strconv.FormatBool(deep)}}
			if !from.IsZero() {
				q.Set("since", from.UTC().Format(time.RFC3339Nano))
			}
			client, end, err := at.reach(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer func() { _ = end.Close() }() // it has only read
			var r audit.Report
			if err := client.Ask(cmd.Context(), "/v1/audit?"+q.Encode(), &r); err != nil {
				return err
			}
			if logType != "" && len(r.Types) == 0 { // a misspelt name must not look like a clean bill
				fmt.Fprintf(a.err, "ikada: no rows of log type %q were routed in this time: `ikada types` lists the log types\n", logType)
			}
			return a.showAudit(&r, format)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only what was routed since: 24h, 7d, 2026-11-23 or 2026-11-23T05:00:00Z (default: ever)")
	cmd.Flags().StringVar(&logType, "type", "", "one log type's files, manifests and table (default: all)")
	cmd.Flags().BoolVar(&deep, "deep", false, "read every archive file and count every table, too")
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	at.reachFlags(cmd)
	return cmd
}

// showAudit writes a report. It is an error if conservation does not hold.
func (a *app) showAudit(r *audit.Report, format string) error {
	if err := cli.WriteReport(a.out, format, columnWidth(a.out), r, auditSheet(r)); err != nil {
		return err
	}
	if format == "table" {
		writeFindings(a.out, r)
	}
	if r.Holds {
		return nil
	}
	more := ""
	if slices.ContainsFunc(r.Gaps, func(g audit.Gap) bool { return g.RowsUnknown }) {
		more = ", and of some nobody knows how many"
	}
	return fmt.Errorf("conservation does not hold: %s, %s%s", cli.Many(r.GapCount, "gap"), cli.Many(r.GapRows, "row"), more)
}

// auditSheet is a line for each log type.
func auditSheet(r *audit.Report) cli.Sheet {
	s := cli.Sheet{Head: []string{
		"type", "received", "duplicates", "in bundles", "archived", "loaded", "quarantined", "in manifests", "expired", "gap rows", "gaps",
	}, Right: map[int]bool{}}
	for i := 1; i < len(s.Head); i++ {
		s.Right[i] = true
	}
	if r.Deep {
		s.Head = append(s.Head, "in table", "expected")
		s.Right[len(s.Head)-2], s.Right[len(s.Head)-1] = true, true
	}
	for _, t := range r.Types {
		row := []string{string(t.Type)}
		for _, n := range []int64{
			t.Received, t.Dropped, t.WaitingBundles, t.Archived, t.Loaded, t.Quarantined, t.WaitingManifests, t.Expired, t.GapRows, t.Gaps,
		} {
			row = append(row, number(n))
		}
		if t.Table != nil {
			row = append(row, number(t.Table.Rows), number(t.Table.Expected))
		} else if r.Deep {
			row = append(row, "", "")
		}
		s.Add(row...)
	}
	return s
}

// writeFindings writes what the lines of the log types do not tell.
func writeFindings(w io.Writer, r *audit.Report) {
	out := func(format string, args ...any) { fmt.Fprintf(w, format, args...) }
	switch {
	case r.LastPlan == 0:
		out("\nnothing was routed yet\n")
	case r.FirstPlan == 0:
		out("\nnothing was routed in this time: it is behind plan %d, the newest\n", r.LastPlan)
	default:
		out("\nplans %d to %d, %s, %s\n", r.FirstPlan, r.LastPlan, cli.Many(int64(len(r.Lanes)), "lane"), cli.Many(r.Files, "archive file"))
	}
	for _, l := range r.Lanes {
		out("  lane %s: bundles %d to %d, positions %s to %s, %s, %s dropped\n", l.Lane, l.FirstOrdinal, l.LastOrdinal,
			cmp.Or(string(l.FirstPosition), "unknown"), cmp.Or(string(l.LastPosition), "unknown"), cli.Many(l.Rows, "row"), cli.Many(l.Dropped, "duplicate"))
	}
	wait := r.Waiting
	stream := cli.Many(wait.StreamMessages, "message") + " in the stream"
	if wait.StreamUnknown {
		stream = "what is in the stream (only a running Ikada knows how much)"
	}
	out("on the way: %s, %s in %s, %s in %s\n", stream,
		cli.Many(wait.BundleRows, "row"), cli.Many(wait.Bundles, "bundle"), cli.Many(wait.ManifestRows, "row"), cli.Many(wait.Manifests, "manifest"))
	for _, g := range r.Gaps {
		rows := cli.Many(g.Rows, "row")
		if g.RowsUnknown {
			rows = "rows unknown"
		}
		out("\nGAP  %s (%s)", g.Kind, rows)
		if g.Type != "" {
			out(" of %s", g.Type)
		}
		out("\n  %s\n", g.Detail)
		if g.After != "" || g.Before != "" {
			out("  behind position %s, before %s\n", cmp.Or(string(g.After), "unknown"), cmp.Or(string(g.Before), "unknown"))
		}
		out("  to do: %s\n", g.Remedy)
	}
	if n := r.GapCount - int64(len(r.Gaps)); n > 0 {
		out("\n… and %s more\n", cli.Many(n, "gap"))
	}
	for _, g := range r.Notes {
		out("\nnote  %s\n  to do: %s\n", g.Detail, g.Remedy)
	}
	if r.Holds {
		out("\nconservation holds\n")
	}
}
