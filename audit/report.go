package audit

import (
	"cmp"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
)

// Report is what an audit found.
type Report struct {
	At    time.Time `json:"at"`
	Since time.Time `json:"since,omitzero"` // plans made since were looked at; zero: all
	Deep  bool      `json:"deep"`
	// Holds tells that conservation holds: there is no gap.
	Holds     bool         `json:"holds"`
	FirstPlan uint64       `json:"first_plan"`
	LastPlan  uint64       `json:"last_plan"`
	Plans     int64        `json:"plans"`
	Files     int64        `json:"files"` // archive files
	Types     []TypeCounts `json:"types"` // in the order of their names
	Lanes     []LaneCounts `json:"lanes"` // in the order of their names
	Waiting   Waiting      `json:"waiting"`
	// GapRows is the sum of the gaps' rows, as far as known. Gaps lists the
	// first MaxListed of GapCount.
	GapRows  int64 `json:"gap_rows"`
	GapCount int64 `json:"gap_count"`
	Gaps     []Gap `json:"gaps"`
	// Notes are findings that cost no row, as many at most.
	Notes []Gap `json:"notes,omitempty"`
	// Took is in seconds.
	Took float64 `json:"seconds"`
}

// MaxListed bounds the gaps, and the notes, that a report lists.
const MaxListed = 1000

// TypeCounts are the rows of one log type. Without gaps:
//
//	received = archived + duplicates dropped + waiting in bundles
//	archived = loaded + quarantined + waiting in manifests + expired before they were loaded
type TypeCounts struct {
	Type             ikada.LogType `json:"type"`
	Received         int64         `json:"received"`
	Dropped          int64         `json:"duplicates_dropped"`
	WaitingBundles   int64         `json:"waiting_in_bundles"`
	Archived         int64         `json:"archived"`
	Loaded           int64         `json:"loaded"`
	Quarantined      int64         `json:"quarantined"`
	WaitingManifests int64         `json:"waiting_in_manifests"`
	Expired          int64         `json:"expired"` // of archived: their files were deleted by retention
	// ExpiredUnloaded are those of them that a new warehouse could not load any more.
	ExpiredUnloaded int64 `json:"expired_before_load"`
	GapRows         int64 `json:"gap_rows"`
	Gaps            int64 `json:"gaps"`
	// Table is what a deep audit counted.
	Table *TableCounts `json:"table,omitempty"`
}

// TableCounts are the rows of a table, of its whole history.
type TableCounts struct {
	Rows     int64 `json:"rows"`
	Distinct int64 `json:"distinct"` // by _id
	Expired  int64 `json:"expired"`  // deleted by retention
	Expected int64 `json:"expected"` // by the ledger, less what retention deleted
	// Aside are rows in the quarantine that loads of the log type set aside, and
	// ExpectedAside those by the ledger.
	Aside         int64 `json:"aside"`
	ExpectedAside int64 `json:"expected_aside"`
}

// LaneCounts are what was routed of one lane.
type LaneCounts struct {
	Lane          string         `json:"lane"`
	FirstOrdinal  uint64         `json:"first_ordinal"`
	LastOrdinal   uint64         `json:"last_ordinal"`
	FirstPosition ikada.Position `json:"first_position,omitempty"`
	LastPosition  ikada.Position `json:"last_position,omitempty"`
	Rows          int64          `json:"rows"`
	Dropped       int64          `json:"duplicates_dropped"`
}

// Waiting is what is on its way, and no gap.
type Waiting struct {
	StreamMessages int64 `json:"stream_messages"`
	// StreamUnknown tells that nobody could say what the stream holds.
	StreamUnknown bool  `json:"stream_unknown,omitempty"`
	StreamBytes   int64 `json:"stream_bytes"`
	Bundles       int64 `json:"bundles"` // that no executed plan has
	BundleRows    int64 `json:"bundle_rows"`
	Manifests     int64 `json:"manifests"` // that are not in the ledger
	ManifestRows  int64 `json:"manifest_rows"`
}

// Kind says what is wrong.
type Kind string

