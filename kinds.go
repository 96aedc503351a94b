package ikada

import "strings"

// Kinds is a set of lexical kinds: what the values of one field looked like.
// They are observed while a record is transcoded, so a load knows a table's
// types before it reads a row.
type Kinds uint16

const (
	KindNull      Kinds = 1 << iota
	KindBool            // true, false
	KindInt             // an integer of at most 53 bits: exact in a double too
	KindInt64           // a larger integer that fits int64
	KindBigInt          // an integer beyond int64
	KindDecimal         // such as 1.0 or 1e3: finite in a double, at most 17 digits
	KindBeyond          // a number that a double cannot hold: 1e400, 18 digits and more
	KindTimestamp       // strict RFC 3339 text with at most 6 fractional digits
	KindEmpty           // ""
	KindText            // any other text
	KindObject
	KindArray
)

// Has reports whether every kind of q is in k.
func (k Kinds) Has(q Kinds) bool { return k&q == q }

// Within reports whether k holds no kind outside of q.
func (k Kinds) Within(q Kinds) bool { return k&^q == 0 }

var kindNames = [...]string{"null", "bool", "int", "int64", "bigint", "decimal", "beyond", "timestamp", "empty", "text", "object", "array"}

// String lists the kinds: "null|int|text".
func (k Kinds) String() string {
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}

// Field is what was observed of one top-level field over some rows.
type Field struct {
	Name  string `msg:"n" json:"name"`
	Kinds Kinds  `msg:"k" json:"kinds"`
	// MaxBytes is the greatest decoded length in bytes of a string at any
	// depth of the field's values.
	MaxBytes uint32 `msg:"b" json:"max_bytes,omitempty"`
	// Rows counts the rows that bear the field, Nulls those where it is null.
	Rows  uint64 `msg:"r" json:"rows"`
	Nulls uint64 `msg:"z" json:"nulls,omitempty"`
}

// Merge adds what was observed of the same field in other rows.
func (f *Field) Merge(o Field) {
	f.Kinds |= o.Kinds
	f.MaxBytes = max(f.MaxBytes, o.MaxBytes)
	f.Rows += o.Rows
	f.Nulls += o.Nulls
}
