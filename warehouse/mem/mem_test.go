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
	warehousetest.RunWithin(t, warehousetest.Limits{Narrow: narrow},
		func(*testing.T) bucket.Bucket { return bucketmem.New() },
		func(_ *testing.T, archive bucket.Bucket) warehouse.Warehouse { return mem.New(archive) })
}
