package history

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

// KindFailure is the kind of journal entries that tell of loads that failed.
const KindFailure = "failure"

// Failure is loads of one log type that failed for one cause.
type Failure struct {
	Type  ikada.LogType `json:"type"`
	Error string        `json:"error"` // of the last
	Count int64         `json:"count"`
	First time.Time     `json:"first"`
	Last  time.Time     `json:"last"`
	// Over is whether the log type was loaded since. Not in the journal.
	Over bool `json:"over"`
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
func (f *Failure) Add(err error, at time.Time) {
	if f.Count == 0 {
		f.First = at
	}
	f.Error, f.Last = bounded(err), at
	f.Count++
}

// Entry is the failure in the journal.
func (f *Failure) Entry(cause string) (warehouse.JournalEntry, error) {
	detail, err := json.Marshal(f)
	if err != nil {
		return warehouse.JournalEntry{}, fmt.Errorf("describe the failed loads of %q: %w", f.Type, err)
	}
	return warehouse.JournalEntry{Type: f.Type, Kind: KindFailure, Key: cause, At: f.Last, Detail: detail}, nil
}

// ParseFailure reads a failure from its entry of the journal.
func ParseFailure(e warehouse.JournalEntry) (f Failure, err error) {
	if err := json.Unmarshal(e.Detail, &f); err != nil {
		return f, fmt.Errorf("read the failed loads %q of %q: %w: %w", e.Key, e.Type, ikada.ErrCorrupt, err)
	}
	return f, nil
}
