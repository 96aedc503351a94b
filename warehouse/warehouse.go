// Package warehouse is the contract of a warehouse: tables that grow by loads,
// and a ledger, in the same database, that says which manifests are in.
// Adapters: warehouse/duckdb (embedded DuckDB), warehouse/mem (memory). Package
// warehouse/warehousetest holds the suite that every adapter passes, and
// warehouse/fault a wrapper that fails on purpose.
//
// What every warehouse must decide alike lives here too: how observed kinds
// become column types (Resolve), and which values fit which type (Type.Fits).
package warehouse

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ikada-io/ikada"
)

// Warehouse holds one table a log type. All methods are safe for concurrent
// use, but loads of one table never run side by side: the adapter serializes them.
type Warehouse interface {
	// Table describes a log type's table from the catalog that the adapter
	// keeps beside the ledger. The error wraps ikada.ErrNotFound if there is none.
	Table(ctx context.Context, t ikada.LogType) (Table, error)

	// Tables describes all tables, in the order of their log types.
	Tables(ctx context.Context) ([]Table, error)

	// Extend makes the log type's table if it is missing (with the system
	// columns) and adds the columns that it does not have, in a short
	// transaction of its own. A text column that is there is made wide enough
	// for MaxBytes, as far as the warehouse can. What else is there already is
	// left alone, so calling it twice is calling it once.
	Extend(ctx context.Context, t ikada.LogType, add []Column) error

	// Loaded returns which of the manifests are in the ledger.
	Loaded(ctx context.Context, t ikada.LogType, manifests []string) (map[string]bool, error)

	// Load puts the rows of a job's files into the table and a ledger row for
	// each of its manifests, in one transaction. Manifests that the ledger has
	// already are skipped. When the error is not nil the outcome may be
	// unknown: the ledger tells.
	//
	// A row that is no row, or that the warehouse refuses, keeps no other row
	// out: it goes to the quarantine's table in the same transaction, whole, with its
	// file, its line, and the reason; the adapter extends that table when it
	// needs it. In a load of the quarantine itself such a row is an error that
	// wraps ErrQuarantineRefused. Files that are not what their manifest says
	// stay an error.
	Load(ctx context.Context, job Job) (Result, error)

	// Replace puts the rows of files in place of those that a table has of a
	// range of archive hours, in one transaction; of the ledger it corrects only
	// which rows are in the quarantine.
	// The table must be there. No load of the table runs meanwhile. Twice is
	// once, so what has an unknown outcome can be done again.
	Replace(ctx context.Context, job ReplaceJob) (Replaced, error)

	// PutBack brings rows that loads have set aside into the table, and takes
	// them out of the quarantine, and corrects the ledger, in one transaction.
	// Rows that are refused again stay, with the new reason; those that are not in
	// the quarantine any more are left alone, so twice is once. All rows of a
	// job are held in memory.
	PutBack(ctx context.Context, job PutBackJob) (PutBack, error)

	// Ledger returns entries of the ledger, the newest plan first.
	Ledger(ctx context.Context, f LedgerFilter) iter.Seq2[LedgerEntry, error]

	// Sums adds up the ledger's entries that were loaded at since or later, by
	// log type.
	Sums(ctx context.Context, since time.Time) (map[ikada.LogType]Sum, error)

	// Record adds entries to the journal. One of the same type, kind and key
	// takes the place of that before.
	Record(ctx context.Context, entries ...JournalEntry) error

	// Journal returns entries of the journal, the latest first.
	Journal(ctx context.Context, f JournalFilter) iter.Seq2[JournalEntry, error]

	// Recount counts the rows of a log type's table.
	Recount(ctx context.Context, t ikada.LogType) (Recount, error)

	// Hours counts the rows of a log type's table by archive hour.
	Hours(ctx context.Context, t ikada.LogType) (map[ikada.Hour]int64, error)

	// Expire deletes rows of archive hours before an hour, the oldest
	// ExpireHours of them, and in the same transaction makes a journal entry
	// of how many. Calling it again goes on, until it is done.
	Expire(ctx context.Context, t ikada.LogType, before ikada.Hour) (Expired, error)

	// Query runs one statement that only reads, and streams its rows, at most
	// limit of them; 0: all. What is beyond the limit takes no memory either.
	// Several statements are refused with ErrSeveral, what does not read with
	// ErrNotReadOnly.
	Query(ctx context.Context, sql string, limit int64) (Rows, error)

	Close() error
}

