// Package failure is how the warehouse's journal keeps loads that failed: one
// entry for each log type and cause.
package failure

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Kind is that of the journal's entries.
const Kind = "failure"

// Group is loads of one log type that failed for one cause.
type Group struct {
	Type  ikada.LogType `json:"type"`
	Error string        `json:"error"` // of the last
	Count int64         `json:"count"`
	First time.Time     `json:"first"`
	Last  time.Time     `json:"last"`
}

// maxError bounds an error's text.
const maxError = 4 << 10

// varies is what differs in errors of one cause: numbers, and hashes.
var varies = regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)

// Cause names what errors have in common that differ in their numbers alone.
func Cause(err error) string {
	text := varies.ReplaceAllString(bounded(err), "#")
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func bounded(err error) string {
	text := err.Error()
	return text[:min(len(text), maxError)]
}

// Add counts one more.
func (f *Group) Add(err error, at time.Time) {
	if f.Count == 0 {
		f.First = at
	}
	f.Error, f.Last = bounded(err), at
	f.Count++
}

// Entry is the group in the journal.
func (f *Group) Entry(cause string) (warehouse.JournalEntry, error) {
	detail, err := json.Marshal(f)
	if err != nil {
		return warehouse.JournalEntry{}, fmt.Errorf("describe the failed loads of %q: %w", f.Type, err)
	}
	return warehouse.JournalEntry{Type: f.Type, Kind: Kind, Key: cause, At: f.Last, Detail: detail}, nil
}

// Parse reads a group from its entry of the journal.
func Parse(e warehouse.JournalEntry) (f Group, err error) {
	if err := json.Unmarshal(e.Detail, &f); err != nil {
		return f, fmt.Errorf("read the failed loads %q of %q: %w: %w", e.Key, e.Type, ikada.ErrCorrupt, err)
	}
	return f, nil
}
