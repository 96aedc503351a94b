package rescue

import (
	"bytes"
	"fmt"
	"slices"
)

// Row is a row of the archive.
type Row struct {
	File string
	Line int64
	Raw  []byte
	N    int // among the rows that are held
}

// Sieve finds the rows that a warehouse refuses where it does not tell which
// they are. It tries many at once, and halves what is refused: a bad row takes
// as many tries as the logarithm of the rows.
type Sieve struct {
	// Most bounds the raw bytes that are held and tried at once.
	Most int
	// Hold is told of all rows that are held, and of one that is empty, before any
	// of them is tried; it may be nil. It returns, by N, those of which it is known
	// without a try that they are refused.
	Hold func(rows []Row) (told map[int]error, err error)
	// Probe asks whether rows can be loaded together, and leaves nothing behind.
	// refusal is why not; err is trouble that has nothing to do with the rows.
	Probe func(rows []Row) (refusal, err error)
	// Found is told of each bad row.
	Found func(row Row, refusal error)

	rows   []Row
	size   int
	passed bool // some row is good
	asked  bool // about the control
	found  int
	streak int // rows found in a row
}

const (
	few        = 4    // rows are tried one by one
	suspicious = 1000 // bad rows and no good one: ask whether rows are to blame at all
	inStreak   = 8    // bad rows in a row: the next is likely bad as well
)

// Add gives the sieve a row. The line is copied.
func (s *Sieve) Add(file string, line int64, raw []byte) error {
	s.rows = append(s.rows, Row{file, line, bytes.Clone(raw), len(s.rows)})
	if s.size += len(raw); s.size < s.Most {
		return nil
	}
	return s.flush()
}

// control is a row in which nothing can be wrong.
var control = Row{Raw: []byte(`{"_id":"control","_time":"2026-01-01T00:00:00Z"}`), N: -1}

// Finish tries what is left.
func (s *Sieve) Finish() error {
	if err := s.flush(); err != nil || s.passed || s.found == 0 {
		return err
	}
	return s.askControl()
}

// askControl is for when not one row was good: where even an empty row is
// refused, something else than the rows is wrong.
func (s *Sieve) askControl() error {
	refusal, err := s.Probe([]Row{control})
	if refusal != nil {
		err = fmt.Errorf("all of %d rows are refused, and so is a row without a field: %w", s.found, refusal)
	}
	return err
}

// flush tries the rows that are held.
func (s *Sieve) flush() error {
	defer func() {
		clear(s.rows)
		s.rows, s.size = s.rows[:0], 0
	}()
	rows := s.rows
	if s.Hold != nil && len(rows) > 0 {
		told, err := s.Hold(append(slices.Clip(rows), control))
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool {
			why, is := told[r.N]
			if is {
				s.found++
				s.Found(r, why)
			}
			return is
		})
	}
	return s.sift(rows, nil)
}

// Bad is how many bad rows were found.
func (s *Sieve) Bad() int { return s.found }

// sift finds the bad rows among some. refusal is why they were refused together
// with others that are good; nil: nobody has tried.
func (s *Sieve) sift(rows []Row, refusal error) error {
	for s.streak >= inStreak && len(rows) > 1 { // where all are bad, halving asks twice
		if err := s.try(rows[:1]); err != nil {
			return err
		}
		rows, refusal = rows[1:], nil
	}
	switch {
	case len(rows) == 0:
		return nil
	case len(rows) == 1 || refusal == nil:
		return s.try(rows)
	}
	return s.halve(rows, refusal)
}

// try asks about rows, and looks into them if they are refused.
func (s *Sieve) try(rows []Row) error {
	refusal, err := s.Probe(rows)
	switch {
	case err != nil:
		return err
	case refusal == nil:
		s.streak, s.passed = 0, true
		return nil
	case len(rows) == 1:
		s.found++
		s.streak++
		s.Found(rows[0], refusal)
		if s.found < suspicious || s.passed || s.asked {
			return nil
		}
		s.asked = true
		return s.askControl()
	}
	return s.halve(rows, refusal)
}

// halve looks into rows that were refused together.
func (s *Sieve) halve(rows []Row, refusal error) error {
	before := s.found
	part := max(len(rows)/2, 1)
	if len(rows) <= few {
		part = 1
	}
	for at := 0; at < len(rows); at += part {
		some := rows[at:min(at+part, len(rows))]
		var known error
		if at+part >= len(rows) && s.found == before {
			known = refusal // it is these, as it was not the others
		}
		if err := s.sift(some, known); err != nil {
			return err
		}
	}
	if s.found == before {
		return fmt.Errorf("%d rows from %s, line %d, are refused together, and none of them alone: %w", len(rows), rows[0].File, rows[0].Line, refusal)
	}
	return nil
}
