package warehouse

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/ikada-io/ikada"
)

// Recount is what a table holds, counted row by row.
type Recount struct {
	Rows     int64
	Distinct int64 // by _id
	// Ledger is how many rows the ledger says were loaded, at the very moment
	// of the count: loads may go on.
	Ledger int64
	// Aside are the rows of the log type that loads have set aside, and that the
	// quarantine has; LedgerAside is how many the ledger says, at the same moment.
	Aside, LedgerAside int64
	Doubled            []string // some of the _id that several rows have, at most MaxDoubled
}

// MaxDoubled bounds the doubled ids that a recount names.
const MaxDoubled = 10

// Expired is what Expire did.
type Expired struct {
	Rows  int64
	Until ikada.Hour // rows of hours before it are gone
	Done  bool       // so is all that was to go
}

// ExpireHours bounds the archive hours that one call of Expire deletes.
const ExpireHours = 24

// JournalExpired is the kind of the journal's entries of Expire. Their detail
// is {"until":"2026-11-01T00:00:00Z","rows":1000}.
const JournalExpired = "expired"

// ExpiredKey is the key of an entry of Expire. It bears the time, as rows that
// were replayed may expire again.
func ExpiredKey(until ikada.Hour, now time.Time) string {
	return until.Time().Format(time.RFC3339) + "/" + strconv.FormatInt(now.UnixNano(), 36)
}

// ExpiredEntry is the journal's entry of what Expire did.
func ExpiredEntry(of ikada.LogType, done Expired, now time.Time) JournalEntry {
	return JournalEntry{
		Type: of, Kind: JournalExpired, Key: ExpiredKey(done.Until, now), At: now,
		Detail: json.RawMessage(fmt.Sprintf(`{"until":"%s","rows":%d}`, done.Until.Time().Format(time.RFC3339), done.Rows)),
	}
}

// ArchiveTime is SQL for a time in a row's archive hour.
const ArchiveTime = `coalesce("_hour", "_time")`
