package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/replay"
)

func (a *app) replay() *cobra.Command {
	var (
		at             server
		in             api.ReplayRequest
		of, from, to   string
		format         string
		all, dry, less bool
	)
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Bring archived rows into a table again",
		Long: `Bring the archived rows of a range of hours into their table again: in one
transaction they take the place of what the table has of these hours. With --into they go
into another table. Twice is once, and loading goes on meanwhile.

The hours are those of the archive, from --from up to --to, which is not included: days, or
whole hours of UTC such as 2026-11-01T05:00:00Z. A row's hour is that of its time.

With --all everything is loaded that was not loaded yet: so a new warehouse is
filled from the archive.`,
		Example: `  ikada replay --type app.access --from 2026-11-01 --to 2026-11-08 --dry-run
  ikada replay --type app.access --from 2026-11-01 --to 2026-11-08
  ikada replay --type app.access --from 2026-11-01 --to 2026-11-08 --into app_access_november
  ikada replay --all`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !slices.Contains(cli.Formats, format) {
				return usage("--format %q is unknown: want table, json or csv", format)
			}
			in.Type, in.DryRun, in.Shrink, in.All = ikada.LogType(of), dry, less, all
			switch {
			case all && (of != "" || from != "" || to != "" || in.Into != "" || dry || less):
				return usage("--all stands alone: it loads what was not loaded yet, of all log types")
			case !all && (of == "" || from == "" || to == ""):
				return usage("say what to replay: --type, --from and --to; or --all")
			case !all:
				if in.From, err = replay.ParseTime(from); err != nil {
					return usage("--from: %w", err)
				}
				if in.To, err = replay.ParseTime(to); err != nil {
					return usage("--to: %w", err)
				}
			}
			var result api.ReplayResult
			if err := a.do(cmd.Context(), &at, "replaying", "/v1/replay", in, &result); err != nil {
				return err
			}
			if all {
				return cli.WriteReport(a.out, format, columnWidth(a.out), result.All, allSheet(result.All))
			}
			return cli.WriteReport(a.out, format, columnWidth(a.out), result.Report, replaySheet(result.Report))
		},
	}
	f := cmd.Flags()
	f.StringVar(&of, "type", "", "log type to replay")
	f.StringVar(&from, "from", "", "first archive hour: a day, or a whole hour of UTC")
	f.StringVar(&to, "to", "", "end of the range, which is not included")
	f.StringVar(&in.Into, "into", "", "`table` that takes the rows, and is made if it is not there; default: the log type's own")
	f.BoolVar(&dry, "dry-run", false, "only say what would be deleted and inserted")
	f.BoolVar(&less, "shrink", false, "even if the table has fewer rows of the range afterwards")
	f.BoolVar(&all, "all", false, "load all that was not loaded yet")
	f.StringVar(&format, "format", "table", "table, json or csv")
	at.reachFlags(cmd)
	return cmd
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func replaySheet(r *replay.Report) cli.Sheet {
	s := cli.Sheet{
		Head:  []string{"table", "from", "to", "files", "rows", "bytes", "stored", "deleted", "inserted", "refused", "put_back", "waiting", "expired"},
		Right: map[int]bool{3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true, 12: true},
	}
	s.Add(r.Table, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), strconv.Itoa(r.Files), number(r.Rows), number(r.Raw), number(r.Stored),
		number(r.Deleted), number(r.Inserted), number(r.Refused), number(r.PutBack), strconv.Itoa(r.Waiting), number(r.Expired))
	return s
}

func allSheet(r *api.LoadedAll) cli.Sheet {
	s := cli.Sheet{Head: []string{"tables", "manifests loaded", "rows", "bytes", "took"}, Right: map[int]bool{0: true, 1: true, 2: true, 3: true}}
	s.Add(strconv.Itoa(r.Types), number(r.Manifests), number(r.Rows), number(r.Bytes), fmt.Sprint(r.Took.Round(time.Millisecond)))
	return s
}
