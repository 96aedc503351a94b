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
// to add or, of text, to widen, and whether the manifest may then be loaded
// directly, without looking at every value. A caller folds manifest by
// manifest, in plan order, and adds the columns before it goes on (Grow), so
// the same archive makes the same tables.
//
// A field that held only nulls so far gets no column yet. Declared columns
// (Table.Declared) with a type are made with the table, seen or not; in a table
// that is there, when their field is first seen.
func Resolve(table Table, exists bool, fields []ikada.Field) (add []Column, direct bool) {
	var known []Column
	if exists {
		known = table.Columns
	}
	names := newNames(known)
	names.reserve(table.Declared)
	direct = names.distinct
	if !exists {
		add = names.declared(table.Declared)
		known = add
	}
	added := 0
	for _, f := range fields {
		if !names.see(f.Name) {
			direct = false
		}
		c, ok := names.columns[f.Name]
		if !ok {
			want := names.wanted[f.Name]
			if c.Type, ok = TypeFor(f.Kinds); !ok {
				continue // only nulls: nothing to hold
			}
			if want.Type != 0 {
				c.Type = want.Type
			}
			if len(known)+added >= MaxColumns {
				direct = false
				continue
			}
			added++
			c.Field, c.Name, c.MaxBytes = f.Name, names.takeWanted(want, f.Name), TextBytes(c.Type, f)
			add = append(add, c)
		} else if c.MaxBytes > 0 && TextBytes(c.Type, f) > c.MaxBytes {
			c.MaxBytes = f.MaxBytes
			add = widen(add, c)
		}
		// A fast load writes a number in JSON anew, as a double.
		if !c.Type.Fits(f.Kinds) || f.Kinds.Has(ikada.KindBeyond) {
			direct = false
		}
	}
	return add, direct
}

// widen adds a text column that is too narrow, which may be among the new ones.
func widen(add []Column, c Column) []Column {
	for i := range add {
		if add[i].Field == c.Field {
			add[i].MaxBytes = c.MaxBytes
			return add
		}
	}
	return append(add, c)
}

// TextBytes is how long the values of a field are for a text column; 0 for
// columns of other types.
func TextBytes(t Type, f ikada.Field) uint32 {
	if t != Text || f.Kinds&(ikada.KindObject|ikada.KindArray) != 0 { // the longest may be in what does not fit
		return 0
	}
	return f.MaxBytes
}

// Grow returns the columns with what Resolve says: new ones at the end, and
// those to widen in their place. The columns given are left as they are.
func Grow(columns, add []Column) []Column {
	all := append(make([]Column, 0, len(columns)+len(add)), columns...)
	places := make(map[string]int, len(columns))
	for i, c := range columns {
		places[c.Field] = i
	}
	for _, c := range add {
		if i, ok := places[c.Field]; ok {
			all[i].MaxBytes = max(all[i].MaxBytes, c.MaxBytes)
		} else {
			all = append(all, c)
		}
	}
	return all
}

// names are the fields and the identifiers that a table has.
type names struct {
	columns  map[string]Column   // by field
	folded   map[string]string   // fields by their lower case
	taken    map[string]struct{} // identifiers
	wanted   map[string]Column   // declared columns that are not there, by field
	distinct bool                // no two fields are equal but for case
}

func newNames(columns []Column) *names {
	n := &names{
		columns:  make(map[string]Column, len(columns)),
		folded:   make(map[string]string, len(columns)+len(SystemColumns)),
		taken:    make(map[string]struct{}, len(columns)+len(SystemColumns)),
		distinct: true,
	}
	for _, c := range SystemColumns {
		n.folded[c.Name] = c.Name
		n.taken[c.Name] = struct{}{}
	}
	for _, c := range columns {
		n.columns[c.Field] = c
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
