package fault_test

import (
	"errors"
	"testing"

	bucketmem "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/mem"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// load runs one Load with the outcome, and reports whether the rows are in.
func load(t *testing.T, outcome fault.Outcome) (w *fault.Warehouse, done bool, err error) {
	t.Helper()
	archive := bucketmem.New()
	inner := mem.New(archive)
	if err := inner.Extend(t.Context(), "a", warehousetest.GeneratedColumns); err != nil {
		t.Fatal(err)
	}
	job := warehousetest.Generate(t, archive, "a", 1, 5, 1)
	w = fault.New(inner, func(c fault.Call) fault.Outcome {
		if c.Op == "Load" && c.Type == "a" && len(c.Job.Manifests) == 1 {
			return outcome
		}
		return fault.Pass
	})
	_, err = w.Load(t.Context(), job)
	return w, len(warehousetest.Rows(t, inner, "a")) == 5, err
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		outcome fault.Outcome
		done    bool
		err     error
		crashed bool
	}{
		{fault.Pass, true, nil, false},
		{fault.FailBefore, false, fault.ErrFault, false},
		{fault.FailAfter, true, fault.ErrFault, false},
		{fault.CrashBefore, false, fault.ErrCrashed, true},
		{fault.CrashAfter, true, fault.ErrCrashed, true},
	}
	for _, test := range tests {
		w, done, err := load(t, test.outcome)
		if done != test.done || !errors.Is(err, test.err) {
			t.Errorf("outcome %d: done %t, %v; want %t, %v", test.outcome, done, err, test.done, test.err)
		}
		ctx := t.Context()
		_, tableErr := w.Table(ctx, "a")
		_, tablesErr := w.Tables(ctx)
		_, loadedErr := w.Loaded(ctx, "a", nil)
		rows, queryErr := w.Query(ctx, "SELECT * FROM a", 0)
		if queryErr == nil {
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
		}
		for op, err := range map[string]error{
			"Table": tableErr, "Tables": tablesErr, "Loaded": loadedErr, "Query": queryErr,
			"Extend": w.Extend(ctx, "a", []warehouse.Column{}),
		} {
			if errors.Is(err, fault.ErrCrashed) != test.crashed || (err != nil) != test.crashed {
				t.Errorf("outcome %d, %s afterwards: got %v", test.outcome, op, err)
			}
		}
	}
}
