package duckdb

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

func openTest(t *testing.T, archive bucket.Bucket) warehouse.Warehouse {
	t.Helper()
	w, err := Open(t.Context(), filepath.Join(t.TempDir(), "warehouse.db"), archive, Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// limits are those of the suite: somebody opens the file and changes a column.
var limits = warehousetest.Limits{
	Narrow: retype("SMALLINT"), Widen: retype("BIGINT"),
}

// retype gives a column another type, as somebody may do.
func retype(kind string) func(testing.TB, warehouse.Warehouse, ikada.LogType, string) {
	return func(t testing.TB, w warehouse.Warehouse, of ikada.LogType, column string) {
		t.Helper()
		_, err := w.(*Warehouse).db.ExecContext(t.Context(), "ALTER TABLE "+identifier(of.TableName())+" ALTER COLUMN "+identifier(column)+" TYPE "+kind)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestContractWithFilesReadInPlace(t *testing.T) {
	t.Parallel()
	warehousetest.RunWithin(t, limits, func(t *testing.T) bucket.Bucket { return openArchive(t, t.TempDir()) }, openTest)
}

func TestContractWithFilesFetched(t *testing.T) {
	t.Parallel()
	warehousetest.RunWithin(t, limits, func(*testing.T) bucket.Bucket { return mem.New() }, openTest)
}

func TestContractWithRedshiftsRules(t *testing.T) {
	t.Parallel()
	within := limits
	within.TextBytes, within.RowBytes = rules.MaxVarchar, 4<<20
	warehousetest.RunWithin(t, within, func(*testing.T) bucket.Bucket { return mem.New() },
		func(t *testing.T, archive bucket.Bucket) warehouse.Warehouse {
			o := Options{RedshiftRules: true, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
			w, err := Open(t.Context(), filepath.Join(t.TempDir(), "warehouse.db"), archive, o)
			if err != nil {
				t.Fatal(err)
			}
			return w
		})
}

func openArchive(t testing.TB, root string) bucket.Bucket {
	t.Helper()
	b, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDeclaredTables(t *testing.T) {
	warehousetest.RunDesigned(t, func(*testing.T) bucket.Bucket { return mem.New() },
		func(t *testing.T, archive bucket.Bucket, designs warehouse.Designs) warehouse.Warehouse {
			w, err := Open(t.Context(), filepath.Join(t.TempDir(), "warehouse.db"), archive, Options{Designs: designs, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
			if err != nil {
				t.Fatal(err)
			}
			return w
		})
}
