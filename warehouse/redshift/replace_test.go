package redshift

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// replaceJob replaces the hour of the rig's rows.
func replaceJob(ledger int64, direct bool, manifests ...warehouse.Manifest) warehouse.ReplaceJob {
	hour := ikada.HourOf(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC))
	j := warehouse.ReplaceJob{Type: app, From: hour, To: hour + 1, LedgerRows: ledger, Files: []warehouse.ReplaceFiles{{Direct: direct}}}
	for _, m := range manifests {
		j.Files[0].Files = append(j.Files[0].Files, m.Files...)
	}
	return j
}

func TestReplaceOutlivesFaults(t *testing.T) {
	for name, fault := range map[string]redshiftstandin.Fault{
		"a conflict at DELETE":                {Match: begins("DELETE"), Effect: redshiftstandin.Violation},
		"a conflict at COPY":                  {Match: begins("COPY"), Effect: redshiftstandin.Violation},
		"a conflict at COMMIT":                {Match: begins("COMMIT"), Effect: redshiftstandin.Violation},
		"the connection is cut behind DELETE": {Match: begins("DELETE"), Effect: redshiftstandin.CutAfter},
		"the connection is cut behind COPY":   {Match: begins("COPY"), Effect: redshiftstandin.CutAfter},
		"the connection is cut before COMMIT": {Match: begins("COMMIT"), Effect: redshiftstandin.CutBefore},
		"the answer to COMMIT is lost":        {Match: begins("COMMIT"), Effect: redshiftstandin.CutAfter},
	} {
		for _, direct := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, direct %t", name, direct), func(t *testing.T) {
				r := newRig(t, nil, redshiftstandin.Options{})
				w := loaded(t, r)
				m := r.manifest(t, 1, `{"userId":1}`, `{"userId":2}`)
				mustLoad(t, w, job(m), warehouse.Result{Rows: 2})
				r.server.Inject(fault)
				if done, err := w.Replace(t.Context(), replaceJob(2, direct, m)); err != nil || done.Deleted != 2 || done.Inserted != 2 {
					t.Errorf("got %+v, %v", done, err)
				}
				if n := r.server.Pending(); n != 0 {
					t.Errorf("%d faults did not strike", n)
				}
				if rows := warehousetest.Rows(t, w, app); len(rows) != 2 {
					t.Errorf("got %d rows", len(rows))
				}
				if n := r.staged(t); n != 0 {
					t.Errorf("%d staged objects are left", n)
				}
			})
		}
	}
}

// What does not get better leaves the table as it was.
func TestReplaceGivesUp(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	r.options.Retries = 2
	w := loaded(t, r)
	m := r.manifest(t, 1, `{"userId":1}`)
	mustLoad(t, w, job(m), warehouse.Result{Rows: 1})
	fault := redshiftstandin.Fault{Match: begins("COPY"), Effect: redshiftstandin.CutAfter}
	r.server.Inject(fault, fault, fault)
	if done, err := w.Replace(t.Context(), replaceJob(1, true, m)); err == nil {
		t.Errorf("got %+v", done)
	}
	if rows := warehousetest.Rows(t, w, app); len(rows) != 1 {
		t.Errorf("got %d rows", len(rows))
	}
}

// Another process loads: the guard in the transaction finds it.
func TestReplaceMeetsALoadOfAnotherProcess(t *testing.T) {
	for _, api := range []bool{false, true} {
		r := newRig(t, nil, redshiftstandin.Options{})
		if api {
			r.overAPI(t)
		}
		w := loaded(t, r)
		other := r.open(t)
		t.Cleanup(func() { _ = other.Close() })
		first, second := r.manifest(t, 1, `{"userId":1}`), r.manifest(t, 2, `{"userId":2}`)
		mustLoad(t, w, job(first), warehouse.Result{Rows: 1})
		mustLoad(t, other, job(second), warehouse.Result{Rows: 1})
		if done, err := w.Replace(t.Context(), replaceJob(1, true, first)); !errors.Is(err, warehouse.ErrLedgerChanged) {
			t.Errorf("API %t: got %+v, %v", api, done, err)
		}
		if done, err := w.Replace(t.Context(), replaceJob(2, true, first, second)); err != nil || done.Deleted != 2 || done.Inserted != 2 {
			t.Errorf("API %t: got %+v, %v", api, done, err)
		}
	}
}

// A file that was found whole is not read through again, until it is another.
func TestReplaceChecksAFileOnce(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	m := r.manifest(t, 1, `{"userId":1}`)
	mustLoad(t, w, job(m), warehouse.Result{Rows: 1})
	reads := 0
	w.archive = fault.New(r.archive, fault.Options{Hook: func(op fault.Op, _ string) fault.Outcome {
		if op == fault.Get {
			reads++
		}
		return fault.Pass
	}})
	j := replaceJob(1, true, m)
	j.Checked = map[string]uint32{}
	for range 3 {
		if _, err := w.Replace(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 1 {
		t.Errorf("the file was read %d times", reads)
	}
	j.Files[0].Files[0].CRC32C++
	if _, err := w.Replace(t.Context(), j); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("another file: got %v, want ErrCorrupt", err)
	}
}

func TestReplaceIsFewStatements(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	rep := &replacing{w: w, job: replaceJob(1, true), state: &state{fine: true}}
	copies := make([]statement, 5+2) // by way of a temporary table, and the COPY of staged files with its guard
	statements, err := rep.transaction(t.Context(), copies, 0)
	if n := len(statements) + 1; err != nil || n > maxBatch {
		t.Errorf("%d statements, %v", n, err)
	}
}

// parts is an archive some of whose objects have no address.
type parts struct{ *s3 }

func (parts) URL(key string) string { return "ikada:///" + key }

// A file that COPY can't read where it is goes by way of a staged one.
func TestFilesWithoutAnAddress(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	m, n := r.manifest(t, 1, `{"userId":1}`), r.manifest(t, 2, `{"userId":2}`)
	mustLoad(t, w, job(m), warehouse.Result{Rows: 1})
	w.archive = parts{r.archive}
	mustLoad(t, w, job(n), warehouse.Result{Rows: 1})
	if done, err := w.Replace(t.Context(), replaceJob(2, true, m, n)); err != nil || done.Inserted != 2 {
		t.Errorf("got %+v, %v", done, err)
	}
	if rows := warehousetest.Rows(t, w, app); len(rows) != 2 {
		t.Errorf("got %v", rows)
	}
}
