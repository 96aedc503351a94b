package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ikada-io/ikada/api"
)

// WriteStatus writes a status for people, as seen at a time.
func WriteStatus(w io.Writer, s *api.Status, now time.Time) error {
	var b bytes.Buffer
	if err := writeTop(&b, s, now); err != nil {
		return err
	}
	b.WriteByte('\n')
	if err := writeTypes(&b, s, now); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}

// writeTop writes what stands above the log types.
func writeTop(b *bytes.Buffer, s *api.Status, now time.Time) error {
	fmt.Fprintf(b, "Ikada %s  %s, up %s  data %s\n", s.Version, s.State, Span(now.Sub(s.Started)), visible(s.DataDir))
	if s.Addresses.Forward != "" {
		fmt.Fprintf(b, "Forward %s  ", s.Addresses.Forward)
	}
	if s.Addresses.HTTP != "" {
		fmt.Fprintf(b, "HTTP %s\n", s.Addresses.HTTP)
	}
	switch {
	case !s.OldestUnloaded.IsZero():
		fmt.Fprintf(b, "oldest event on its way: %s\n", Span(now.Sub(s.OldestUnloaded)))
	case s.Unknown() != "":
		fmt.Fprintf(b, "what is on its way cannot be told: %s\n", visible(s.Unknown()))
	default:
		fmt.Fprintf(b, "every event is in %s\n", destination(s))
	}
	writeAudit(b, s.Audit, now)
	b.WriteByte('\n')
	return writeStages(b, s, now)
}

// destination is where the last stage brings events.
func destination(s *api.Status) string {
	switch {
	case s.Loads():
		return "its table"
	case len(s.Stages) == 1 && s.Stages[0].Name == "collect":
		return "the stream"
	}
	return "the archive"
}

// writeAudit tells whether conservation held when it was last looked at.
func writeAudit(b *bytes.Buffer, a *api.AuditStatus, now time.Time) {
	switch {
	case a == nil:
		return
	case a.At.IsZero() && a.Error == "":
		b.WriteString("conservation was not audited yet\n")
	case a.At.IsZero():
	case a.Holds:
		fmt.Fprintf(b, "conservation holds (audited %s)\n", Ago(a.At, now))
	default:
		fmt.Fprintf(b, "conservation does not hold: %s, %s (audited %s): see `ikada audit`\n", Many(a.Gaps, "gap"), Many(a.GapRows, "row"), Ago(a.At, now))
	}
	if a.Error != "" {
		fmt.Fprintf(b, "the last audit failed: %s\n", visible(a.Error))
	}
}

func number(s string) Cell { return Cell{Text: s, Number: true} }
func word(s string) Cell   { return Cell{Text: s} }

func heads(names string) []Cell {
	var cells []Cell
	for name := range strings.SplitSeq(names, ",") {
		cells = append(cells, word(name))
	}
	return cells
}

func writeStages(b *bytes.Buffer, s *api.Status, now time.Time) error {
	t := &Table{Out: b}
	if err := t.Row(heads("stage,events/s,volume,events,waiting,waiting size,last success,quarantined,errors,last error")); err != nil {
		return err
	}
	for i := range s.Stages {
		g := &s.Stages[i]
		failure := ""
		if g.LastError != "" {
			failure = Ago(g.LastErrorAt, now) + ": " + g.LastError
		}
		if err := t.Row([]Cell{
			word(g.Name), number(Count(int64(g.EventsPerSecond + 0.5))), number(Size(int64(g.BytesPerSecond)) + "/s"), number(Count(g.Events)),
			number(waiting(g.Backlog)), number(Size(g.Backlog.Bytes)), word(Ago(g.LastSuccess, now)),
			number(Count(g.Quarantined)), number(Count(g.Errors)), word(failure),
		}); err != nil {
			return err
		}
	}
	return t.Flush()
}

// waiting says how many of what wait.
func waiting(b api.Backlog) string {
	switch {
	case b.Unknown != "":
		return "unknown"
	case b.Messages > 0:
		return Many(b.Messages, "message")
	case b.Files > 0:
		return Many(b.Files, "file")
	}
	return "nothing"
}

// widest is the greatest width of a log type's name.
const widest = 100

func writeTypes(b *bytes.Buffer, s *api.Status, now time.Time) error {
	switch {
	case !s.Loads():
		b.WriteString("no tables: this Ikada loads into no warehouse\n")
		return nil
	case len(s.Types) == 0:
		b.WriteString("no log types yet\n")
		return nil
	}
	t := &Table{Out: b, MaxWidth: widest}
	if err := t.Row(heads("log type,table,rows,raw size,columns,waiting files,last loaded,error")); err != nil {
		return err
	}
	for i := range s.Types {
		y := &s.Types[i]
		rows, size := Count(y.Rows), Size(y.Bytes)
		if y.LastLoaded.IsZero() { // these are of loads: nobody has counted the table
			rows, size = "–", "–"
		}
		if err := t.Row([]Cell{
			word(string(y.Type)), word(y.Table), number(rows), number(size), number(Count(int64(y.Columns))),
			number(Count(y.Waiting.Files)), word(Ago(y.LastLoaded, now)), word(y.Error),
		}); err != nil {
			return err
		}
	}
	return t.Flush()
}
