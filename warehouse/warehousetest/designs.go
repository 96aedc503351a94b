package warehousetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// OpenDesigned is Open for a warehouse that makes tables by designs.
type OpenDesigned func(t *testing.T, archive bucket.Bucket, designs warehouse.Designs) warehouse.Warehouse

// RunDesigned is the part of the suite about declared tables.
func RunDesigned(t *testing.T, newArchive func(t *testing.T) bucket.Bucket, open OpenDesigned) {
	t.Helper()
	archive := newArchive(t)
	w := open(t, archive, func(of ikada.LogType) warehouse.Design {
		if of == "app.access" || of == "third" {
			return warehouse.Design{Table: "declared", SortKeys: []string{"user_name", "_time"}, DistKey: "user_name"}
		}
		return warehouse.Design{Table: of.TableName(), DistStyle: "even"}
	})
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	declared := []warehouse.Column{{Field: "userId", Name: "user_name", Type: warehouse.Text}, {Field: "n", Type: warehouse.BigInt}}
	for _, of := range []ikada.LogType{"app.access", "other.type"} {
		f := &fixture{t: t, w: w, archive: archive, of: of}
		want := "declared"
		if of != "app.access" {
			want = of.TableName()
		}
		f.declared(declared, want)
	}
	taken := func() error { return w.Extend(context.Background(), "third", declared[:1]) }
	if err := taken(); err == nil || !strings.Contains(err.Error(), "declared") {
		t.Errorf("a table by the name of another log type's: got %v, want an error that names it", err)
	}
}

// declared makes a table of declared columns and loads rows of which some do
// not fit them, directly and carefully.
func (f *fixture) declared(columns []warehouse.Column, name string) {
	ctx := context.Background()
	first, fields := f.manifest([]string{`{"userId":"ann","n":1}`, `{"userId":"bob"}`})
	second, more := f.manifest([]string{`{"userId":"cid","n":"none","more":true}`})
	exists := false
	var table warehouse.Table
	for i, m := range []warehouse.Manifest{first, second} {
		table.Declared = columns
		add, direct := warehouse.Resolve(table, exists, [][]ikada.Field{fields, more}[i])
		if err := f.w.Extend(ctx, f.of, add); err != nil {
			f.t.Fatal(err)
		}
		if _, err := f.w.Load(ctx, f.job(direct, m)); err != nil {
			f.t.Fatal(err)
		}
		var err error
		if table, err = f.w.Table(ctx, f.of); err != nil {
			f.t.Fatal(err)
		}
		exists = true
	}
	if table.Name != name || table.Rows != 3 {
		f.t.Errorf("got table %s of %d rows, want %s of 3", table.Name, table.Rows, name)
	}
	want := []warehouse.Column{{Field: "userId", Name: "user_name", Type: warehouse.Text}, {Field: "n", Name: "n", Type: warehouse.BigInt}, {Field: "more", Name: "more", Type: warehouse.Bool}}
	for i, c := range table.Columns {
		c.MaxBytes, c.Added = 0, time.Time{}
		if i >= len(want) || c != want[i] {
			f.t.Errorf("column %d is %+v, want %+v", i, c, want)
		}
	}
	rows, err := f.w.Query(ctx, `SELECT * FROM "`+name+`"`, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	got := map[string][2]any{}
	for {
		row, err := rows.Next()
		if err != nil {
			break
		}
		values := map[string]any{}
		for i, column := range rows.Columns() {
			values[column] = row[i]
		}
		got[values["user_name"].(string)] = [2]any{values["n"], values["_rest"] != nil}
	}
	for user, want := range map[string][2]any{"ann": {int64(1), false}, "bob": {nil, false}, "cid": {nil, true}} {
		if got[user] != want {
			f.t.Errorf("%s: n and whether there is a _rest are %v, want %v", user, got[user], want)
		}
	}
}
