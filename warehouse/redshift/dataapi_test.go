package redshift

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"

	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

func TestFaultsOverTheDataAPIChangeNothing(t *testing.T) {
	for _, at := range []string{"COPY", "COMMIT", "INSERT", "LOCK"} {
		r := newRig(t, nil, redshiftstandin.Options{})
		r.overAPI(t)
		w := loaded(t, r)
		r.server.Inject(redshiftstandin.Fault{Match: begins(at), Effect: redshiftstandin.Violation})
		m := r.manifest(t, 1, `{"userId":1}`)
		mustLoad(t, w, job(m), warehouse.Result{Rows: 1})
		mustLoad(t, w, job(m), warehouse.Result{Skipped: 1})
		if r.server.Pending() != 0 {
			t.Errorf("%s: the fault did not strike", at)
		}
	}
}

func TestGuardStopsABatch(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	r.overAPI(t)
	w := loaded(t, r)
	m := r.manifest(t, 1, `{"userId":1}`)
	l := &loading{w: w, job: job(m), state: w.state(app), manifests: []warehouse.Manifest{m}, files: m.Files, expected: 1}
	var err error
	if l.table, err = w.describe(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	copies, err := l.copyDirect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustLoad(t, w, job(m), warehouse.Result{Rows: 1}) // another process is faster
	var wrong *guardError
	if err := w.db.transact(t.Context(), time.Minute, l.transaction(copies)); !errors.As(err, &wrong) || wrong.name != "ledger" {
		t.Errorf("got %v, want the ledger's guard", err)
	}
	if rows := warehousetest.Rows(t, w, app); len(rows) != 1 {
		t.Errorf("got %d rows", len(rows))
	}
}

func TestRefusedRowIsNamedOverTheDataAPI(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	r.overAPI(t)
	var log bytes.Buffer
	r.options.Log = logTo(&log)
	w := loaded(t, r)
	mustLoad(t, w, job(r.manifest(t, 1, `{"userId":1}`, `{"userId":"x"}`)), warehouse.Result{Rows: 2, Rest: 1})
	if !bytes.Contains(log.Bytes(), []byte(`app.access/1.json.gz, line 2, column \"userid\"`)) {
		t.Errorf("got %s", &log)
	}
}

// lossy is a client whose batches go through and whose answers are lost.
type lossy struct {
	DataClient
	lost int
}

func (l *lossy) BatchExecuteStatement(ctx context.Context, in *redshiftdata.BatchExecuteStatementInput, o ...func(*redshiftdata.Options)) (*redshiftdata.BatchExecuteStatementOutput, error) {
	out, err := l.DataClient.BatchExecuteStatement(ctx, in, o...)
	if err == nil && l.lost > 0 {
		l.lost--
		return nil, errors.New("the answer is lost")
	}
	return out, err
}

func TestLostAnswersOfTheDataAPI(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	r.overAPI(t)
	client := &lossy{DataClient: r.options.API.Client}
	r.options.API.Client = client
	w := loaded(t, r)
	for plan := range 3 {
		client.lost = 1
		mustLoad(t, w, job(r.manifest(t, plan, `{"userId":1}`)), warehouse.Result{Rows: 1})
	}
	if rows := warehousetest.Rows(t, w, app); len(rows) != 3 {
		t.Errorf("got %d rows", len(rows))
	}
}
