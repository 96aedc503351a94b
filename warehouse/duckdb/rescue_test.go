package duckdb

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// change alters a table behind Ikada's back.
func change(t testing.TB, w *Warehouse, sql string) {
	t.Helper()
	if _, err := w.db.ExecContext(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// What DuckDB refuses by itself is what somebody has told it to refuse.
func TestRowsThatDuckDBRefuses(t *testing.T) {
	for name, test := range map[string]struct{ change, column, reason string }{
		"a narrower type": {"ALTER TABLE app ALTER n TYPE SMALLINT", "n", "which is SMALLINT now: 32771"},
		"another type":    {"ALTER TABLE app ALTER message TYPE DATE", "message", "which is DATE now: GET /api"},
		"NOT NULL":        {"ALTER TABLE app ALTER extra SET NOT NULL", "extra", "NOT NULL constraint"},
		"a unique index":  {"INSERT INTO app (_id, _time, n) VALUES ('first', now(), 32771); CREATE UNIQUE INDEX one ON app(n)", "", "uplicate key"},
	} {
		t.Run(name, func(t *testing.T) {
			w, root := openEmpty(t)
			columns := append([]warehouse.Column{{Field: "extra", Name: "extra", Type: warehouse.BigInt}}, warehousetest.BadColumns...)
			if err := w.Extend(t.Context(), "app", columns); err != nil {
				t.Fatal(err)
			}
			change(t, w, test.change)
			// Of NOT NULL all rows are bad, and so is one without a field: that is an error.
			every := map[string]bool{"another type": true, "NOT NULL": true}[name]
			job := warehousetest.GenerateBad(t, openArchive(t, root), "app", 20, 2, func(i int) bool { return i == 3 })
			result, err := w.Load(t.Context(), job)
			if name == "NOT NULL" {
				if err == nil || !strings.Contains(err.Error(), "NOT NULL constraint") {
					t.Errorf("got %+v, %v", result, err)
				}
				return
			}
			want := warehouse.Result{Rows: 19, Quarantined: 1}
			if every {
				want = warehouse.Result{Quarantined: 20}
			}
			if err != nil || result != want {
				t.Fatalf("got %+v, %v; want %+v", result, err, want)
			}
			for _, row := range warehousetest.Rows(t, w, ikada.Quarantine) {
				column, _ := row["column_"].(string)
				if !strings.Contains(fmt.Sprint(row["reason"]), test.reason) || column != test.column {
					t.Errorf("column %q, reason %v", column, row["reason"])
				}
			}
			sums := single(t, w, `SELECT "rows" || '+' || quarantined || ' ' || direct FROM _ikada.ledger`)
			if want := fmt.Sprintf("%d+%d false", want.Rows, want.Quarantined); sums != want {
				t.Errorf("the ledger says %v, want %s", sums, want)
			}
		})
	}
}

// What a pair of rows is refused for is no row's own fault: it stays an error.
func TestRowsThatDuckDBRefusesOnlyTogether(t *testing.T) {
	w, root := openEmpty(t)
	if err := w.Extend(t.Context(), "app", warehousetest.BadColumns); err != nil {
		t.Fatal(err)
	}
	change(t, w, "CREATE UNIQUE INDEX one ON app(n)")
	job := warehousetest.GenerateBad(t, openArchive(t, root), "app", 1002, 1, func(int) bool { return false })
	if result, err := w.Load(t.Context(), job); err == nil || !strings.Contains(err.Error(), "refused together") {
		t.Errorf("got %+v, %v", result, err)
	}
	if got := single(t, w, "SELECT count(*) FROM app"); got != int64(0) {
		t.Errorf("%v rows are in the table", got)
	}
}

// BenchmarkRescue loads rows of which some are refused, without being told which.
func BenchmarkRescue(b *testing.B) {
	for _, c := range []struct {
		name string
		bad  func(i int) bool
		n    int64
	}{
		{"none", func(int) bool { return false }, 0},
		{"1", func(i int) bool { return i == 765_432 }, 1},
		{"1000", func(i int) bool { return i%1000 == 777 }, 1000},
		{"all", func(int) bool { return true }, benchRows},
	} {
		b.Run(c.name, func(b *testing.B) {
			archive := openArchive(b, b.TempDir())
			job := warehousetest.GenerateBad(b, archive, "app", benchRows, benchFiles, c.bad)
			measure(b, archive, job, func(w *Warehouse) error {
				if err := w.Extend(b.Context(), job.Type, warehousetest.BadColumns); err != nil {
					return err
				}
				change(b, w, "ALTER TABLE app ALTER n TYPE SMALLINT")
				result, err := w.Load(b.Context(), job)
				if err == nil && (result.Quarantined != c.n || result.Rows != benchRows-c.n) {
					err = fmt.Errorf("got %+v", result)
				}
				return err
			})
		})
	}
}
