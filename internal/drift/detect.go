package drift

import (
	"fmt"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Detect compares the fields of a manifest with the table as it stood before.
// grown are the table's columns with those that the manifest adds.
func Detect(before, grown []warehouse.Column, fields []ikada.Field) (found []Drift) {
	had, has, folded := map[string]warehouse.Column{}, map[string]warehouse.Column{}, map[string]string{}
	for _, c := range before {
		had[c.Field] = c
		folded[strings.ToLower(c.Field)] = c.Field
	}
	for _, c := range grown {
		has[c.Field] = c
	}
	for _, f := range fields {
		c, known := had[f.Name]
		if known {
			found = append(found, misfits(c, f)...)
			continue
		}
		d := Drift{Field: f.Name, Sort: New, After: f.Kinds.String(), kinds: f.Kinds &^ ikada.KindNull, Rows: int64(f.Rows)}
		c, known = has[f.Name]
		twin, twins := folded[strings.ToLower(f.Name)]
		switch {
		case known && twins:
			d.Sort, d.Before, d.Column = Case, twin, c.Name
		case known:
			d.Column = c.Name
		case f.Kinds.Within(ikada.KindNull):
			d.Sort, d.kinds = NullOnly, ikada.KindNull
		default:
			d.Sort, d.Before = Limit, fmt.Sprintf("%d columns", len(grown))
		}
		found = append(found, d)
	}
	return found
}

// misfits returns the drifts of a field that has a column.
func misfits(c warehouse.Column, f ikada.Field) (found []Drift) {
	d := Drift{Field: f.Name, Column: c.Name, Before: c.Type.String(), Rows: int64(f.Rows)}
	bySort := map[Sort]ikada.Kinds{}
	var order []Sort
	for k := ikada.KindNull; k <= ikada.KindArray; k <<= 1 {
		if f.Kinds.Has(k) && !c.Type.Fits(k) {
			s := sortOf(c.Type, k)
			if bySort[s] == 0 {
				order = append(order, s)
			}
			bySort[s] |= k
		}
	}
	for _, s := range order {
		d.Sort, d.kinds, d.After = s, bySort[s], bySort[s].String()
		found = append(found, d)
	}
	if longest := warehouse.TextBytes(c.Type, f); c.MaxBytes > 0 && longest > c.MaxBytes {
		d.Sort, d.kinds, d.longer = Width, ikada.KindText, c.MaxBytes
		if longest > MaxVarchar {
			d.Sort, d.longer = TooLong, MaxVarchar
		}
		d.Before, d.After = fmt.Sprintf("%d bytes", d.longer), fmt.Sprintf("%d bytes", longest)
		found = append(found, d)
	}
	return found
}

// MaxVarchar is the widest that a text column with a limit can be, in bytes.
const MaxVarchar = 65535

// sortOf names what a kind in a column that does not hold it is.
func sortOf(of warehouse.Type, k ikada.Kinds) Sort {
	switch k {
	case ikada.KindBool:
		return Bool
	case ikada.KindObject:
		return Object
	case ikada.KindArray:
		return Array
	case ikada.KindTimestamp, ikada.KindEmpty, ikada.KindText:
		if of == warehouse.Timestamp {
			return TimeFormat
		}
		return Text
	}
	switch {
	case of == warehouse.BigInt && k == ikada.KindDecimal:
		return Float
	case of == warehouse.BigInt || of == warehouse.Double:
		return LargeNumber
	}
	return Number
}
