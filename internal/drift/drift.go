// Package drift tells how the fields of a log type change from one manifest to
// the next: what came, what went, and what does not fit its column any more. No
// value is lost to a drift; it is recorded so that an operator knows of it.
//
// Detect compares a manifest with the table as it stood before. Find reads an
// example from the archive. An entry of the warehouse's journal keeps a drift,
// once for each field and sort.
package drift

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Sort is what kind of drift it is.
type Sort string

const (
	New         Sort = "new"          // a field that was not there; it has a column now
	NullOnly    Sort = "null_only"    // a field that was not there, and so far is always null: no column
	Case        Sort = "case"         // a new field that differs from another only in letter case
	Limit       Sort = "limit"        // a new field beyond the column limit: it lives in _rest
	Float       Sort = "float"        // a decimal number in a column of integers
	LargeNumber Sort = "large_number" // a number that the column of numbers can't hold exactly
	Number      Sort = "number"       // a number in a column of something else
	Bool        Sort = "bool"         // a bool in a column of something else
	Text        Sort = "text"         // a text in a column of something else
	TimeFormat  Sort = "time_format"  // a text that is no strict timestamp in a column of timestamps
	Object      Sort = "object"       // an object in a column of scalars
	Array       Sort = "array"        // an array in a column of scalars
	Width       Sort = "width"        // a text longer than its column was wide: the column was widened
	TooLong     Sort = "too_long"     // a text longer than any column: it lives in _rest
	Vanished    Sort = "vanished"     // a field that most rows had, and now none
	Many        Sort = "many"         // too many drifts to record each
)

// Kinds of journal entries.
const (
	Kind         = "drift"
	KindVanished = "vanished" // apart, as a process wants to know which are open
)

// Drift is one drift, as the journal keeps it.
type Drift struct {
	Field  string `json:"field"`
	Sort   Sort   `json:"sort"`
	Column string `json:"column,omitempty"` // that the field has or had, if any
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Manifest and Plan are where it was seen first, and Rows how many rows of
	// that manifest bear the field. Of a field that vanished: the last that had it.
	Manifest string    `json:"manifest"`
	Plan     uint64    `json:"plan"`
	Rows     int64     `json:"rows"`
	At       time.Time `json:"at"`
	Example  *Example  `json:"example,omitempty"` // nil if none was found within bounds
	// Returned is when a field that had vanished came back.
	Returned time.Time `json:"returned,omitzero"`

	kinds  ikada.Kinds // that an example's value has one of
	longer uint32      // than which an example's text is
}

// Example is a value that drifted.
type Example struct {
	ID    string `json:"id"` // the row's _id
	File  string `json:"file"`
	Line  int64  `json:"line"`
	Value string `json:"value"`         // JSON text
	Cut   bool   `json:"cut,omitempty"` // Value is only the beginning
}

// Key tells the drift from others of its log type.
func (d *Drift) Key() string {
	if d.Sort == Limit || d.Sort == Many { // one of a log type
		return string(d.Sort)
	}
	key := string(d.Sort) + " " + d.Field
	if len(key) <= 200 {
		return key
	}
	sum := sha256.Sum256([]byte(d.Field))
	return string(d.Sort) + " " + hex.EncodeToString(sum[:])
}

// Entry is the drift in the journal of a log type.
func (d *Drift) Entry(of ikada.LogType) (warehouse.JournalEntry, error) {
	c := *d
	c.Field, c.Before = cut(c.Field, maxText), cut(c.Before, maxText)
	detail, err := json.Marshal(&c)
	if err != nil {
		return warehouse.JournalEntry{}, fmt.Errorf("describe the drift of field %q: %w", d.Field, err)
	}
	kind := Kind
	if d.Sort == Vanished {
		kind = KindVanished
	}
	return warehouse.JournalEntry{Type: of, Kind: kind, Key: d.Key(), At: d.At, Detail: detail}, nil
}

// maxText bounds the texts of an entry, as names of fields may be of any length.
const maxText = 1 << 10

// Parse reads a drift from its entry of the journal.
func Parse(e warehouse.JournalEntry) (d Drift, err error) {
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return d, fmt.Errorf("read the drift %q of %q: %w: %w", e.Key, e.Type, ikada.ErrCorrupt, err)
	}
	return d, nil
}

// Rest says whether values of the drift are in _rest.
func (s Sort) Rest() bool {
	switch s {
	case Limit, Float, LargeNumber, Number, Bool, Text, TimeFormat, Object, Array, TooLong:
		return true
	}
	return false
}
