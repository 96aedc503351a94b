package warehousetest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// hardRows are rows of every cause that makes a row hard. They load by files of
// their own: in whole where the warehouse holds them, else they are set aside
// in whole; and plain rows of the same type load directly as ever.
func hardRows(t *testing.T, f *fixture) {
	for name, record := range map[string]string{
		"over 1 MiB":            `{"s":"` + strings.Repeat("あ", 500_000) + `"}`,
		"over 4 MB in pieces":   `{"s":"` + strings.Repeat("x", 3<<20) + `","j":["` + strings.Repeat("y", 2<<20) + `"]}`,
		"over 4 MB in one text": `{"n":2,"s":"` + strings.Repeat("x", 5<<20) + `"}`,
		"over 16 MB":            `{"j":{"k":["` + strings.Repeat("x", 17<<20) + `"]}}`,
		"a long text":           `{"s":"` + strings.Repeat("x", 65_536) + `"}`,
		"a long text inside":    `{"j":{"k":"` + strings.Repeat("x", 65_536) + `"}}`,
		"a long key":            `{"n":1,"` + strings.Repeat("x", 70_000) + `":1}`,
		"nested deeply":         `{"j":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`,
		"nested most deeply":    `{"j":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"a number beyond":       `{"n":1e400,"j":[-1e-400]}`,
		"many digits":           `{"n":1.2345678901234567890123,"j":{"a":0.1234567890123456789}}`,
		"a large integer":       `{"n":123456789012345678901234567890,"j":[18446744073709551616]}`,
	} {
		f.of = ikada.LogType("hard " + name)
		plain, seen := f.manifest([]string{`{"n":1,"s":"a","j":{}}`})
		if !f.extend(seen) {
			t.Fatalf("%s: the plain row is not safe to load directly", name)
		}
		f.mustLoad(true, plain)
		f.hardRow(t, name, record)
		more, seen := f.manifest([]string{`{"n":3,"s":"b","j":[]}`})
		if !f.extend(seen) {
			t.Errorf("%s: behind it, a plain row is not safe to load directly", name)
		}
		if result := f.mustLoad(true, more); result != (warehouse.Result{Rows: 1}) {
			t.Errorf("%s: behind it, a plain row gives %+v", name, result)
		}
	}
}

// manyFields is a hard row too: of more fields than a table has columns.
func manyFields(t *testing.T, f *fixture) {
	var fields []string
	for i := range 1600 {
		fields = append(fields, fmt.Sprintf(`"field%d":%d`, i, i))
	}
	f.extend([]ikada.Field{{Name: "n", Kinds: ikada.KindInt}})
	f.hardRow(t, "many fields", "{"+strings.Join(fields, ",")+"}")
}

// hardRow loads a hard row among others.
func (f *fixture) hardRow(t *testing.T, name, record string) {
	t.Helper()
	m, seen := f.manifest([]string{`{"n":7}`, record, `{"n":8}`})
	f.extend(seen)
	job := f.job(true, m)
	job.Class = ikada.Hard
	result, err := f.w.Load(context.Background(), job)
	if err != nil || result.Rows+result.Quarantined != 3 {
		t.Errorf("%s: got %+v, %v", name, result, err)
		return
	}
	if limit := f.limits.RowBytes; limit > 0 && len(record) > limit {
		found := f.quarantine(f.of)[m.Files[0].Key]
		if result.Quarantined != 1 || len(found) != 1 || found[0].line != 2 || !strings.HasSuffix(found[0].raw, record[1:]) || len(f.rows()) != 3 {
			t.Errorf("%s: got %+v, %d rows in the table, %d in the quarantine", name, result, len(f.rows()), len(found))
		}
		return
	}
	if result.Quarantined != 0 {
		t.Errorf("%s: %d rows are set aside: %.300v", name, result.Quarantined, f.quarantine(f.of))
		return
	}
	for _, row := range Rows(t, f.w, f.of) {
		if row["_id"] == fmt.Sprintf("%d.0.1", m.Plan) {
			f.checkWhole(t, name, row, record)
		}
	}
}

// checkWhole looks for every value of a record in its row.
func (f *fixture) checkWhole(t *testing.T, name string, row map[string]any, record string) {
	t.Helper()
	rest, _ := row["_rest"].(map[string]any)
	table, err := f.w.Table(context.Background(), f.of)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]warehouse.Column{}
	for _, c := range table.Columns {
		columns[c.Field] = c
	}
	for field, want := range decode(t, record).(map[string]any) {
		got, ok := rest[field]
		if !ok {
			got = row[columns[field].Name]
		}
		if fmt.Sprint(got) != fmt.Sprint(want) && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: field %.40q is %.60v, want %.60v", name, field, got, want)
		}
	}
}
