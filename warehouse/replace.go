package warehouse

import (
	"errors"
	"fmt"

	"github.com/ikada-io/ikada"
)

// Errors of Replace, after which the table is as it was.
var (
	// ErrLedgerChanged: the ledger has changed since the job was made, so the
	// job may miss files. Make it anew.
	ErrLedgerChanged = errors.New("the log type was loaded meanwhile")
	// ErrShrinks: the table has more rows of the range than the job's files.
	ErrShrinks = errors.New("the table has more rows of the range than the files to load")
)

// ReplaceJob puts the rows of files in place of those that a table has of a
// range of archive hours.
//
// Rows that the warehouse refuses are set aside as a load does it. In Type's own
// table, those of these files that are in the quarantine leave it if they are not
// refused any more, and the ledger's entries are corrected, all in the same
// transaction. With Into, refused rows are left out and counted.
type ReplaceJob struct {
	Type ikada.LogType
	// Into is the log type whose table takes the rows; Type if it is "".
	Into ikada.LogType
	// From and To bound the archive hours: From, and those up to To, which is out.
	From, To ikada.Hour
	// LedgerRows is what Table said of Type's Rows before the files were
	// chosen. If the ledger says something else now, and Into is "", the job
	// fails with ErrLedgerChanged: a load may have brought rows of the range.
	LedgerRows int64
	// Shrink allows that the range has fewer rows afterwards than before.
	Shrink bool
	// DryRun counts the rows that would be deleted, and changes nothing.
	DryRun bool
	// Files are all of the range, by the load that they may take. Each is
	// checked as those of a load are.
	Files []ReplaceFiles
	// Origins say, by the keys of Files, whose rows they hold, in their order.
	// With Into nobody asks.
	Origins map[string][]Origin
	// Checked are files that an earlier try of the job has found whole, with
	// their CRC-32C. An adapter that takes long to check adds to it, so that a try
	// which comes soon behind another is short. It may be nil.
	Checked map[string]uint32
	// Progress is told how many rows were read so far; nil: nobody asks.
	Progress func(rows int64)
}

// ReplaceFiles are files that take the same kind of load.
type ReplaceFiles struct {
	Class  ikada.Class
	Direct bool // see Job
	Files  []File
}

// Replaced tells what a Replace did.
type Replaced struct {
	Deleted  int64 `json:"deleted"`  // rows that the table had
	Inserted int64 `json:"inserted"` // rows that it has in their place
	Refused  int64 `json:"refused"`  // rows left out: the quarantine has them, unless another table was filled
	PutBack  int64 `json:"put_back"` // of those inserted, rows that were in the quarantine
	Rest     int64 `json:"rest"`     // of these, rows that have a _rest, as far as every value was looked at
}

// Table returns the log type whose table takes the rows.
func (j *ReplaceJob) Table() ikada.LogType {
	if j.Into != "" {
		return j.Into
	}
	return j.Type
}

// Rows returns how many rows the files hold.
func (j *ReplaceJob) Rows() (n int64) {
	for _, g := range j.Files {
		for _, f := range g.Files {
			n += f.Rows
		}
	}
	return n
}

// Told tells of progress.
func (j *ReplaceJob) Told(rows int64) {
	if j.Progress != nil {
		j.Progress(rows)
	}
}

// ShrinksError is ErrShrinks with the numbers.
func ShrinksError(has, files int64) error {
	return fmt.Errorf("%w: %d, and %d", ErrShrinks, has, files)
}