// Kinds of gaps, and of notes.
const (
	BundleLost       Kind = "bundle lost"         // a plan had to go on without it
	BundleMissing    Kind = "bundle missing"      // no plan has it yet, and later ones are there
	BundleLate       Kind = "bundle not routed"   // for too long
	CheckpointLost   Kind = "newest bundle gone"  // of a lane, whose reader begins again behind an older one
	BundleGone       Kind = "routed bundle gone"  // too early: a note
	OrdinalMissing   Kind = "ordinal missing"     // in a plan, or between two
	PlanMissing      Kind = "plan missing"        // or damaged
	PlanLate         Kind = "plan not executed"   // for too long
	PlanAmended      Kind = "plan amended"        // segments were left out
	FileMissing      Kind = "file missing"        // of the archive
	FileCut          Kind = "file of other size"  // than its plan says
	FileDamaged      Kind = "file damaged"        // its checksum or its rows are others
	ManifestMissing  Kind = "manifest missing"    // and not loaded
	NotLoaded        Kind = "manifest not loaded" // for too long
	LoadedOther      Kind = "ledger differs"      // from the plan
	LoadedUnplanned  Kind = "loaded without plan" // the ledger has what no plan made
	RowsMissing      Kind = "rows missing"        // of a table
	RowsDoubled      Kind = "rows doubled"        // of a table
	RowsUnknown      Kind = "rows too many"       // of a table
	DroppedUncounted Kind = "drops not counted"   // by plans of an older version: a note
)

// Gap is one place where conservation does not hold.
type Gap struct {
	Kind Kind          `json:"kind"`
	Type ikada.LogType `json:"type,omitempty"` // empty: unknown, or several
	Rows int64         `json:"rows"`           // that it concerns
	// RowsUnknown tells that nothing says how many rows it concerns.
	RowsUnknown  bool           `json:"rows_unknown,omitempty"`
	Lane         string         `json:"lane,omitempty"`
	FirstOrdinal uint64         `json:"first_ordinal,omitempty"`
	LastOrdinal  uint64         `json:"last_ordinal,omitempty"`
	After        ikada.Position `json:"after,omitempty"`  // what is lost is behind this position
	Before       ikada.Position `json:"before,omitempty"` // and before this one
	Plan         uint64         `json:"plan,omitempty"`
	Manifest     string         `json:"manifest,omitempty"`
	File         string         `json:"file,omitempty"`
	Table        string         `json:"table,omitempty"`
	Detail       string         `json:"detail"` // what is the matter
	Remedy       string         `json:"remedy"` // what to do
}

// gap adds a gap to the report and to its log type.
func (a *audit) gap(g Gap) {
	if a.leaves(g.Type) {
		return
	}
	r := a.report
	r.GapCount++
	r.GapRows += g.Rows
	if g.Type != "" {
		t := a.of(g.Type)
		t.Gaps++
		t.GapRows += g.Rows
	}
	if len(r.Gaps) < MaxListed {
		r.Gaps = append(r.Gaps, g)
	}
}

// leaves reports whether a log type is not asked for.
func (a *audit) leaves(t ikada.LogType) bool { return a.opts.Type != "" && t != "" && t != a.opts.Type }

func (a *audit) note(g Gap) {
	if len(a.report.Notes) < MaxListed {
		a.report.Notes = append(a.report.Notes, g)
	}
}

// of returns a log type's counts.
func (a *audit) of(t ikada.LogType) *TypeCounts {
	c, ok := a.types[t]
	if !ok {
		c = &TypeCounts{Type: t}
		a.types[t] = c
	}
	return c
}

// finish puts the report in order.
func (a *audit) finish() {
	r := a.report
	r.Types = make([]TypeCounts, 0, len(a.types))
	for t, c := range a.types {
		if !a.leaves(t) {
			r.Types = append(r.Types, *c)
		}
	}
	slices.SortFunc(r.Types, func(a, b TypeCounts) int { return cmp.Compare(a.Type, b.Type) })
	r.Lanes = make([]LaneCounts, 0, len(a.lanes))
	for _, l := range a.lanes {
		r.Lanes = append(r.Lanes, *l)
	}
	slices.SortFunc(r.Lanes, func(a, b LaneCounts) int { return cmp.Compare(a.Lane, b.Lane) })
	r.Holds = r.GapCount == 0
	if r.Gaps == nil {
		r.Gaps = []Gap{}
	}
}
