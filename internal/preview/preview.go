// Package preview tells what sample events would become: their log type, table
// and columns, the time that is used, what is dropped, hashed and masked, and
// what would go to _rest or to the quarantine. It asks the very code that the
// pipeline runs, and stores nothing.
package preview

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/declare"
	"github.com/ikada-io/ikada/record"
	"github.com/ikada-io/ikada/warehouse"
)

// Report is what the events would become.
type Report struct {
	Types  []Type  `json:"types"`
	Events []Event `json:"events"`
}

// Type is a log type that some of the events have.
type Type struct {
	Type      ikada.LogType `json:"type"`
	Table     string        `json:"table"`
	Events    int           `json:"events"`
	Partition string        `json:"partition"` // of the archive: "hour" or "day"
	Columns   []Column      `json:"columns"`   // but the system columns, as in a new table
}

// Column is a column of a new table for the events.
type Column struct {
	Name     string `json:"name"`
	Field    string `json:"field"`
	Type     string `json:"type"`
	Declared bool   `json:"declared"`        // its type or its name is
	Guard    string `json:"guard,omitempty"` // "hash" or "mask", of the whole field
}

// Event is one event.
type Event struct {
	Line     int             `json:"line"`
	Tag      string          `json:"tag"`
	Type     ikada.LogType   `json:"type"`
	Table    string          `json:"table"`
	Time     string          `json:"time"`      // RFC 3339
	TimeFrom string          `json:"time_from"` // "field ts", "event", "arrival"
	Row      json.RawMessage `json:"row"`       // as it is in the archive
	Dropped  []string        `json:"dropped,omitempty"`
	Hashed   []string        `json:"hashed,omitempty"`
	Masked   []string        `json:"masked,omitempty"`
	Rest     []string        `json:"rest,omitempty"` // fields that do not fit their columns
	// Reason is why the event would be in the quarantine.
	Reason string `json:"reason,omitempty"`
	// Withheld says that the quarantine would not keep its bytes.
	Withheld bool `json:"withheld,omitempty"`
}

// maxLine bounds a line of the sample.
const maxLine = 64 << 20

// tagKey is the key of an event's tag, if no tag is given for all.
const tagKey = "tag"

// ErrNoTag: an event does not tell its tag, and no tag was given.
var ErrNoTag = errors.New("the event has no tag: name one for all events, or give each a key \"tag\"")

// Read reads newline-delimited JSON. tag is that of all events; empty: each has
// it under the key "tag", which stays in the event.
func Read(r io.Reader, tag string, set *declare.Set, now time.Time) (*Report, error) {
	s := reader{set: set, now: now, all: record.NewSet(nil), report: &Report{Types: []Type{}, Events: []Event{}}}
	s.all.Declare(set)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := s.event(n, tag, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the sample: %w", err)
	}
	s.types()
	return s.report, nil
}

type reader struct {
	set    *declare.Set
	now    time.Time
	all    *record.Set // of all events together
	report *Report
}

// event adds an event to the report, but for what all of them together tell.
func (s *reader) event(line int, tag string, text []byte) error {
	var sent map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	bad := d.Decode(&sent)
	if tag == "" {
		tag, _ = sent[tagKey].(string)
		if tag == "" && bad == nil {
			return ErrNoTag
		}
	}
	p := &batch.Part{Tag: tag, Format: batch.JSON, Arrival: s.now.UnixNano(), Origin: "sample", Payload: text}
	var made rows
	alone := record.NewSet(&made)
	alone.Declare(s.set)
	for _, set := range []*record.Set{alone, s.all} {
		set.Message(ikada.Lane{Stream: "main", Incarnation: "sample00"}, ikada.Position(fmt.Sprintf("%020d", line)))
		set.Part(p)
	}
	if len(made) == 0 {
		return nil
	}
	first := made[0] // of a large event in the quarantine there are more
	e := Event{Line: line, Tag: tag, Type: first.of, Table: s.set.Design(first.of).Table, Row: first.line}
	at, err := first.time()
	if err != nil {
		return err
	}
	e.Time = at.Format(time.RFC3339Nano)
	if first.of == ikada.Quarantine {
		quarantined(&e)
	} else {
		s.kept(&e, sent, at.UnixNano())
	}
	s.report.Events = append(s.report.Events, e)
	return nil
}

// rows takes rows as they are made.
type rows []row

type row struct {
	of   ikada.LogType
	line json.RawMessage
}

func (r *rows) Wants(ikada.LogType) bool { return true }

func (r *rows) Row(of ikada.LogType, line []byte) { *r = append(*r, row{of, bytes.Clone(line)}) }

// time returns the row's event time.
func (r *row) time() (time.Time, error) {
	var system struct {
		Time time.Time `json:"_time"`
	}
	if err := json.Unmarshal(r.line, &system); err != nil {
		return time.Time{}, fmt.Errorf("read the row: %w", err)
	}
	return system.Time.UTC(), nil
}

