package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/preview"
)

// against are the flags for a sample of events.
type against struct {
	file, tag, format string
}

// check refuses flags that do not go together.
func (f *against) check() error {
	switch {
	case f.format != "table" && f.format != "json":
		return usage("--format %q is unknown: want table or json", f.format)
	case f.file == "" && f.tag != "":
		return usage("--type is for the events of --against SAMPLE")
	case f.file == "" && f.format == "json":
		return usage("--format json is for the events of --against SAMPLE")
	}
	return nil
}

// checkAgainst shows what sample events would become.
func (a *app) checkAgainst(cfg *config.Config, f against) error {
	in, name := a.in, "standard input"
	if f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return fmt.Errorf("read the sample: %w", err)
		}
		defer func() { _ = file.Close() }()
		in, name = file, f.file
	}
	report, err := preview.Read(in, f.tag, cfg.Declared, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w (--type TAG)", name, err)
	}
	if f.format == "json" {
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}
	return showSample(a.out, report)
}

// showSample prints a report for people: each log type's columns, then the events.
func showSample(w io.Writer, r *preview.Report) error {
	for _, t := range r.Types {
		noun := "events"
		if t.Events == 1 {
			noun = "event"
		}
		fmt.Fprintf(w, "log type %s → table %s: %d %s, archive by %s\n", t.Type, t.Table, t.Events, noun, t.Partition)
		var rows [][]string
		for _, c := range t.Columns {
			from := "inferred"
			if c.Declared {
				from = "declared"
			}
			rows = append(rows, []string{c.Name, c.Type, c.Field, from, c.Guard})
		}
		if err := show(w, []string{"COLUMN", "TYPE", "FIELD", "FROM", "GUARD"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	var rows [][]string
	for _, e := range r.Events {
		var notes []string
		for _, n := range []struct {
			what   string
			fields []string
		}{{"dropped", e.Dropped}, {"hashed", e.Hashed}, {"masked", e.Masked}} {
			if len(n.fields) > 0 {
				notes = append(notes, n.what+" "+strings.Join(n.fields, ", "))
			}
		}
		if e.Reason != "" {
			notes = append(notes, e.Reason)
		}
		if e.Withheld {
			notes = append(notes, "its bytes are not kept")
		}
		rows = append(rows, []string{strconv.Itoa(e.Line), e.Tag, string(e.Type), e.Time, e.TimeFrom, strings.Join(e.Rest, ", "), strings.Join(notes, "; ")})
	}
	return show(w, []string{"LINE", "TAG", "LOG TYPE", "TIME", "TIME FROM", "TO _REST", "NOTES"}, rows)
}

// show prints a table of texts.
func show(w io.Writer, head []string, rows [][]string) error {
	t := cli.Table{Out: w}
	for _, texts := range slices.Concat([][]string{head}, rows) {
		cells := make([]cli.Cell, len(texts))
		for i, text := range texts {
			cells[i].Text = text
		}
		if err := t.Row(cells); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
