package warehouse

import (
	"encoding/json"
	"time"

	"github.com/ikada-io/ikada"
)

// LedgerEntry is one manifest in the ledger.
type LedgerEntry struct {
	Manifest string // key
	Type     ikada.LogType
	Class    ikada.Class
	Plan     uint64
	// Rows are those in the table. With those that were set aside they are the manifest's.
	Rows, Quarantined int64
	Bytes             int64 // raw bytes
	Files             int64
	Rest              int64 // rows that have a _rest
	Direct            bool
	Loaded            time.Time // when the load was committed
	Took              time.Duration
}

// LedgerFilter chooses entries of the ledger. The zero value of each field
// chooses all.
type LedgerFilter struct {
	Type              ikada.LogType
	Since, Until      time.Time // loaded at Since or later, and before Until
	FirstPlan, Newest uint64    // plans FirstPlan to Newest
	Limit             int
}

// Sum is what some entries of the ledger have together.
type Sum struct {
	Manifests, Rows, Bytes, Rest int64
}

// JournalEntry is something that happened to a log type and that its operator
// may want to know later: a drift, a load that failed, a replay.
type JournalEntry struct {
	Type   ikada.LogType
	Kind   string // what happened, as its stage names it: "drift"
	Key    string // tells it from others of the type and kind, at most 1,000 bytes
	At     time.Time
	Detail json.RawMessage // an object, at most MaxDetail bytes
}

// MaxDetail bounds the detail of a journal entry.
const MaxDetail = 48 << 10

// JournalFilter chooses entries of the journal. The zero value of each field
// chooses all.
type JournalFilter struct {
	Type         ikada.LogType
	Kind         string
	Since, Until time.Time // At is Since or later, and before Until
	Limit        int
}
