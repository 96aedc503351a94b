package duckdb

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/warehouse"
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

func TestContractWithFilesReadInPlace(t *testing.T) {
	warehousetest.Run(t, func(t *testing.T) bucket.Bucket { return openArchive(t, t.TempDir()) }, openTest)
}

func TestContractWithFilesFetched(t *testing.T) {
	warehousetest.Run(t, func(*testing.T) bucket.Bucket { return mem.New() }, openTest)
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
