package redshift

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// manifest stores a file of lines and describes it.
func (r *rig) manifest(t *testing.T, plan int, lines ...string) warehouse.Manifest {
	t.Helper()
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	for i, line := range lines {
		rest := strings.TrimPrefix(line, "{")
		if rest != "}" {
			rest = "," + rest
		}
		if _, err := fmt.Fprintf(z, `{"_id":"%d.%d","_time":"2026-11-23T05:06:07.123456Z"%s`+"\n", plan, i, rest); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f := warehouse.File{
		Key: fmt.Sprintf("app.access/%d.json.gz", plan), Size: int64(stored.Len()), Rows: int64(len(lines)),
		CRC32C: crc32.Checksum(stored.Bytes(), crc32.MakeTable(crc32.Castagnoli)),
	}
	if err := r.archive.Put(t.Context(), f.Key, stored.Bytes()); err != nil {
		t.Fatal(err)
	}
	return warehouse.Manifest{Key: fmt.Sprintf("app.access/%d.manifest", plan), Plan: uint64(plan), Rows: f.Rows, Bytes: 100, Files: []warehouse.File{f}}
}

const app ikada.LogType = "app.access"

func job(manifests ...warehouse.Manifest) warehouse.Job {
	return warehouse.Job{Type: app, Direct: true, Manifests: manifests}
}

// loaded opens a warehouse with a table for userId and s.
func loaded(t *testing.T, r *rig) *Warehouse {
	t.Helper()
	w := r.open(t)
	t.Cleanup(func() { _ = w.Close() })
	columns := []warehouse.Column{
		{Field: "userId", Name: "userid", Type: warehouse.BigInt}, {Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: 10},
		{Field: "j", Name: "j", Type: warehouse.JSON},
	}
	if err := w.Extend(t.Context(), app, columns); err != nil {
		t.Fatal(err)
	}
	return w
}

func mustLoad(t *testing.T, w *Warehouse, j warehouse.Job, want warehouse.Result) {
	t.Helper()
	if result, err := w.Load(t.Context(), j); err != nil || result != want {
		t.Errorf("got %+v, %v; want %+v", result, err, want)
	}
}

// staged counts what is left of careful loads.
func (r *rig) staged(t *testing.T) (n int) {
	t.Helper()
	for _, err := range r.scratch.List(t.Context(), "redshift/staging/", "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func begins(text string) func(string) bool {
	return func(sql string) bool { return strings.HasPrefix(sql, text) }
}

func TestDirectLoadIsOneCopy(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	var log bytes.Buffer
	r.options.Log = logTo(&log)
	w := loaded(t, r)
	mustLoad(t, w, job(r.manifest(t, 1, `{"userId":1,"s":"a"}`, `{"userId":2,"j":[1]}`), r.manifest(t, 2, `{}`)), warehouse.Result{Rows: 3})
	rows := warehousetest.Rows(t, w, app)
	if len(rows) != 3 || rows[0]["userid"] != int64(1) || rows[0]["s"] != "a" || rows[0]["_time"] != time.Date(2026, 11, 23, 5, 6, 7, 123456000, time.UTC) {
		t.Errorf("got %v", rows)
	}
	if log.Len() > 0 {
		t.Errorf("it did not go straight: %s", &log)
	}
}

func TestFaultsChangeNothing(t *testing.T) {
	for name, fault := range map[string]redshiftstandin.Fault{
		"a conflict at COPY":                    {Match: begins("COPY"), Effect: redshiftstandin.Violation},
		"a conflict at COMMIT":                  {Match: begins("COMMIT"), Effect: redshiftstandin.Violation},
		"the connection is cut before COPY":     {Match: begins("COPY"), Effect: redshiftstandin.CutBefore},
		"the connection is cut behind COPY":     {Match: begins("COPY"), Effect: redshiftstandin.CutAfter},
		"the connection is cut before COMMIT":   {Match: begins("COMMIT"), Effect: redshiftstandin.CutBefore},
		"the answer to COMMIT is lost":          {Match: begins("COMMIT"), Effect: redshiftstandin.CutAfter},
		"a conflict at the ledger's rows":       {Match: begins("INSERT"), Effect: redshiftstandin.Violation},
		"the connection is cut before ROLLBACK": {Match: begins("LOCK"), Effect: redshiftstandin.CutBefore},
	} {
		for _, direct := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, direct %t", name, direct), func(t *testing.T) {
				r := newRig(t, nil, redshiftstandin.Options{})
				w := loaded(t, r)
				m := r.manifest(t, 1, `{"userId":1}`, `{"userId":2}`)
				r.server.Inject(fault)
				j := job(m)
				j.Direct = direct
				mustLoad(t, w, j, warehouse.Result{Rows: 2})
				if n := r.server.Pending(); n != 0 {
					t.Errorf("%d faults did not strike", n)
				}
				if rows := warehousetest.Rows(t, w, app); len(rows) != 2 {
					t.Errorf("got %d rows", len(rows))
				}
				mustLoad(t, w, j, warehouse.Result{Skipped: 1})
				if n := r.staged(t); n != 0 {
					t.Errorf("%d staged objects are left", n)
				}
			})
		}
	}
}

