package warehouse

import "github.com/ikada-io/ikada"

// Design is how a log type's table is made. It matters when the table is made;
// a table that is there keeps its name and its keys.
type Design struct {
	Table string // its name, an SQL identifier
	// SortKeys, DistStyle and DistKey matter to Redshift alone. They name columns
	// that are declared, so that Extend has them when it makes the table.
	SortKeys  []string // empty: _time
	DistStyle string   // "auto", "even", "all", "key"; empty: the warehouse's default
	DistKey   string
}

// Designs returns how a log type's table is made.
type Designs func(ikada.LogType) Design

// Of returns the design for a log type. A nil Designs gives every log type a
// table by its own name.
func (d Designs) Of(t ikada.LogType) Design {
	if d == nil {
		return Design{Table: t.TableName()}
	}
	return d(t)
}
