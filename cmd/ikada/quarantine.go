package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/when"
	"github.com/ikada-io/ikada/quarantine"
)

func (a *app) quarantine() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "quarantine",
		Short: "Show records that were set aside, and put them back",
		Long: `Show records that were set aside because they are no valid event, or because the
warehouse refused them, and put them back after a fix.`,
		Example: `  ikada quarantine list --type app.access --since 24h
  ikada quarantine show k3j9x2ab0-1f4c-2a
  ikada quarantine retry --type app.access --since 24h`,
	})
	cmd.AddCommand(a.quarantineList(), a.quarantineShow(), a.quarantineRetry())
	return cmd
}

// chosen are the flags that choose records.
type chosen struct{ logType, since, until string }

func (c *chosen) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.logType, "type", "", "only records of this log type")
	f.StringVar(&c.since, "since", "", "only records of this time and later: 24h, 7d, 2026-11-23 or 2026-11-23T05:00:00Z")
	f.StringVar(&c.until, "until", "", "only records before this time")
}

func (c *chosen) times(now time.Time) (since, until time.Time, err error) {
	if since, err = when.Parse("--since", c.since, now); err == nil {
		until, err = when.Parse("--until", c.until, now)
	}
	if err != nil {
		err = usageError{err}
	}
	return since, until, err
}

