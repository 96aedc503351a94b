package mem_test

import (
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	bucketmem "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/mem"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

func TestContract(t *testing.T) {
	narrow := func(_ testing.TB, w warehouse.Warehouse, of ikada.LogType, column string) {
		w.(*mem.Warehouse).Narrow(of, column)
	}
	warehousetest.RunWithin(t, warehousetest.Limits{Narrow: narrow, Widen: func(_ testing.TB, w warehouse.Warehouse, of ikada.LogType, _ string) {
		w.(*mem.Warehouse).Narrow(of, "")
	}},
		func(*testing.T) bucket.Bucket { return bucketmem.New() },
		func(_ *testing.T, archive bucket.Bucket) warehouse.Warehouse { return mem.New(archive) })
}

func TestDeclaredTables(t *testing.T) {
	warehousetest.RunDesigned(t,
		func(*testing.T) bucket.Bucket { return bucketmem.New() },
		func(_ *testing.T, archive bucket.Bucket, designs warehouse.Designs) warehouse.Warehouse {
			return mem.New(archive).Design(designs)
		})
}
