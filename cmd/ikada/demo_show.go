package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/cli"
)

// sample is a query worth a look.
const sample = "select path, count(*) as requests, round(avg(latency), 1) as latency\nfrom app_access group by path order by requests desc limit 5"

// suggest shows a result, and what to try next.
func (d *demo) suggest(ctx context.Context) error {
	rows, err := d.server.Query(ctx, sample, 0)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	fmt.Fprintf(d.out, "\n  %s\n\n", strings.ReplaceAll(sample, "\n", "\n  "))
	if err := cli.WriteRows(indent{d.out}, rows, "table", columnWidth(d.out)); err != nil {
		return err
	}
	data, name := d.flags.data, cmp.Or(d.name, "ikada")
	fmt.Fprintf(d.out, `
Try next, in another terminal
  %[2]s query --data %[1]s 'select level, count(*) from app_error group by level'
  %[2]s tail --data %[1]s payment.charge
  %[2]s status --data %[1]s --watch
`, data, name)
	if file := archived(filepath.Join(data, "archive", ikada.LogType("app.access").PathName())); file != "" {
		fmt.Fprintf(d.out, "  gunzip -c '%s' | head -3\n", file)
	}
	fmt.Fprintf(d.out, "The archive is in %s, the page at %s\n\nLive events follow; Ctrl+C ends.\n", filepath.Join(data, "archive"), d.server.URL())
	return nil
}

// archived returns an archive file below a folder.
func archived(folder string) (found string) {
	_ = filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error { // none is no error
		if err == nil && strings.HasSuffix(name, ".json.gz") {
			found = name
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// now says in a line how the pipeline does.
func (d *demo) now(ctx context.Context) (string, error) {
	s, err := d.server.Status(ctx)
	if err != nil {
		return "", err
	}
	events, rate := map[string]int64{}, 0.0
	for i := range s.Stages {
		events[s.Stages[i].Name] = s.Stages[i].Events
		if s.Stages[i].Name == "collect" {
			rate = s.Stages[i].EventsPerSecond
		}
	}
	lag := 0.0
	if !s.OldestUnloaded.IsZero() {
		lag = time.Since(s.OldestUnloaded).Seconds()
	}
	return fmt.Sprintf("%s events/s · in %s · archived %s · queryable %s · lag %.1f s", cli.Count(int64(rate+0.5)),
		cli.Count(events["collect"]), cli.Count(events["route"]), cli.Count(events["load"]), lag), nil
}

// line shows a text that changes: in its place on a terminal, elsewhere a line
// now and then.
type line struct {
	out      io.Writer
	terminal bool
	every    time.Duration // elsewhere
	last     time.Time
}

func (d *demo) line(every time.Duration) *line {
	_, ok := terminal(d.out)
	return &line{out: d.out, terminal: ok, every: every}
}

func (l *line) print(text string, last bool) {
	switch {
	case l.terminal:
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
	case last || time.Since(l.last) >= l.every:
		fmt.Fprintln(l.out, text)
		l.last = time.Now()
	}
}

func (l *line) end() {
	if l.terminal {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}

// aside writes to a terminal beside a line that changes: in its place, and the
// line comes again below.
type aside struct{ w io.Writer }

func (a aside) Write(p []byte) (int, error) {
	if _, err := io.WriteString(a.w, "\r\x1b[K"); err != nil {
		return 0, err
	}
	return a.w.Write(p)
}

// indent writes lines two blanks to the right.
type indent struct{ w io.Writer }

func (i indent) Write(p []byte) (int, error) {
	text := strings.ReplaceAll(strings.TrimSuffix(string(p), "\n"), "\n", "\n  ")
	if _, err := io.WriteString(i.w, "  "+text+"\n"); err != nil {
		return 0, err
	}
	return len(p), nil
}