// quarantined fills in why an event is in the quarantine.
func quarantined(e *Event) {
	var row struct {
		Reason   string
		Withheld int
	}
	if json.Unmarshal(e.Row, &row) == nil { // it was written by this program
		e.Reason, e.Withheld = row.Reason, row.Withheld > 0
	}
	e.TimeFrom = "arrival"
}

// kept fills in where an event's time is from and what became of its fields.
func (s *reader) kept(e *Event, sent map[string]any, at int64) {
	e.TimeFrom = "event"
	if at == s.now.UnixNano() {
		e.TimeFrom = "arrival"
	}
	t := s.set.Type(e.Type)
	if t == nil {
		return
	}
	if t.Time != nil {
		for _, value := range find(sent, t.Time.Path) {
			if ns, ok := t.Time.Read([]byte(fmt.Sprint(value))); ok && ns == at {
				e.TimeFrom = "field " + t.Time.Path
			}
		}
	}
	for _, g := range t.Guards {
		if len(find(sent, g.Path)) == 0 {
			continue
		}
		to := map[declare.Action]*[]string{declare.Drop: &e.Dropped, declare.HashValue: &e.Hashed, declare.MaskValue: &e.Masked}[g.Do]
		*to = append(*to, g.Path)
	}
}

// find returns the values at a path, through arrays, as a guard finds them.
func find(sent map[string]any, path string) (found []any) {
	declare.Ways(path, func(keys []string) { found = append(found, below(sent, keys)...) })
	return found
}

func below(value any, keys []string) (found []any) {
	if list, ok := value.([]any); ok {
		for _, element := range list {
			found = append(found, below(element, keys)...)
		}
		return found
	}
	if len(keys) == 0 {
		return []any{value}
	}
	if object, ok := value.(map[string]any); ok {
		if child, there := object[keys[0]]; there {
			return below(child, keys[1:])
		}
	}
	return nil
}

// types decides the columns, as a load of all events into new tables would,
// and then what of each event fits them.
func (s *reader) types() {
	fields := map[ikada.LogType][]ikada.Field{}
	for _, src := range s.all.Sources() {
		if src.Type != ikada.Quarantine {
			fields[src.Type] = merge(fields[src.Type], src.Fields)
		}
	}
	tables := map[ikada.LogType][]warehouse.Column{}
	for of, all := range fields {
		columns, _ := warehouse.Resolve(warehouse.Table{Declared: s.set.Columns(of)}, false, all)
		tables[of] = columns
		t := Type{Type: of, Table: s.set.Design(of).Table, Partition: "hour", Columns: []Column{}}
		if s.set.ByDay(of) {
			t.Partition = "day"
		}
		for _, c := range columns {
			t.Columns = append(t.Columns, s.column(of, c))
		}
		for i := range s.report.Events {
			if e := &s.report.Events[i]; e.Type == of {
				t.Events++
				e.Rest = rest(e.Row, columns)
			}
		}
		s.report.Types = append(s.report.Types, t)
	}
	slices.SortFunc(s.report.Types, func(a, b Type) int { return cmp.Compare(a.Type, b.Type) })
}

func (s *reader) column(of ikada.LogType, c warehouse.Column) Column {
	column := Column{Name: c.Name, Field: c.Field, Type: c.Type.String()}
	column.Declared = slices.ContainsFunc(s.set.Columns(of), func(d warehouse.Column) bool { return d.Field == c.Field })
	if t := s.set.Type(of); t != nil {
		for _, g := range t.Guards {
			if ikada.FieldName(g.Path) == c.Field {
				column.Guard = g.Do.String()
			}
		}
	}
	return column
}

// rest returns a row's fields that have no column or do not fit it.
func rest(row []byte, columns []warehouse.Column) (names []string) {
	var values map[string]json.RawMessage
	if json.Unmarshal(row, &values) != nil {
		return nil
	}
	for name, value := range values {
		if system := name == record.FieldID || name == record.FieldTime || name == record.FieldHour || name == record.FieldDup; system {
			continue
		}
		kind := warehouse.KindOf(value)
		at := slices.IndexFunc(columns, func(c warehouse.Column) bool { return c.Field == name })
		if at < 0 && kind != ikada.KindNull || at >= 0 && !columns[at].Type.Fits(kind) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// merge folds what the segments of one log type say of its fields.
func merge(all, more []ikada.Field) []ikada.Field {
	for _, f := range more {
		if at := slices.IndexFunc(all, func(has ikada.Field) bool { return has.Name == f.Name }); at >= 0 {
			all[at].Merge(f)
		} else {
			all = append(all, f)
		}
	}
	return all
}
