package warehouse

import (
	"strings"

	"github.com/ikada-io/ikada"
)

// MaxColumns bounds the fields of a table that have a column. Further fields
// live in the rows' _rest. (DuckDB and Redshift allow some 1,600 columns.)
const MaxColumns = 1000

// SystemColumn is a column that every table has.
type SystemColumn struct {
	Name string
	Type Type
}

// SystemColumns begin every table, in this order. A row's line in the archive
// holds _id and _time, sometimes _hour and _dup, under the same names.
var SystemColumns = []SystemColumn{
	{"_id", Text},        // the row's identity: lane, position and index
	{"_time", Timestamp}, // the event time that was used
	{"_hour", Timestamp}, // the row's hour in the archive, where it is not _time's
	{"_dup", JSON},       // earlier values of keys that the record had twice
	{"_rest", JSON},      // an object of the fields that have no column or do not fit it
}

// Resolve folds the fields of one manifest into a table: it returns the columns
// to add, and whether the manifest may then be loaded directly, without looking
// at every value. A caller folds manifest by manifest, in plan order, and adds
// the columns before it goes on, so the same archive makes the same tables.
//
// A field that held only nulls so far gets no column yet.
func Resolve(table Table, exists bool, fields []ikada.Field) (add []Column, direct bool) {
	var known []Column
	if exists {
		known = table.Columns
	}
	names := newNames(known)
	direct = names.distinct
	for _, f := range fields {
		if !names.see(f.Name) {
			direct = false
		}
		t, ok := names.types[f.Name]
		if !ok {
			if t, ok = TypeFor(f.Kinds); !ok {
				continue // only nulls: nothing to hold
			}
			if len(known)+len(add) >= MaxColumns {
				direct = false
				continue
			}
			add = append(add, Column{Field: f.Name, Name: names.take(f.Name), Type: t})
		}
		// A fast load writes a number in JSON anew, as a double.
		if !t.Fits(f.Kinds) || f.Kinds.Has(ikada.KindBeyond) {
			direct = false
		}
	}
	return add, direct
}

// names are the fields and the identifiers that a table has.
type names struct {
	types    map[string]Type     // by field
	folded   map[string]string   // fields by their lower case
	taken    map[string]struct{} // identifiers
	distinct bool                // no two fields are equal but for case
}

func newNames(columns []Column) *names {
	n := &names{
		types:    make(map[string]Type, len(columns)),
		folded:   make(map[string]string, len(columns)+len(SystemColumns)),
		taken:    make(map[string]struct{}, len(columns)+len(SystemColumns)),
		distinct: true,
	}
	for _, c := range SystemColumns {
		n.folded[c.Name] = c.Name
		n.taken[c.Name] = struct{}{}
	}
	for _, c := range columns {
		n.types[c.Field] = c.Type
		n.taken[c.Name] = struct{}{}
		if !n.see(c.Field) {
			n.distinct = false
		}
	}
	return n
}

// see notes a field. It returns false if another differs from it only in case.
func (n *names) see(field string) bool {
	lower := strings.ToLower(field)
	if seen, ok := n.folded[lower]; ok {
		return seen == field
	}
	n.folded[lower] = field
	return true
}

// take returns a free identifier for a field.
func (n *names) take(field string) string {
	name := ikada.ColumnName(field, false)
	if _, taken := n.taken[name]; taken {
		name = ikada.ColumnName(field, true)
	}
	n.taken[name] = struct{}{}
	return name
}
