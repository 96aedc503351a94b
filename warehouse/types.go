package warehouse

import (
	"errors"
	"fmt"

	"github.com/ikada-io/ikada"
)

// ErrNotReadOnly: a query would change something.
var ErrNotReadOnly = errors.New("only statements that read are allowed (SELECT, WITH, EXPLAIN, DESCRIBE, SHOW)")

// ErrSeveral: a query is more than one statement.
var ErrSeveral = errors.New("only one statement at a time is allowed: send each of them alone")

// ErrQuarantineRefused: rows of the quarantine itself can't be loaded, and there
// is no other place for them.
var ErrQuarantineRefused = errors.New("rows of the quarantine itself are refused, and are not set aside a second time")

// Type is a column's type. It is chosen once, when the column is first seen.
type Type uint8

const (
	Bool Type = iota + 1
	BigInt
	Double
	Text
	Timestamp
	JSON
)

var typeNames = [...]string{Bool: "bool", BigInt: "bigint", Double: "double", Text: "text", Timestamp: "timestamp", JSON: "json"}

func (t Type) String() string {
	if int(t) < len(typeNames) && t != 0 {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", t)
}

// ParseType is the inverse of String.
func ParseType(s string) (Type, error) {
	for t, name := range typeNames {
		if name == s && name != "" {
			return Type(t), nil
		}
	}
	return 0, fmt.Errorf("parse column type %q: want one of bool, bigint, double, text, timestamp, json", s)
}

// fits lists the kinds that a column of a type holds without any loss. A null
// fits everywhere, and so does everything in JSON.
var fits = [...]ikada.Kinds{
	Bool:      ikada.KindNull | ikada.KindBool,
	BigInt:    ikada.KindNull | ikada.KindInt | ikada.KindInt64,
	Double:    ikada.KindNull | ikada.KindInt | ikada.KindDecimal,
	Text:      ikada.KindNull | ikada.KindEmpty | ikada.KindText | ikada.KindTimestamp,
	Timestamp: ikada.KindNull | ikada.KindTimestamp,
	JSON:      ^ikada.Kinds(0),
}

// Fits reports whether values of all the kinds can be held without loss.
func (t Type) Fits(k ikada.Kinds) bool { return k.Within(fits[t]) }

// TypeFor returns the type for a column whose first values are of the kinds,
// the narrowest that holds them all: JSON where scalars are mixed. It returns
// false if only nulls were seen: such a field has no column yet.
func TypeFor(k ikada.Kinds) (Type, bool) {
	if k.Within(ikada.KindNull) {
		return 0, false
	}
	for _, t := range []Type{Bool, BigInt, Double, Timestamp, Text} {
		if t.Fits(k) {
			return t, true
		}
	}
	return JSON, true
}
