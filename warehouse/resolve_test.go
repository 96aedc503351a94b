package warehouse

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/ikada-io/ikada"
)

func field(name string, kinds ikada.Kinds) ikada.Field { return ikada.Field{Name: name, Kinds: kinds} }

func TestResolve(t *testing.T) {
	table := Table{Columns: []Column{{Field: "n", Name: "n", Type: BigInt}, {Field: "s", Name: "s", Type: Text}, {Field: "j", Name: "j", Type: JSON}}}
	tests := []struct {
		name   string
		fields []ikada.Field
		add    []Column
		direct bool
	}{
		{"nothing new", []ikada.Field{field("n", ikada.KindInt|ikada.KindNull), field("s", ikada.KindEmpty)}, nil, true},
		{"new fields become columns in order", []ikada.Field{field("b", ikada.KindBool), field("a", ikada.KindObject)},
			[]Column{{Field: "b", Name: "b", Type: Bool}, {Field: "a", Name: "a", Type: JSON}}, true},
		{"only nulls make no column and stay direct", []ikada.Field{field("x", ikada.KindNull)}, nil, true},
		{"a kind that does not fit is loaded carefully", []ikada.Field{field("n", ikada.KindDecimal)}, nil, false},
		{"all fits in JSON", []ikada.Field{field("j", ikada.KindBigInt|ikada.KindArray|ikada.KindText)}, nil, true},
		{"a number beyond double is loaded carefully even in JSON", []ikada.Field{field("j", ikada.KindBeyond)}, nil, false},
		{"names that differ in case get distinct columns and a careful load", []ikada.Field{field("N", ikada.KindInt)},
			[]Column{{Field: "N", Name: ikada.ColumnName("N", true), Type: BigInt}}, false},
		{"a name that is a system column but for case", []ikada.Field{field("_ID", ikada.KindInt)},
			[]Column{{Field: "_ID", Name: ikada.ColumnName("_ID", true), Type: BigInt}}, false},
		{"a keyword", []ikada.Field{field("select", ikada.KindInt)}, []Column{{Field: "select", Name: "select_", Type: BigInt}}, true},
		{"a name that looks like the keyword's", []ikada.Field{field("select", ikada.KindInt), field("select_", ikada.KindInt)},
			[]Column{{Field: "select", Name: "select_", Type: BigInt}, {Field: "select_", Name: ikada.ColumnName("select_", true), Type: BigInt}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			add, direct := Resolve(table, true, test.fields)
			if !reflect.DeepEqual(add, test.add) || direct != test.direct {
				t.Errorf("got %v, direct %t; want %v, direct %t", add, direct, test.add, test.direct)
			}
		})
	}
}

func TestResolveStopsAtTheColumnLimit(t *testing.T) {
	var fields []ikada.Field
	for i := range MaxColumns + 5 {
		fields = append(fields, field(fmt.Sprintf("f%d", i), ikada.KindInt))
	}
	add, direct := Resolve(Table{}, false, fields)
	if len(add) != MaxColumns || direct {
		t.Fatalf("got %d columns, direct %t; want %d and a careful load", len(add), direct, MaxColumns)
	}
	more, direct := Resolve(Table{Columns: add}, true, fields[:MaxColumns])
	if len(more) != 0 || !direct {
		t.Errorf("fields that have columns: got %d more, direct %t", len(more), direct)
	}
}

func TestResolveIgnoresTheColumnsOfATableThatIsNotThere(t *testing.T) {
	add, _ := Resolve(Table{Columns: []Column{{Field: "a", Name: "a", Type: Text}}}, false, []ikada.Field{field("a", ikada.KindInt)})
	if want := []Column{{Field: "a", Name: "a", Type: BigInt}}; !reflect.DeepEqual(add, want) {
		t.Errorf("got %v, want %v", add, want)
	}
}

