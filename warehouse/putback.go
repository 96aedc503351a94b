package warehouse

import "github.com/ikada-io/ikada"

// Origin says whose rows those of an archive file are.
type Origin struct {
	Manifest string // key of the manifest that they were loaded by
	File     string // key of the archive file that it names
	// Also are other keys by which a load may have read that file's rows: those of
	// parts of compacted files.
	Also []string
	Line int64 // of the first row in File; 0 is 1
	Rows int64
}

// PutBackJob brings rows of a log type into its table that loads have set aside.
type PutBackJob struct {
	Type ikada.LogType
	Rows []AsideRow
}

// AsideRow is a row that a load has set aside, as the quarantine has it.
type AsideRow struct {
	ID       string // of its first piece in the quarantine
	Manifest string // key of the manifest that it was loaded by
	File     string // its archive file, and its line there
	Line     int64
	Raw      []byte // the line
}

// PutBack tells what became of rows that were set aside.
type PutBack struct {
	Rows int64 // that are in their table now
	Rest int64 // of them, rows that have a _rest
	Gone int64 // that the quarantine did not have any more
	// Refused are those that stay, with their new reason.
	Refused []StillAside
}

// StillAside is a row that stays in the quarantine.
type StillAside struct{ ID, Reason string }
