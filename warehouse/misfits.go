package warehouse

import (
	"strings"

	"github.com/ikada-io/ikada"
)

// Readable returns the columns that a load can read side by side where names
// are told apart whatever their letter case: of those whose fields differ in nothing else, the
// first, and none that looks like a system column.
func Readable(columns []Column) []Column {
	n := newNames(nil)
	all := make([]Column, 0, len(columns))
	for _, c := range columns {
		if n.see(c.Field) {
			all = append(all, c)
		}
	}
	return all
}

// Misfits returns the fields of a manifest that have, or may have, a value that
// does not fit its column among the readable ones, or has none there. Rows
// that have none of these values may go into the table the fast way.
func Misfits(readable []Column, fields []ikada.Field) (misfits []string) {
	columns, folded := make(map[string]Type, len(readable)), make(map[string]bool, len(readable))
	for _, c := range readable {
		columns[c.Field] = c.Type
		folded[strings.ToLower(c.Field)] = true
	}
	for _, c := range SystemColumns {
		folded[c.Name] = true
	}
	for _, f := range fields {
		t, ok := columns[f.Name]
		switch {
		case ok && t.Fits(f.Kinds) && !f.Kinds.Has(ikada.KindBeyond):
		case !ok && f.Kinds.Within(ikada.KindNull) && !folded[strings.ToLower(f.Name)]:
		default:
			misfits = append(misfits, f.Name)
		}
	}
	return misfits
}
