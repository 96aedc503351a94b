package redshift

import (
	"fmt"
	"sync"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// asideOnce loads two rows, of which the table refuses one, and mends the table.
func asideOnce(t *testing.T, r *rig) (*Warehouse, warehouse.PutBackJob, warehouse.Manifest) {
	t.Helper()
	w := loaded(t, r)
	retype("SMALLINT")(t, w, app, "userid")
	m := r.manifest(t, 1, `{"userId":1}`, `{"userId":40000}`)
	mustLoad(t, w, job(m), warehouse.Result{Rows: 1, Quarantined: 1})
	retype("BIGINT")(t, w, app, "userid")
	rows := warehousetest.Rows(t, w, ikada.Quarantine)
	if len(rows) != 1 {
		t.Fatalf("the quarantine has %v", rows)
	}
	return w, warehouse.PutBackJob{Type: app, Rows: []warehouse.AsideRow{{
		ID: fmt.Sprint(rows[0]["_id"]), Manifest: m.Key, File: m.Files[0].Key, Line: 2, Raw: []byte(`{"_id":"1.1","_time":"2026-11-23T05:06:07.123456Z","userId":40000}`),
	}}}, m
}

// onceInTable checks that the row is in the table once, and nowhere else.
func onceInTable(t *testing.T, w *Warehouse) {
	t.Helper()
	counted, err := w.Recount(t.Context(), app)
	if err != nil || counted.Rows != 2 || counted.Distinct != 2 || counted.Ledger != 2 || counted.Aside != 0 || counted.LedgerAside != 0 {
		t.Errorf("got %+v, %v; want two rows, and none aside", counted, err)
	}
}

func TestFaultsPutRowsBackOnce(t *testing.T) {
	for name, fault := range map[string]redshiftstandin.Fault{
		"a conflict at DELETE":                {Match: begins("DELETE"), Effect: redshiftstandin.Violation},
		"a conflict at COPY":                  {Match: begins("COPY"), Effect: redshiftstandin.Violation},
		"a conflict at the ledger":            {Match: begins("UPDATE"), Effect: redshiftstandin.Violation},
		"a conflict at COMMIT":                {Match: begins("COMMIT"), Effect: redshiftstandin.Violation},
		"the connection is cut behind COPY":   {Match: begins("COPY"), Effect: redshiftstandin.CutAfter},
		"the connection is cut behind UPDATE": {Match: begins("UPDATE"), Effect: redshiftstandin.CutAfter},
		"the connection is cut before COMMIT": {Match: begins("COMMIT"), Effect: redshiftstandin.CutBefore},
		"the answer to COMMIT is lost":        {Match: begins("COMMIT"), Effect: redshiftstandin.CutAfter},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, redshiftstandin.Options{})
			w, back, m := asideOnce(t, r)
			r.server.Inject(fault)
			if done, err := w.PutBack(t.Context(), back); err != nil || done.Rows != 1 || done.Gone != 0 || r.server.Pending() != 0 {
				t.Errorf("got %+v, %v; %d faults did not strike", done, err, r.server.Pending())
			}
			onceInTable(t, w)
			if done, err := w.PutBack(t.Context(), back); err != nil || done.Rows != 0 || done.Gone != 1 {
				t.Errorf("again: got %+v, %v", done, err)
			}
			onceInTable(t, w)
			j := replaceJob(2, true, m)
			j.Origins = map[string][]warehouse.Origin{m.Files[0].Key: {{Manifest: m.Key, File: m.Files[0].Key, Rows: 2}}}
			if done, err := w.Replace(t.Context(), j); err != nil || done.Inserted != 2 {
				t.Errorf("a replay: got %+v, %v", done, err)
			}
			onceInTable(t, w)
			if n := r.staged(t); n != 0 {
				t.Errorf("%d staged objects are left", n)
			}
		})
	}
}

func TestFaultsReplaceRefusedRowsOnce(t *testing.T) {
	for name, fault := range map[string]redshiftstandin.Fault{
		"a conflict at the ledger":     {Match: begins("UPDATE"), Effect: redshiftstandin.Violation},
		"the answer to COMMIT is lost": {Match: begins("COMMIT"), Effect: redshiftstandin.CutAfter},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, redshiftstandin.Options{})
			w, _, m := asideOnce(t, r)
			r.server.Inject(fault)
			for n := range 3 {
				table, err := w.Table(t.Context(), app)
				if err != nil {
					t.Fatal(err)
				}
				j := replaceJob(table.Rows, false, m)
				j.Origins = map[string][]warehouse.Origin{m.Files[0].Key: {{Manifest: m.Key, File: m.Files[0].Key, Rows: 2}}}
				done, err := w.Replace(t.Context(), j)
				if err == nil && done.Inserted == 2 {
					break
				}
				t.Logf("try %d: %+v, %v", n, done, err) // the ledger has changed: the job is made anew
			}
			onceInTable(t, w)
		})
	}
}

// Processes that know nothing of each other put the same rows back.
func TestProcessesPutRowsBackOnce(t *testing.T) {
	for _, isolation := range []redshiftstandin.Isolation{redshiftstandin.Serializable, redshiftstandin.Snapshot} {
		r := newRig(t, nil, redshiftstandin.Options{Isolation: isolation})
		w, back, _ := asideOnce(t, r)
		var wg sync.WaitGroup
		sum := make([]warehouse.PutBack, 3)
		for i := range sum {
			wg.Go(func() {
				other := r.open(t)
				defer func() { _ = other.Close() }()
				done, err := other.PutBack(t.Context(), back)
				if err != nil {
					t.Error(err)
				}
				sum[i] = done
			})
		}
		wg.Wait()
		if rows, gone := sum[0].Rows+sum[1].Rows+sum[2].Rows, sum[0].Gone+sum[1].Gone+sum[2].Gone; rows != 1 || gone != 2 {
			t.Errorf("isolation %v: %d rows were put back, and %d were gone", isolation, rows, gone)
		}
		onceInTable(t, w)
	}
}