// Column names are identifiers that no other column of the table has, whatever
// the fields are.
func FuzzResolveNamesAreDistinct(f *testing.F) {
	f.Add("a", "A", "á", "_id", "select")
	f.Add("", "_REST", "a b", "a_b", "A_B")
	f.Fuzz(func(t *testing.T, a, b, c, d, e string) {
		var fields []ikada.Field
		seen := map[string]bool{"_id": true, "_time": true, "_hour": true, "_dup": true, "_rest": true}
		for _, name := range []string{a, b, c, d, e} {
			if !seen[name] { // a field is listed once, and never under a reserved name
				seen[name] = true
				fields = append(fields, field(name, ikada.KindInt))
			}
		}
		first, _ := Resolve(Table{}, false, fields[:len(fields)/2])
		second, _ := Resolve(Table{Columns: first}, true, fields[len(fields)/2:])
		taken := map[string]string{"_id": "", "_time": "", "_hour": "", "_dup": "", "_rest": ""}
		for _, column := range append(first, second...) {
			if other, ok := taken[column.Name]; ok {
				t.Errorf("fields %q and %q have one column %q", other, column.Field, column.Name)
			}
			taken[column.Name] = column.Field
		}
	})
}

func TestResolveWidensText(t *testing.T) {
	table := Table{Columns: []Column{
		{Field: "s", Name: "s", Type: Text, MaxBytes: 64}, {Field: "free", Name: "free", Type: Text}, {Field: "n", Name: "n", Type: BigInt},
	}}
	seen := func(name string, kinds ikada.Kinds, longest uint32) ikada.Field {
		return ikada.Field{Name: name, Kinds: kinds, MaxBytes: longest}
	}
	add, direct := Resolve(table, true, []ikada.Field{
		seen("s", ikada.KindText, 65), seen("free", ikada.KindText, 1000), seen("n", ikada.KindInt, 0), seen("more", ikada.KindText, 7), seen("j", ikada.KindArray, 9),
	})
	want := []Column{
		{Field: "s", Name: "s", Type: Text, MaxBytes: 65}, {Field: "more", Name: "more", Type: Text, MaxBytes: 7}, {Field: "j", Name: "j", Type: JSON},
	}
	if !reflect.DeepEqual(add, want) || !direct {
		t.Errorf("got %v, direct %t; want %v", add, direct, want)
	}
	grown := Grow(table.Columns, add)
	if len(grown) != 5 || grown[0].MaxBytes != 65 || grown[3].Field != "more" || table.Columns[0].MaxBytes != 64 {
		t.Errorf("got %v of %v", grown, table.Columns)
	}
	table.Columns = grown
	if add, _ := Resolve(table, true, []ikada.Field{seen("s", ikada.KindText, 65), seen("s", ikada.KindText|ikada.KindObject, 100)}); add != nil {
		t.Errorf("again: got %v", add)
	}
}

func TestDeclaredColumns(t *testing.T) {
	declared := []Column{{Field: "status", Type: BigInt}, {Field: "userId", Name: "user_id"}, {Field: "note", Name: "remark", Type: Text}, {Field: "since", Type: Timestamp}}
	seen := []ikada.Field{
		{Name: "user_id", Kinds: ikada.KindInt}, {Name: "status", Kinds: ikada.KindText}, {Name: "userId", Kinds: ikada.KindText, MaxBytes: 7}, {Name: "note", Kinds: ikada.KindText, MaxBytes: 300},
	}
	add, direct := Resolve(Table{Declared: declared}, false, seen)
	want := []Column{
		{Field: "status", Name: "status", Type: BigInt}, {Field: "note", Name: "remark", Type: Text, MaxBytes: 300}, {Field: "since", Name: "since", Type: Timestamp},
		{Field: "user_id", Name: ikada.ColumnName("user_id", true), Type: BigInt}, {Field: "userId", Name: "user_id", Type: Text, MaxBytes: 7},
	}
	if !reflect.DeepEqual(add, want) || direct {
		t.Errorf("a new table: got %v, direct %t; want %v and a careful load, as a status is a text", add, direct, want)
	}

	// A table that was there before the declaration keeps what it has.
	table := Table{Declared: declared, Columns: []Column{{Field: "status", Name: "status", Type: Text}, {Field: "user_id", Name: "user_id", Type: BigInt}}}
	add, direct = Resolve(table, true, []ikada.Field{field("status", ikada.KindText), field("userId", ikada.KindText), field("note", ikada.KindInt)})
	want = []Column{{Field: "userId", Name: "userid", Type: Text}, {Field: "note", Name: "remark", Type: Text}}
	if !reflect.DeepEqual(add, want) || direct {
		t.Errorf("an old table: got %v, direct %t; want %v and a careful load", add, direct, want)
	}
	if add, _ := Resolve(table, true, []ikada.Field{field("since", ikada.KindNull)}); len(add) != 0 {
		t.Errorf("only nulls: got %v", add)
	}
}