// Table is what the catalog knows of a log type's table.
type Table struct {
	Type    ikada.LogType
	Name    string // SQL identifier, unquoted
	Columns []Column
	// Declared are columns that an operator wants, for Resolve; a warehouse
	// knows nothing of them. One without a name or a type leaves it to be inferred.
	Declared []Column
	// Rows are those loaded, by the ledger. The quarantine's table has more: a
	// load of another log type puts rows there that have a file.
	Rows    int64
	Bytes   int64 // raw bytes loaded, by the ledger
	Loaded  time.Time
	Created time.Time
}

// Column is one column of a table that holds one field of the log type.
type Column struct {
	Field string // the record's own key
	Name  string // SQL identifier, unquoted
	Type  Type
	// MaxBytes is of text. In a column to add or to widen: the longest value
	// seen, 0 if nobody knows. In a table's description: how long a value may
	// be, 0 if there is no limit.
	MaxBytes uint32
	// Added is when the table got the column. Only a table's description has it.
	Added time.Time
}

// Job is one load: waiting manifests of one log type and class, in plan order.
type Job struct {
	Type      ikada.LogType
	Class     ikada.Class
	Manifests []Manifest
	// Direct says that every observed kind fits its column, and that no field
	// lacks one, so the fast load is safe. Otherwise the adapter looks at
	// every value and keeps what does not fit in the row's _rest.
	Direct bool
	// BigInts says that there are integers beyond 64 bits, perhaps inside of
	// JSON, where not every fast load keeps their digits.
	BigInts bool
	// Sifted says, of a job that is not direct, that each manifest's Misfits are
	// known: its rows that bear none of them may go the fast way.
	Sifted bool
}

// Manifest is one member of a job.
type Manifest struct {
	Key   string // the manifest's key, which is its name in the ledger
	Plan  uint64
	Rows  int64
	Bytes int64 // raw bytes
	Files []File
	// Other says that the files are not those that the manifest itself names:
	// the archive's map knows where their rows are now.
	Other bool
	// Misfits are the fields that have a value which does not fit its column,
	// or no column. Only a job that is Sifted tells them.
	Misfits []string
}

// File is an archive file of a manifest.
type File struct {
	Key    string
	Size   int64  // bytes as stored
	Raw    int64  // bytes of newline-delimited JSON
	CRC32C uint32 // of the bytes as stored; the adapter checks it before it loads
	Rows   int64
}

// Result tells what a load did.
type Result struct {
	Rows        int64 // rows added
	Rest        int64 // of them, rows that have a _rest
	Quarantined int64 // rows set aside; with Rows, as many as the manifests say
	Skipped     int   // manifests that the ledger had
}

// LoadError is why a row can't be loaded, in the words of whoever refused it.
type LoadError struct {
	File   string // key of the archive file
	Line   int64  // in it, from 1; 0 if the warehouse does not tell
	Column string // "" if nobody tells
	Reason string
	Err    error // what the load failed with
}

func (e *LoadError) Error() string {
	text := fmt.Sprintf("%s, line %d", e.File, e.Line)
	if e.Column != "" {
		text += fmt.Sprintf(", column %q", e.Column)
	}
	text += ": " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *LoadError) Unwrap() error { return e.Err }

// Rows is the result of a query.
type Rows interface {
	Columns() []string
	// Next returns the next row's values: nil, bool, int64, float64, string,
	// time.Time, or, for nested and JSON values, what encoding/json makes of
	// them. A date, or a time without zone, is text, as it is no instant. io.EOF
	// ends the rows.
	Next() ([]any, error)
	Close() error
}