func TestExtendOutlivesFaults(t *testing.T) {
	for _, effect := range []redshiftstandin.Effect{redshiftstandin.Violation, redshiftstandin.CutBefore, redshiftstandin.CutAfter} {
		r := newRig(t, nil, redshiftstandin.Options{})
		r.server.Inject(redshiftstandin.Fault{Match: begins("COMMIT"), Effect: effect}, redshiftstandin.Fault{Match: begins("CREATE TABLE \"public\""), Effect: effect})
		w := loaded(t, r)
		if table, err := w.Table(t.Context(), app); err != nil || len(table.Columns) != 3 || r.server.Pending() != 0 {
			t.Errorf("effect %d: got %+v, %v", effect, table, err)
		}
	}
}

func TestProcessesLoadAndExtendTogether(t *testing.T) {
	for _, isolation := range []redshiftstandin.Isolation{redshiftstandin.Serializable, redshiftstandin.Snapshot} {
		r := newRig(t, nil, redshiftstandin.Options{Isolation: isolation})
		// On a busy machine the ledger takes longer to make than six tries with the
		// other tests' pauses.
		r.options.Backoff = 50 * time.Millisecond
		together(t, r)
	}
}

func together(t *testing.T, r *rig) {
	t.Helper()
	var manifests []warehouse.Manifest
	for plan := range 4 {
		manifests = append(manifests, r.manifest(t, plan, `{"userId":1}`))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			w := r.open(t) // all at once: one of them makes the ledger
			defer func() { _ = w.Close() }()
			if err := w.Extend(context.Background(), app, []warehouse.Column{{Field: "userId", Name: "userid", Type: warehouse.BigInt}}); err != nil {
				t.Error(err)
			}
			if _, err := w.Load(context.Background(), job(manifests...)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w := r.open(t)
	defer func() { _ = w.Close() }()
	table, err := w.Table(t.Context(), app)
	if rows := warehousetest.Rows(t, w, app); err != nil || len(rows) != 4 || table.Rows != 4 || len(table.Columns) != 1 {
		t.Errorf("got %d rows, %+v, %v", len(rows), table, err)
	}
}

func TestRefusedRowIsNamed(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	db, ok := w.db.(*wire)
	if !ok {
		t.Fatal("no wire")
	}
	m := r.manifest(t, 1, `{"userId":1}`, `{"userId":"x"}`)
	l := &loading{w: w, job: job(m), state: w.state(app), manifests: []warehouse.Manifest{m}, files: m.Files, expected: 2}
	var err error
	if l.table, err = w.describe(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	copies, err := l.copyDirect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = l.explain(db.transact(t.Context(), time.Minute, l.transaction(copies)))
	var refused *warehouse.LoadError
	if !errors.As(err, &refused) || refused.File != m.Files[0].Key || refused.Line != 2 || refused.Column != "userid" || !strings.Contains(refused.Reason, "digit") {
		t.Errorf("got %#v", err)
	}
	mustLoad(t, w, job(m), warehouse.Result{Rows: 2, Rest: 1}) // by the careful way
}

// The guards that fail by themselves, for transactions that can't look.
func TestGuardsFailByThemselves(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	mustLoad(t, w, job(r.manifest(t, 1, `{"userId":1}`)), warehouse.Result{Rows: 1})
	conn, err := pgx.Connect(t.Context(), r.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for want, passes := range map[int64]bool{0: false, 1: true} {
		g := guard{name: "ledger", expr: "count(*)", from: "FROM " + w.names.ledger(app) + members(app, []string{"app.access/1.manifest", "x"}), want: want}
		_, err := ask(t.Context(), conn.PgConn(), g.failing())
		if passes != (err == nil) {
			t.Errorf("want %d: got %v", want, err)
		}
	}
}

func TestTextGrows(t *testing.T) {
	for _, api := range []bool{false, true} {
		r := newRig(t, nil, redshiftstandin.Options{})
		if api {
			r.overAPI(t)
		}
		textGrows(t, r)
	}
}

func textGrows(t *testing.T, r *rig) {
	t.Helper()
	w := loaded(t, r)
	long := strings.Repeat("あ", 100)
	mustLoad(t, w, job(r.manifest(t, 1, `{"s":"`+long+`"}`)), warehouse.Result{Rows: 1, Rest: 1})
	if err := w.Extend(t.Context(), app, []warehouse.Column{{Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: 300}}); err != nil {
		t.Fatal(err)
	}
	if table, err := w.Table(t.Context(), app); err != nil || table.Columns[1].MaxBytes != 1024 {
		t.Errorf("got %+v, %v", table, err)
	}
	mustLoad(t, w, job(r.manifest(t, 2, `{"s":"`+long+`"}`)), warehouse.Result{Rows: 1})
	rows := warehousetest.Rows(t, w, app)
	if rest, ok := rows[0]["_rest"].(map[string]any); !ok || rest["s"] != long || rows[1]["s"] != long {
		t.Errorf("got %v", rows)
	}
}

func TestOwnManifestIsUsed(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	r.options.Manifests = r.manifests
	w := loaded(t, r)
	m := r.manifest(t, 1, `{"userId":1}`)
	data := fmt.Sprintf(`{"entries":[{"url":%q,"mandatory":true,"meta":{"content_length":%d}}],"ikada":{"version":1}}`, r.archive.URL(m.Files[0].Key), m.Files[0].Size)
	if err := r.manifests.Create(t.Context(), m.Key, []byte(data)); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, w, job(m), warehouse.Result{Rows: 1})
	for info, err := range r.scratch.List(t.Context(), "redshift/manifests/", "") {
		t.Errorf("%s was written, %v", info.Key, err)
	}
}

func TestExtendWaitsNoLongerThanItMay(t *testing.T) {
	for _, api := range []bool{false, true} {
		r := newRig(t, nil, redshiftstandin.Options{})
		if api {
			r.overAPI(t)
		}
		r.options.LockTimeout = 300 * time.Millisecond
		w := loaded(t, r)
		conn, err := pgx.Connect(t.Context(), r.server.URL())
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{"BEGIN", "SELECT count(*) FROM app_access"} { // a reader of the table, who takes his time
			if _, err := ask(t.Context(), conn.PgConn(), sql); err != nil {
				t.Fatal(err)
			}
		}
		add := []warehouse.Column{{Field: "b", Name: "b", Type: warehouse.Bool}}
		begin := time.Now()
		if err := w.Extend(t.Context(), app, add); err == nil || time.Since(begin) > 10*time.Second {
			t.Errorf("API %t: got %v after %v", api, err, time.Since(begin))
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Extend(t.Context(), app, add); err != nil {
			t.Errorf("API %t, then: %v", api, err)
		}
	}
}
