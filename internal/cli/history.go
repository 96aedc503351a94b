package cli

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/internal/drift"
)

// moment writes a time as reports have it, to the second; empty for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// right marks columns as numbers.
func right(columns ...int) map[int]bool {
	marks := map[int]bool{}
	for _, c := range columns {
		marks[c] = true
	}
	return marks
}

// TypesSheet is the list of log types.
func TypesSheet(found *history.Types) Sheet {
	s := Sheet{
		Head:  []string{"type", "table", "first_seen", "last_seen", "rows_today", "rows", "bytes", "columns", "drifts", "last_drift", "quarantined"},
		Right: right(4, 5, 6, 7, 8, 10),
		// One long tag would widen the line of every log type.
		Widest: widest,
	}
	for i := range found.Types {
		t := &found.Types[i]
		s.Add(string(t.Type), t.Table, moment(t.FirstSeen), moment(t.LastSeen), digits(t.RowsToday), digits(t.Rows), digits(t.Bytes),
			digits(int64(t.Columns)), digits(int64(t.Drifts)), moment(t.LastDrift), digits(t.Quarantined))
	}
	return s
}

// ColumnsSheet is the columns of a log type.
func ColumnsSheet(d *history.Detail) Sheet {
	s := Sheet{
		Head:  []string{"field", "column", "type", "kinds", "max_bytes", "width", "null_share", "since", "origin", "samples"},
		Right: right(4, 5, 6),
	}
	for i := range d.Fields {
		c := &d.Fields[i]
		s.Add(c.Field.Field, c.Column, c.Type, strings.Join(c.Kinds, "|"), digits(int64(c.MaxBytes)), width(c.Width), share(c.NullShare),
			moment(c.Since), c.Origin, strings.Join(c.Samples, ", "))
	}
	return s
}

func width(n uint32) string {
	if n == 0 {
		return ""
	}
	return digits(int64(n))
}

func share(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// LoadsSheet is what was loaded.
func LoadsSheet(found *history.Loads) Sheet {
	s := Sheet{
		Head:  []string{"loaded", "type", "plan", "class", "files", "rows", "bytes", "rest", "way", "seconds", "outcome", "manifest"},
		Right: right(2, 4, 5, 6, 7, 9),
	}
	for i := range found.Loads {
		l := &found.Loads[i]
		way := "careful"
		if l.Direct {
			way = "direct"
		}
		s.Add(moment(l.Loaded), string(l.Type), strconv.FormatUint(l.Plan, 10), l.Class, digits(l.Files), digits(l.Rows), digits(l.Bytes), digits(l.Rest),
			way, strconv.FormatFloat(l.Seconds, 'f', 3, 64), l.Outcome, l.Manifest)
	}
	return s
}

// FailuresSheet is the loads that failed.
func FailuresSheet(found *history.Failures) Sheet {
	s := Sheet{Head: []string{"type", "count", "first", "last", "over", "error"}, Right: right(1)}
	for i := range found.Failures {
		f := &found.Failures[i]
		s.Add(string(f.Type), digits(f.Count), moment(f.First), moment(f.Last), strconv.FormatBool(f.Over), f.Error)
	}
	return s
}

// WriteType writes a log type for people.
func WriteType(w io.Writer, d *history.Detail, maxWidth int) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  table %s  %s, %s today  first seen %s  last %s\n", visible(string(d.Type.Type)), d.Table, Many(d.Rows, "row"), Count(d.RowsToday),
		moment(d.FirstSeen), moment(d.LastSeen))
	fmt.Fprintf(&b, "kinds, lengths and null shares are of %s in %s, plans %d to %d; %s in quarantine\n\n",
		Many(d.Observed.Rows, "row"), Many(int64(d.Observed.Manifests), "manifest"), d.Observed.FirstPlan, d.Observed.LastPlan, Many(d.Quarantined, "part"))
	columns := ColumnsSheet(d)
	if err := columns.table(&b, maxWidth); err != nil {
		return err
	}
	if len(d.Without) > 0 {
		b.WriteString("\nfields without a column\n")
		s := Sheet{Head: []string{"field", "kinds", "rows", "why"}, Right: right(2)}
		for _, f := range d.Without {
			s.Add(f.Field, strings.Join(f.Kinds, "|"), digits(f.Rows), f.Why)
		}
		if err := s.table(&b, maxWidth); err != nil {
			return err
		}
	}
	if len(d.Drift) > 0 {
		b.WriteString("\ndrifts\n")
		s := driftSheet(d.Drift)
		if err := s.table(&b, maxWidth); err != nil {
			return err
		}
	}
	_, err := b.WriteTo(w)
	return err
}

func driftSheet(drifts []drift.Drift) Sheet {
	s := Sheet{Head: []string{"seen", "field", "drift", "before", "after", "plan", "example", "of row"}, Right: right(5)}
	for i := range drifts {
		d := &drifts[i]
		value, id := "", ""
		if d.Example != nil {
			value, id = d.Example.Value, d.Example.ID
			if d.Example.Cut {
				value += "…"
			}
		}
		sort := string(d.Sort)
		if !d.Returned.IsZero() {
			sort += ", back " + moment(d.Returned)
		}
		s.Add(moment(d.At), d.Field, sort, d.Before, d.After, strconv.FormatUint(d.Plan, 10), value, id)
	}
	return s
}
