// Package rescue is what adapters share to load what can be loaded: rows that
// a warehouse refuses are found (Sieve), remembered, and written as rows of the
// quarantine (Aside), in the transaction of the load that they are left out of.
package rescue

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Origin says in the quarantine who set a row aside.
const Origin = "load"

// Aside remembers the rows of one load that the warehouse refused, and writes
// rows of the quarantine.
type Aside struct {
	of    ikada.LogType
	known map[string]map[int64]uint32 // by file and line: place in whys
	whys  []why
	place map[why]uint32
}

// why a row was refused. Millions of rows may be, for few reasons.
type why struct{ column, reason string }

// New returns what sets rows of a log type aside. Of the quarantine none are:
// the error then is the cause.
func New(of ikada.LogType, cause error) (*Aside, error) {
	if of == ikada.Quarantine {
		return nil, fmt.Errorf("%w: %w", warehouse.ErrQuarantineRefused, cause)
	}
	return &Aside{of: of, known: map[string]map[int64]uint32{}, place: map[why]uint32{}}, nil
}

// Add remembers a row that the warehouse refused. It returns false if that was
// known, or if there is no telling which row it is.
func (a *Aside) Add(e *warehouse.LoadError) bool {
	if e.File == "" || e.Line <= 0 || a.Known(e.File, e.Line) != nil {
		return false
	}
	if a.known[e.File] == nil {
		a.known[e.File] = map[int64]uint32{}
	}
	w := why{e.Column, e.Reason}
	at, ok := a.place[w]
	if !ok {
		at = uint32(len(a.whys))
		a.place[w], a.whys = at, append(a.whys, w)
	}
	a.known[e.File][e.Line] = at
	return true
}

// Known returns why the warehouse refused a row, nil if it did not. A nil Aside knows none.
func (a *Aside) Known(file string, line int64) *warehouse.LoadError {
	if a == nil {
		return nil
	}
	at, ok := a.known[file][line]
	if !ok {
		return nil
	}
	return &warehouse.LoadError{File: file, Line: line, Column: a.whys[at].column, Reason: a.whys[at].reason}
}

// Lines returns the rows of the quarantine that hold a row which is set aside:
// each a line of JSON as an archive file has it, valid until the next. Their
// ids follow from the row, so that setting it aside again makes the same.
func (a *Aside) Lines(e *warehouse.LoadError, raw []byte, at time.Time) iter.Seq[[]byte] {
	row, id := rowID(raw), asideID(e, raw)
	aside := ikada.SetAside{
		Reason: e.Reason, Origin: Origin, Type: string(a.of), File: e.File, Line: e.Line, Column: e.Column, Row: row,
	}
	return func(yield func([]byte) bool) {
		line, piece := []byte(nil), 0
		for members := range aside.Pieces(raw) {
			line = append(append(line[:0], `{"_id":"`...), id...)
			line = strconv.AppendInt(append(line, idSuffix...), int64(piece), 36)
			line = at.UTC().AppendFormat(append(line, `","_time":"`...), time.RFC3339Nano)
			line = append(append(append(line, `",`...), members...), '}')
			if !yield(line) {
				return
			}
			piece++
		}
	}
}

const idSuffix = "-q"

// asideID is what the ids of a row's pieces in the quarantine begin with.
func asideID(e *warehouse.LoadError, raw []byte) string {
	if id := rowID(raw); id != "" {
		return id
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", e.File, e.Line))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}

var idForm = regexp.MustCompile(`^\{"_id":"([0-9A-Za-z._-]{1,64})"`)

// rowID returns a line's _id, even of a line that is no JSON further on.
func rowID(raw []byte) string {
	if m := idForm.FindSubmatch(raw[:min(len(raw), 128)]); m != nil {
		return string(m[1])
	}
	return ""
}

// Columns returns what the quarantine's table lacks.
func Columns(table warehouse.Table, exists bool) []warehouse.Column {
	add, _ := warehouse.Resolve(table, exists, ikada.QuarantineFields())
	return add
}

// Refused returns the row that an error is about, nil if it is about none.
func Refused(err error) *warehouse.LoadError {
	var e *warehouse.LoadError
	if errors.As(err, &e) {
		return e
	}
	return nil
}