func (a *app) quarantineList() *cobra.Command {
	var (
		at     server
		c      chosen
		format string
		limit  int
		all    bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List records that were set aside, the latest first",
		Long: `List records that were set aside, the latest first: why, who sent them, and the id
by which they are shown and put back.`,
		Example: `  ikada quarantine list --type app.access --since 24h
  ikada quarantine list --all --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, until, err := c.times(time.Now())
			if err != nil {
				return err
			}
			q := url.Values{"type": {c.logType}, "limit": {strconv.Itoa(limit)}, "put_back": {strconv.FormatBool(all)}}
			for name, t := range map[string]time.Time{"since": since, "until": until} {
				if !t.IsZero() {
					q.Set(name, t.UTC().Format(time.RFC3339))
				}
			}
			var found api.Quarantined
			return a.report(cmd.Context(), &at, format, "/v1/quarantine?"+q.Encode(), &found, func() cli.Sheet { return quarantineSheet(found.Records) })
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	cmd.Flags().IntVar(&limit, "limit", 100, "greatest number of records; 0: all")
	cmd.Flags().BoolVar(&all, "all", false, "those that were put back, too")
	at.reachFlags(cmd)
	return cmd
}

func quarantineSheet(records []quarantine.Record) cli.Sheet {
	s := cli.Sheet{Head: []string{"id", "time", "type", "bytes", "pieces", "origin", "reason", "put back"}, Right: map[int]bool{3: true, 4: true}}
	for _, r := range records {
		back := ""
		if !r.PutBack.IsZero() {
			back = r.PutBack.Format(time.RFC3339)
		}
		s.Add(r.ID, r.At.Format(time.RFC3339), r.Type, strconv.FormatInt(r.Bytes, 10), piecesOf(r), r.Origin, r.Reason, back)
	}
	return s
}

// piecesOf says in how many pieces a record came that was too large for one
// message, and how many of them are there.
func piecesOf(r quarantine.Record) string {
	switch {
	case r.Whole == "":
		return ""
	case len(r.Missing) > 0:
		return fmt.Sprintf("%d of %d", r.Pieces-int64(len(r.Missing)), r.Pieces)
	}
	return strconv.FormatInt(r.Pieces, 10)
}

func (a *app) quarantineShow() *cobra.Command {
	var (
		at     server
		format string
		raw    bool
	)
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a record that was set aside",
		Long: `Show a record that was set aside, with its bytes: as text, or as a dump if they
are none. With --raw they alone are written, as they came.

A record that was too large for one message came in pieces, which are joined: the id is
that of any of them. Where one is missing it says so, and shows the others.`,
		Example: `  ikada quarantine show k3j9x2ab0-1f4c-2a
  ikada quarantine show k3j9x2ab0-1f4c-2a --raw | jq .`,
		Args: wants("the id of a record, as `quarantine list` shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(cli.Formats, format) {
				return usage("--format %q is unknown: want table, json or csv", format)
			}
			client, end, err := at.reach(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer func() { _ = end.Close() }() // it has only read
			var r quarantine.Record
			if err := client.Ask(cmd.Context(), "/v1/quarantine/"+url.PathEscape(args[0]), &r); err != nil {
				return err
			}
			if raw {
				return a.writeRaw(r)
			}
			s := recordSheet(r)
			if format == "csv" {
				s.Add("data", base64.StdEncoding.EncodeToString(r.Data))
			}
			err = cli.WriteReport(a.out, format, 0, r, s)
			if err == nil && format == "table" {
				_, err = fmt.Fprintf(a.out, "\n%s\n", printable(r.Data))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, or json or csv with its bytes in base64")
	cmd.Flags().BoolVar(&raw, "raw", false, "write nothing but the record's bytes as they came")
	at.reachFlags(cmd)
	return cmd
}

func (a *app) writeRaw(r quarantine.Record) error {
	if _, err := a.out.Write(r.Data); err != nil {
		return fmt.Errorf("write record %s: %w", r.ID, err)
	}
	if len(r.Missing) > 0 {
		return fmt.Errorf("record %s is not whole: of its %d pieces these are not in the quarantine: %s; the others were written", r.ID, r.Pieces, numbers(r.Missing))
	}
	return nil
}

// numbers lists numbers as text.
func numbers(all []int64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
}

func recordSheet(r quarantine.Record) cli.Sheet {
	s := cli.Sheet{Head: []string{"id", r.ID}}
	s.Add("time", r.At.Format(time.RFC3339Nano))
	s.Add("type", r.Type)
	s.Add("reason", r.Reason)
	s.Add("origin", r.Origin)
	s.Add("bytes", strconv.FormatInt(r.Bytes, 10))
	if r.Whole != "" {
		s.Add("whole", r.Whole)
		s.Add("pieces", piecesOf(r))
	}
	if len(r.Missing) > 0 {
		s.Add("missing", numbers(r.Missing))
	}
	if r.Withheld > 0 {
		s.Add("withheld", strconv.FormatInt(r.Withheld, 10)+" bytes")
	}
	if r.File != "" {
		s.Add("file", r.File)
		s.Add("line", strconv.FormatInt(r.Line, 10))
		s.Add("column", r.Column)
		s.Add("row", r.Row)
	}
	if !r.PutBack.IsZero() {
		s.Add("put back", r.PutBack.Format(time.RFC3339))
	}
	return s
}

// printable is text as it is, and other bytes as a dump.
func printable(data []byte) string {
	if utf8.Valid(data) && !slices.ContainsFunc(data, func(b byte) bool { return b < ' ' && b != '\n' && b != '\t' }) {
		return string(data)
	}
	return hex.Dump(data)
}

func (a *app) quarantineRetry() *cobra.Command {
	var (
		at  server
		c   chosen
		in  api.RetryRequest
		out string
	)
	cmd := &cobra.Command{
		Use:   "retry [ID…]",
		Short: "Put records back that are good by now",
		Long: `Put records back: those with the IDs, or all that --type, --since and --until
choose. A record that would be set aside again stays where it is, with the reason.

Records that were no valid events go into the stream again, as if they had come just now,
and become rows. Rows that the warehouse refused go straight into the table of their log
type, as they are in the archive: mend the table first. Those that it refuses again stay.
Repeating it is safe: a record is put back once.

Texts in another charset than UTF-8 become UTF-8 by --charset shift_jis, euc-jp,
windows-1252 and so on. What must be changed otherwise can be sent by hand:
  ikada quarantine show ID --raw | sed … | ikada send --type app.access -`,
		Example: `  ikada quarantine retry --type app.access --charset shift_jis --dry-run
  ikada quarantine retry k3j9x2ab0-1f4c-2a --as app.access`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(cli.Formats, out) {
				return usage("--format %q is unknown: want table, json or csv", out)
			}
			since, until, err := c.times(time.Now())
			if err != nil {
				return err
			}
			if len(args) == 0 && c == (chosen{}) {
				return usage("say which records: their ids, or --type, --since or --until")
			}
			in.IDs, in.Type, in.Since, in.Until = args, c.logType, since, until
			var result quarantine.Result
			if err := a.do(cmd.Context(), &at, "putting back", "/v1/quarantine/retry", in, &result); err != nil {
				return err
			}
			if out != "table" {
				s := cli.Sheet{Head: []string{"put_back", "still_bad", "refused"}}
				s.Add(number(result.PutBack), number(result.StillBad), number(result.Refused))
				return cli.WriteReport(a.out, out, 0, result, s)
			}
			return a.printRetry(result, in.Try)
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&in.As, "as", "", "log type to send them as; default: their own")
	cmd.Flags().StringVar(&in.Charset, "charset", "", "what their texts are in, if it is not UTF-8: shift_jis, euc-jp, iso-8859-1, …")
	cmd.Flags().BoolVar(&in.Try, "dry-run", false, "only say what would be put back")
	cmd.Flags().StringVar(&out, "format", "table", "table, json or csv")
	at.reachFlags(cmd)
	return cmd
}

func (a *app) printRetry(r quarantine.Result, try bool) error {
	verb, refused := "put back", "refused by the warehouse again"
	if try {
		verb, refused = "would be put back", "refused by the warehouse, which would be tried"
	}
	fmt.Fprintf(a.out, "%s %s, %s still bad, %s %s\n", cli.Count(r.PutBack), verb, cli.Count(r.StillBad), cli.Count(r.Refused), refused)
	for _, e := range r.Examples {
		fmt.Fprintf(a.out, "  still bad: %s: %s\n", e.ID, e.Reason)
	}
	return nil
}
