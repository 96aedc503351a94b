package redshift

import (
	"context"
	"fmt"
	"testing"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

func TestDeclaredTables(t *testing.T) {
	for _, api := range []bool{false, true} {
		t.Run(fmt.Sprintf("data api %t", api), func(t *testing.T) {
			warehousetest.RunDesigned(t, func(*testing.T) bucket.Bucket { return mem.New() },
				func(t *testing.T, archive bucket.Bucket, designs warehouse.Designs) warehouse.Warehouse {
					r := newRig(t, archive, redshiftstandin.Options{Isolation: redshiftstandin.Snapshot})
					if api {
						r.overAPI(t)
					}
					r.options.Designs = designs
					w := r.open(t)
					t.Cleanup(func() { r.wantKeys(t) })
					return w
				})
		})
	}
}

// wantKeys asserts the keys with which the suite's tables were made.
func (r *rig) wantKeys(t *testing.T) {
	t.Helper()
	r.options.API, r.options.Designs = nil, nil
	w, err := Open(context.Background(), r.archive, r.scratch, r.options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for table, want := range map[string]string{"declared": "KEY(user_name) user_name 2", "other_type": "EVEN _time 1"} {
		rows, err := w.Query(context.Background(), `SELECT diststyle || ' ' || sortkey1 || ' ' || sortkey_num FROM svv_table_info WHERE "table" = '`+table+`'`, 0)
		if err != nil {
			t.Fatal(err)
		}
		row, err := rows.Next()
		if err != nil || fmt.Sprint(row[0]) != want {
			t.Errorf("%s: got %v, %v, want %s", table, row, err, want)
		}
		_ = rows.Close()
	}
}

func TestKeysOfAMissingColumnAreLeftOut(t *testing.T) {
	columns := []warehouse.Column{{Name: "a", Type: warehouse.Text}, {Name: "j", Type: warehouse.JSON}}
	for want, d := range map[string]warehouse.Design{
		` SORTKEY ("_time")`:                                           {SortKeys: []string{"j", "x"}, DistKey: "x"},
		` DISTSTYLE ALL SORTKEY ("_time")`:                             {DistStyle: "all"},
		` DISTSTYLE KEY DISTKEY ("a") COMPOUND SORTKEY ("a", "_time")`: {SortKeys: []string{"a", "x", "_time"}, DistKey: "a", DistStyle: "key"},
	} {
		if got := attributes(d, columns); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
