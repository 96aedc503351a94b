package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/drift"
	"github.com/ikada-io/ikada/warehouse"
)

// Type is one log type.
type Type struct {
	Type      ikada.LogType `json:"type"`
	Table     string        `json:"table"`
	FirstSeen time.Time     `json:"first_seen"`         // when its table was made
	LastSeen  time.Time     `json:"last_seen,omitzero"` // when it was loaded last
	RowsToday int64         `json:"rows_today"`         // loaded since midnight, UTC
	Rows      int64         `json:"rows"`               // loaded in all, by the ledger
	Bytes     int64         `json:"bytes"`              // raw
	Columns   int           `json:"columns"`
	// Full is whether it has as many columns as a table may have: the values of
	// further fields are in _rest.
	Full        bool      `json:"full"`
	Drifts      int       `json:"drifts"` // since Types.Since
	LastDrift   time.Time `json:"last_drift,omitzero"`
	Quarantined int64     `json:"quarantined"` // parts of bad records in the table _quarantine that bear its tag
}

// Types are all log types, in the order of their names.
type Types struct {
	Since time.Time `json:"since"` // from when drifts are counted
	Types []Type    `json:"types"`
}

// Types lists the log types. It asks the warehouse a few questions, however
// many log types there are.
func (h *History) Types(ctx context.Context, since time.Time) (Types, error) {
	found := Types{Since: since, Types: []Type{}}
	tables, err := h.Warehouse.Tables(ctx)
	if err != nil {
		return found, fmt.Errorf("list log types: %w", err)
	}
	extra, err := h.extras(ctx, "", since, tables)
	if err != nil {
		return found, fmt.Errorf("list log types: %w", err)
	}
	for i := range tables {
		found.Types = append(found.Types, extra.of(&tables[i]))
	}
	return found, nil
}

// extras are what the tables' descriptions do not tell, by log type.
type extras struct {
	today       map[ikada.LogType]warehouse.Sum
	drifts      map[ikada.LogType][]drift.Drift // the latest first
	quarantined map[ikada.LogType]int64
}

func (x *extras) of(t *warehouse.Table) Type {
	one := Type{
		Type: t.Type, Table: t.Name, FirstSeen: t.Created.UTC(), LastSeen: t.Loaded.UTC(), Rows: t.Rows, Bytes: t.Bytes, RowsToday: x.today[t.Type].Rows,
		Columns: len(t.Columns), Full: len(t.Columns) >= warehouse.MaxColumns,
		Drifts: len(x.drifts[t.Type]), Quarantined: x.quarantined[t.Type],
	}
	if one.Drifts > 0 {
		one.LastDrift = x.drifts[t.Type][0].At
	}
	return one
}

// extras asks for one log type, or for all.
func (h *History) extras(ctx context.Context, of ikada.LogType, since time.Time, tables []warehouse.Table) (x extras, err error) {
	if x.today, err = h.Warehouse.Sums(ctx, h.now().Truncate(24*time.Hour)); err != nil {
		return x, err
	}
	x.drifts = map[ikada.LogType][]drift.Drift{}
	for _, kind := range []string{drift.KindVanished, drift.Kind} {
		for e, err := range h.Warehouse.Journal(ctx, warehouse.JournalFilter{Type: of, Kind: kind, Since: since}) {
			if err != nil {
				return x, err
			}
			d, err := drift.Parse(e)
			if err != nil {
				return x, err
			}
			x.drifts[e.Type] = insert(x.drifts[e.Type], d)
		}
	}
	for i := range tables {
		if tables[i].Type == ikada.Quarantine {
			x.quarantined, err = h.quarantined(ctx, &tables[i])
		}
	}
	return x, err
}

// insert keeps drifts in order, the latest first.
func insert(drifts []drift.Drift, d drift.Drift) []drift.Drift {
	at := len(drifts)
	for at > 0 && drifts[at-1].At.Before(d.At) {
		at--
	}
	drifts = append(drifts, d)
	copy(drifts[at+1:], drifts[at:])
	drifts[at] = d
	return drifts
}

// quarantined counts the rows of the table _quarantine by tag.
func (h *History) quarantined(ctx context.Context, t *warehouse.Table) (_ map[ikada.LogType]int64, err error) {
	column := ""
	for _, c := range t.Columns {
		if c.Field == "type" {
			column = c.Name
		}
	}
	if column == "" {
		return nil, nil
	}
	rows, err := h.Warehouse.Query(ctx, `SELECT "`+column+`", count(*) FROM "`+t.Name+`" GROUP BY 1`, 0)
	if err != nil {
		return nil, fmt.Errorf("count what is in quarantine: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	counts := map[ikada.LogType]int64{}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return counts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("count what is in quarantine: %w", err)
		}
		tag, _ := row[0].(string)
		n, _ := row[1].(int64)
		counts[ikada.LogType(tag)] += n
	}
}
