// Package declare is the vocabulary of declared log types: what an operator
// says of them beforehand, instead of leaving it to be inferred. Which tags
// lead to a log type (routes); its table, columns, time and partition; and the
// fields that must not reach a bucket as they are (guards).
//
// Package config reads declarations, New checks that they agree with each other.
// A log type that nobody declared goes on as if this package did not exist.
package declare

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Type is one declared log type.
type Type struct {
	Name  ikada.LogType
	Table string // SQL identifier; empty for the log type's own
	// Columns are those of fields whose type or name is declared, in order.
	Columns []Column
	Time    *Time // nil: the event's own
	// SortKeys, DistStyle and DistKey are of Redshift: names of columns. Without
	// sort keys a table is sorted by _time.
	SortKeys  []string
	DistStyle string // "auto", "even", "all", "key", or empty: the warehouse's default
	DistKey   string // of style key
	ByDay     bool   // partition of the archive; false: by hour
	Guards    []Guard
	// Raw says whether the bytes of a bad record are kept in the quarantine.
	Raw Raw
}

// Column declares a field's column.
type Column struct {
	Field string         // the sender's own key
	Name  string         // of the column; empty: as inferred
	Type  warehouse.Type // 0: as inferred
}

// Guard says what becomes of a field before anything of it reaches a bucket.
type Guard struct {
	Path string // a field, or one below it: "user.email"
	Do   Action
	Mask Mask // of Do Mask
}

// Action is what a guard does.
type Action uint8

const (
	Drop      Action = iota + 1 // the field is not kept
	HashValue                   // it is replaced by its keyed hash
	MaskValue                   // it is replaced by a text
)

func (a Action) String() string {
	switch a {
	case Drop:
		return "drop"
	case HashValue:
		return "hash"
	case MaskValue:
		return "mask"
	}
	return "keep"
}

// Mask is what stands for a masked value.
type Mask struct {
	Text     string // a fixed text; what comes before the last characters, if Last > 0
	KeepLast int    // so many of the value's last characters stay, if it has more
}

// Raw is what the quarantine keeps of a bad record.
type Raw uint8

const (
	RawDefault Raw = iota // withheld if the log type has guards
	RawKeep
	RawWithhold
)

// withholds reports whether the bytes of a bad record are not kept: it cannot be
// told where in them the guarded fields are.
func (t *Type) withholds() bool {
	return t.Raw == RawWithhold || t.Raw == RawDefault && len(t.Guards) > 0
}

// Set is a set of declarations that agree with each other. A nil Set declares
// nothing. It does not change, so any number of goroutines may use it.
type Set struct {
	types  map[ikada.LogType]*Type
	tables map[string]ikada.LogType // declared tables
	routes []rule
	mac    func() hash.Hash // nil without a secret; a function, so that printing cannot show it
	raw    bool             // some type withholds
}

// New checks declarations and makes a set of them. secret is the key of hashed
// fields. All problems are returned at once; with any there is no set.
func New(types []Type, routes []Route, secret []byte) (*Set, []Problem) {
	if len(types) == 0 && len(routes) == 0 {
		return nil, nil
	}
	s := &Set{types: make(map[ikada.LogType]*Type, len(types)), tables: map[string]ikada.LogType{}}
	if len(secret) > 0 {
		s.mac = func() hash.Hash { return hmac.New(sha256.New, secret) }
	}
	for i := range types {
		s.types[types[i].Name] = &types[i]
		s.raw = s.raw || types[i].withholds()
	}
	c := checker{Set: s}
	for i := range types {
		c.check(&types[i])
	}
	for i := range routes {
		c.route(i, routes[i])
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return s, nil
}

// Type returns a log type's declaration, nil if it has none.
func (s *Set) Type(t ikada.LogType) *Type {
	if s == nil {
		return nil
	}
	return s.types[t]
}

// Types returns all declared log types, in no order.
func (s *Set) Types() []*Type {
	if s == nil {
		return nil
	}
	all := make([]*Type, 0, len(s.types))
	for _, t := range s.types {
		all = append(all, t)
	}
	return all
}

// NewHash returns the keyed hash of hashed fields, HMAC-SHA-256; nil if there
// is no secret, and then nothing is hashed either.
func (s *Set) NewHash() hash.Hash {
	if s == nil || s.mac == nil {
		return nil
	}
	return s.mac()
}

// ByDay reports whether a log type's archive is partitioned by day.
func (s *Set) ByDay(t ikada.LogType) bool {
	d := s.Type(t)
	return d != nil && d.ByDay
}

// Columns returns the declared columns of a log type, by the names under which
// its fields are kept.
func (s *Set) Columns(t ikada.LogType) []warehouse.Column {
	d := s.Type(t)
	if d == nil {
		return nil
	}
	all := make([]warehouse.Column, len(d.Columns))
	for i, c := range d.Columns {
		all[i] = warehouse.Column{Field: ikada.FieldName(c.Field), Name: c.Name, Type: c.Type}
	}
	return all
}

// Design returns how a log type's table is made.
func (s *Set) Design(t ikada.LogType) warehouse.Design {
	if s == nil {
		return warehouse.Design{Table: t.TableName()}
	}
	d := s.types[t]
	design := warehouse.Design{Table: s.tableName(t)}
	if d != nil {
		design.SortKeys, design.DistStyle, design.DistKey = d.SortKeys, d.DistStyle, d.DistKey
	}
	return design
}

// tableName returns the name of a log type's table. A name that is declared for
// one log type is no other's, even if the other's own name would be that.
func (s *Set) tableName(t ikada.LogType) string {
	if d := s.types[t]; d != nil && d.Table != "" {
		return d.Table
	}
	name := t.TableName()
	if owner, declared := s.tables[name]; declared && owner != t {
		return t.HashedTableName()
	}
	return name
}
