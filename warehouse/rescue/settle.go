package rescue

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada/warehouse"
)

// Settling is what becomes of rows in the quarantine whose archive lines are
// loaded once more: all that the quarantine had of them leave it, and those that
// are refused go there again.
type Settling struct {
	origins map[string][]warehouse.Origin // by file that is read
	whose   map[string]string             // manifest, by archive file that rows in the quarantine name
	first   string                        // of these files
	last    string
	byID    bool // held are some rows, not all of their files

	held    map[string]Held // by id of the first piece
	refused map[string]int64
	fresh   map[string]int64 // of the refused, those that were not held
	again   int64            // those that were
	counted map[string]int64 // of the fresh, those that the ledger has counted before
	still   []warehouse.StillAside
}

// Held is a row that the quarantine has.
type Held struct {
	File   string
	Pieces int64
	At     time.Time // when it was set aside
}

// NewSettling prepares for files with these origins.
func NewSettling(origins map[string][]warehouse.Origin) *Settling {
	s := &Settling{origins: origins, whose: map[string]string{}}
	for _, some := range origins {
		for _, o := range some {
			for _, key := range append([]string{o.File}, o.Also...) {
				if key == "" {
					continue
				}
				s.whose[key] = o.Manifest
				if s.first == "" || key < s.first {
					s.first = key
				}
				s.last = max(s.last, key)
			}
		}
	}
	s.Begin()
	s.held = map[string]Held{}
	return s
}

// Bounds are the least and the greatest of the files' keys; "" without any.
func (s *Settling) Bounds() (first, last string) { return s.first, s.last }

// Forget forgets what the quarantine has.
func (s *Settling) Forget() { clear(s.held) }

// Hold notes a row that the quarantine has, if it is of the files.
func (s *Settling) Hold(id string, h Held) {
	if _, ok := s.whose[h.File]; ok {
		s.held[id] = h
	}
}

// Holds reports whether the quarantine has any of the rows.
func (s *Settling) Holds() bool { return s != nil && len(s.held) > 0 }

// Pieces is how many rows of the quarantine's table they are, in all.
func (s *Settling) Pieces() (n int64) {
	for _, h := range s.held {
		n += h.Pieces
	}
	return n
}

// Leaving tells which rows leave the quarantine: all that loads set aside of the
// files, or those with the ids.
func (s *Settling) Leaving() (files, ids []string) {
	seen := map[string]bool{}
	for id, h := range s.held {
		if s.byID {
			ids = append(ids, PieceIDs(id, h.Pieces)...)
		} else if !seen[h.File] {
			seen[h.File] = true
			files = append(files, h.File)
		}
	}
	slices.Sort(files)
	slices.Sort(ids)
	return files, ids
}

// PiecesOf tells how many rows of the quarantine's table each key of Leaving is of.
func (s *Settling) PiecesOf() map[string]int64 {
	of := map[string]int64{}
	for id, h := range s.held {
		if !s.byID {
			of[h.File] += h.Pieces
			continue
		}
		for _, piece := range PieceIDs(id, h.Pieces) {
			of[piece] = 1
		}
	}
	return of
}

// PieceIDs are the ids of a row's pieces.
func PieceIDs(first string, pieces int64) (ids []string) {
	stem, ok := strings.CutSuffix(first, "0")
	if !ok {
		return []string{first}
	}
	for k := range pieces {
		ids = append(ids, stem+strconv.FormatInt(k, 36))
	}
	return ids
}

// Begin forgets which rows were refused: a transaction begins anew.
func (s *Settling) Begin() {
	if s != nil {
		s.refused, s.fresh, s.counted, s.again, s.still = map[string]int64{}, map[string]int64{}, nil, 0, nil
	}
}

// Refuse notes a row that is refused. It returns the error with the row's place
// in its own archive file, and when it was set aside for the first time.
func (s *Settling) Refuse(e *warehouse.LoadError, raw []byte, now time.Time) (*warehouse.LoadError, time.Time, error) {
	line := e.Line
	for _, o := range s.origins[e.File] {
		if line > o.Rows {
			line -= o.Rows
			continue
		}
		own := *e
		own.File, own.Line = o.File, max(o.Line, 1)+line-1
		s.refused[o.Manifest]++
		id := asideID(&own, raw) + idSuffix + "0"
		h, known := s.held[id]
		if known {
			s.again++
			now = h.At
		} else {
			s.fresh[o.Manifest]++
		}
		if s.byID {
			s.still = append(s.still, warehouse.StillAside{ID: id, Reason: own.Reason})
		}
		return &own, now, nil
	}
	return nil, now, fmt.Errorf("nobody knows which manifest a refused row is of: %w", e)
}

// Fresh are the manifests with refused rows that the quarantine did not have.
func (s *Settling) Fresh() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.fresh))
}

// Counted tells, of manifests, how many rows the ledger says are in the
// quarantine. It is for when the quarantine has fewer than the ledger says, as
// retention has deleted some: then refused rows that it does not have are
// taken for those, as far as there may have been so many.
func (s *Settling) Counted(quarantined map[string]int64) {
	s.counted = map[string]int64{}
	for _, h := range s.held {
		quarantined[s.whose[h.File]]--
	}
	for manifest, n := range s.fresh {
		s.counted[manifest] = min(n, max(quarantined[manifest], 0))
	}
}

// PutBack is how many rows have left the quarantine for the table.
func (s *Settling) PutBack() int64 {
	if s == nil {
		return 0
	}
	return int64(len(s.held)) - s.again
}

// Still are the rows that stay, where they were chosen one by one.
func (s *Settling) Still() []warehouse.StillAside { return s.still }

// Move corrects entries of the ledger: of each, so many rows more are in the
// table, and so many fewer in the quarantine.
type Move struct {
	Rows      int64
	Manifests []string
}

// Moves are all corrections, in a fixed order, and how many rows they are in sum.
func (s *Settling) Moves() (moves []Move, sum int64) {
	if s == nil {
		return nil, 0
	}
	by := map[string]int64{}
	for _, h := range s.held {
		by[s.whose[h.File]]++
	}
	for manifest, n := range s.refused {
		by[manifest] -= n - s.counted[manifest]
	}
	of := map[int64][]string{}
	for manifest, n := range by {
		if n != 0 {
			of[n] = append(of[n], manifest)
			sum += n
		}
	}
	for _, n := range slices.Sorted(maps.Keys(of)) {
		moves = append(moves, Move{n, slices.Sorted(slices.Values(of[n]))})
	}
	return moves, sum
}
