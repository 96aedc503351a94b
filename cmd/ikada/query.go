package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ikada-io/ikada/internal/cli"
)

func (a *app) query() *cobra.Command {
	var (
		at     server
		format string
		limit  int64
	)
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "Run a statement that reads, and print its rows",
		Long: `Run one statement that reads, and print its rows. Each log type has a table:
app.access is app_access. With - the statement is read from standard input. A
running Ikada is asked; if none runs, the tables themselves.

At most --limit rows come; a note on standard error tells if there were more.
--limit 0 gives all of them: the server holds the whole result in memory meanwhile.`,
		Example: `  ikada query 'select path, count(*) from app_access group by 1 order by 2 desc limit 10'
  ikada query 'show tables'
  ikada query --format csv --limit 0 'from app_access' > access.csv`,
		Args: wants("one SQL statement in quotes, such as 'show tables'"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(cli.Formats, format) {
				return usage("--format %q is unknown: want table, json or csv", format)
			}
			if limit < 0 {
				return usage("--limit %d: want 1 or more, or 0 for all rows", limit)
			}
			sql := args[0]
			if sql == "-" {
				text, err := io.ReadAll(a.in)
				if err != nil {
					return err
				}
				sql = string(text)
			}
			if strings.TrimSpace(sql) == "" {
				return usage("the statement is empty")
			}
			c, end, err := at.reach(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer func() { _ = end.Close() }() // it has only read
			rows, err := c.Query(cmd.Context(), sql, limit)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			if err := cli.WriteRows(a.out, rows, format, columnWidth(a.out)); err != nil {
				return err
			}
			if rows.More {
				fmt.Fprintf(a.err, "ikada: only %s shown, and there are more: --limit N shows N, --limit 0 all of them\n", cli.Many(limit, "row"))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	cmd.Flags().Int64Var(&limit, "limit", 10_000, "greatest number of rows; 0: all")
	at.reachFlags(cmd)
	return cmd
}

// wants accepts one argument, and says what it should be.
func wants(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s wants %s, and got %d arguments", cmd.Name(), what, len(args))
		}
		return nil
	}
}

// columnWidth bounds a table's columns on a terminal, where long texts would
// break the lines. Elsewhere nothing is cut.
func columnWidth(w io.Writer) int {
	if width, ok := terminal(w); ok {
		return max(width/2, 20)
	}
	return 0
}

// terminal returns a terminal's width.
func terminal(w io.Writer) (width int, ok bool) {
	width, _, ok = terminalSize(w)
	return width, ok
}

func terminalSize(w io.Writer) (width, height int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return width, height, err == nil
}
