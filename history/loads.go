package history

import (
	"context"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/failure"
	"github.com/ikada-io/ikada/warehouse"
)

// Load is one manifest that was loaded.
type Load struct {
	Type     ikada.LogType `json:"type"`
	Loaded   time.Time     `json:"loaded"` // when it was committed
	Manifest string        `json:"manifest"`
	Plan     uint64        `json:"plan"`
	Class    string        `json:"class"` // plain, hard
	Files    int64         `json:"files"`
	Rows     int64         `json:"rows"`
	Bytes    int64         `json:"bytes"`   // raw
	Rest     int64         `json:"rest"`    // rows with a _rest
	Direct   bool          `json:"direct"`  // else carefully, value by value
	Seconds  float64       `json:"seconds"` // of the whole load, which may be of several manifests
	Outcome  string        `json:"outcome"` // loaded
}

// Loads is what was loaded, the newest plan first.
type Loads struct {
	Loads []Load `json:"loads"`
	More  bool   `json:"more"` // the limit cut the list
}

// Failure is failed loads of a log type, of one cause.
type Failure struct {
	failure.Group
	// Over is whether the log type was loaded since the last of them.
	Over bool `json:"over"`
}

// Failures are failed loads, the latest first.
type Failures struct {
	Failures []Failure `json:"failures"`
	More     bool      `json:"more"`
}

// Filter chooses loads. The zero value of a field chooses all.
type Filter struct {
	Type  ikada.LogType
	Since time.Time
	Limit int
}

// Loads lists what was loaded.
func (h *History) Loads(ctx context.Context, f Filter) (Loads, error) {
	found := Loads{Loads: []Load{}}
	for e, err := range h.Warehouse.Ledger(ctx, warehouse.LedgerFilter{Type: f.Type, Since: f.Since, Limit: oneMore(f.Limit)}) {
		if err != nil {
			return found, fmt.Errorf("list loads: %w", err)
		}
		if f.Limit > 0 && len(found.Loads) == f.Limit {
			found.More = true
			break
		}
		found.Loads = append(found.Loads, Load{
			Type: e.Type, Loaded: e.Loaded, Manifest: e.Manifest, Plan: e.Plan, Class: e.Class.String(), Files: e.Files, Rows: e.Rows,
			Bytes: e.Bytes, Rest: e.Rest, Direct: e.Direct, Seconds: e.Took.Seconds(), Outcome: "loaded",
		})
	}
	return found, nil
}

// Failures lists loads that failed.
func (h *History) Failures(ctx context.Context, f Filter) (Failures, error) {
	found := Failures{Failures: []Failure{}}
	loaded := map[ikada.LogType]time.Time{}
	for e, err := range h.Warehouse.Journal(ctx, warehouse.JournalFilter{Type: f.Type, Kind: failure.Kind, Since: f.Since, Limit: oneMore(f.Limit)}) {
		if err != nil {
			return found, fmt.Errorf("list failed loads: %w", err)
		}
		if f.Limit > 0 && len(found.Failures) == f.Limit {
			found.More = true
			break
		}
		g, err := failure.Parse(e)
		if err != nil {
			return found, fmt.Errorf("list failed loads: %w", err)
		}
		found.Failures = append(found.Failures, Failure{Group: g})
	}
	if len(found.Failures) == 0 {
		return found, nil
	}
	tables, err := h.Warehouse.Tables(ctx)
	if err != nil {
		return found, fmt.Errorf("list failed loads: %w", err)
	}
	for _, t := range tables {
		loaded[t.Type] = t.Loaded
	}
	for i := range found.Failures {
		g := &found.Failures[i]
		g.Over = loaded[g.Type].After(g.Last)
	}
	return found, nil
}

// oneMore asks for one more, which tells that there is more.
func oneMore(limit int) int {
	if limit > 0 {
		limit++
	}
	return limit
}
