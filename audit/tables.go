package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// tables recounts every table, in a deep audit: its rows must be those of the
// manifests in the ledger, each once, less what retention deleted.
func (a *audit) tables(ctx context.Context) error {
	if !a.opts.Deep || a.Warehouse == nil {
		return nil
	}
	tables, err := a.Warehouse.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if a.leaves(t.Type) {
			continue
		}
		if err := a.table(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) table(ctx context.Context, t warehouse.Table) error {
	counted, expired, err := a.recount(ctx, t.Type)
	if err != nil {
		return err
	}
	expected := counted.Ledger - expired
	a.of(t.Type).Table = &TableCounts{
		Rows: counted.Rows, Distinct: counted.Distinct, Expired: expired, Expected: expected, Aside: counted.Aside, ExpectedAside: counted.LedgerAside,
	}
	if err := a.aside(ctx, t, counted); err != nil {
		return err
	}
	if doubled := counted.Rows - counted.Distinct; doubled > 0 {
		a.gap(Gap{
			Kind: RowsDoubled, Type: t.Type, Table: t.Name, Rows: doubled,
			Detail: fmt.Sprintf("rows of table %s beyond one for each _id: %d, such as of %s", t.Name, doubled, strings.Join(counted.Doubled, ", ")),
			Remedy: "rows were added behind Ikada's back: delete them, or replay their hours with `ikada replay --shrink`",
		})
	}
	g := Gap{Type: t.Type, Table: t.Name, Rows: abs(expected - counted.Distinct)}
	switch {
	case counted.Ledger == 0: // no load fills it, but a replay into it
		return nil
	case t.Type == ikada.Quarantine && counted.Distinct > expected: // loads of other types set rows aside
		return nil
	case expired > 0 && counted.Distinct > expected && counted.Distinct <= counted.Ledger:
		g.Kind, g.Rows = RowsUnknown, 0
		g.Detail = fmt.Sprintf("table %s has %d rows that retention deleted once", t.Name, counted.Distinct-expected)
		g.Remedy = "nothing, if they were replayed since"
		a.note(g)
		return nil
	case counted.Distinct < expected:
		g.Kind = RowsMissing
		g.Detail = fmt.Sprintf("table %s has %d distinct rows, by the ledger it should have %d", t.Name, counted.Distinct, expected)
		g.Remedy = "rows were deleted behind Ikada's back: replay their hours with `ikada replay`"
	case counted.Distinct > expected:
		g.Kind = RowsUnknown
		g.Detail = fmt.Sprintf("table %s has %d distinct rows, by the ledger it should have %d", t.Name, counted.Distinct, expected)
		g.Remedy = "rows were added behind Ikada's back, or the ledger was changed: look for _id that the archive does not have, or replay the hours with `ikada replay --shrink`"
	default:
		return nil
	}
	where, err := a.whichHours(ctx, t.Type, expired > 0)
	if err != nil {
		return err
	}
	g.Detail += where
	a.gap(g)
	return nil
}

// aside compares what the quarantine has of a log type with what its loads set
// aside. Retention of the quarantine may have deleted some of it.
func (a *audit) aside(ctx context.Context, t warehouse.Table, counted warehouse.Recount) error {
	g := Gap{
		Type: t.Type, Table: ikada.Quarantine.TableName(), Rows: abs(counted.LedgerAside - counted.Aside),
		Detail: fmt.Sprintf("the quarantine has %d rows that loads of %q set aside, by the ledger it should have %d", counted.Aside, t.Type, counted.LedgerAside),
	}
	switch {
	case counted.Aside > counted.LedgerAside:
		g.Kind = RowsUnknown
		g.Remedy = "rows were added to the quarantine behind Ikada's back, or the ledger was changed"
	case counted.Aside < counted.LedgerAside:
		g.Kind = RowsMissing
		g.Remedy = "rows of the quarantine were deleted behind Ikada's back: the archive has them; replay their hours with `ikada replay`, which sets aside what is refused"
		expired, err := a.expired(ctx, ikada.Quarantine)
		if err != nil {
			return err
		}
		if expired > 0 {
			g.Rows, g.Remedy = 0, "nothing: retention has deleted older rows of the quarantine"
			a.note(g)
			return nil
		}
	default:
		return nil
	}
	a.gap(g)
	return nil
}

// recount counts a table, and what expired of it, as of one moment.
func (a *audit) recount(ctx context.Context, t ikada.LogType) (counted warehouse.Recount, expired int64, err error) {
	const tries = 5 // a row expires once an hour, not once a count
	for range tries {
		before, err := a.expired(ctx, t)
		if err != nil {
			return counted, 0, err
		}
		if counted, err = a.Warehouse.Recount(ctx, t); err != nil {
			return counted, 0, err
		}
		if expired, err = a.expired(ctx, t); err != nil || expired == before {
			return counted, expired, err
		}
	}
	return counted, 0, fmt.Errorf("count the table of %q: its rows expire all the time; try again later", t)
}

// expired sums up what the journal says of the rows that retention deleted.
func (a *audit) expired(ctx context.Context, t ikada.LogType) (rows int64, err error) {
	for e, err := range a.Warehouse.Journal(ctx, warehouse.JournalFilter{Type: t, Kind: warehouse.JournalExpired}) {
		if err != nil {
			return 0, err
		}
		var detail struct{ Rows int64 }
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			return 0, fmt.Errorf("journal entry %q of %q: %w", e.Key, t, err)
		}
		rows += detail.Rows
	}
	return rows, nil
}

// whichHours tells in which hours a table differs from the archive, if the
// audit saw the whole history of it.
func (a *audit) whichHours(ctx context.Context, t ikada.LogType, expired bool) (string, error) {
	if !a.opts.Since.IsZero() {
		return "; a deep audit without --since tells the hours", nil
	}
	has, err := a.Warehouse.Hours(ctx, t)
	if err != nil {
		return "", err
	}
	part, name := ikada.Hour(1), "hour"
	if a.byDay[t] { // an archive file does not tell its rows' hours
		part, name = 24, "day"
	}
	begin := func(h ikada.Hour) ikada.Hour { return h - ((h%part)+part)%part }
	found := make(map[ikada.Hour]int64)
	oldest, some := ikada.Hour(0), false
	for h, n := range has {
		found[begin(h)] += n
		if !some || begin(h) < oldest {
			oldest, some = begin(h), true
		}
	}
	has = found
	wants := make(map[ikada.Hour]int64)
	for k, n := range a.hours {
		if k.of == t && (!expired || begin(k.hour) >= oldest) { // what expired is no difference
			wants[begin(k.hour)] += n
		}
	}
	var differ []ikada.Hour
	for h, n := range wants {
		if has[h] != n {
			differ = append(differ, h)
		}
	}
	for h := range has {
		if _, ok := wants[h]; !ok {
			differ = append(differ, h)
		}
	}
	slices.Sort(differ)
	const shown = 10
	text := ""
	for i, h := range differ {
		if i == shown {
			text += fmt.Sprintf("; and %d more %ss", len(differ)-shown, name)
			break
		}
		text += fmt.Sprintf("; %s %s has %d rows, not %d", name, h.Time().Format("2006-01-02T15Z"), has[h], wants[h])
	}
	return text, nil
}
