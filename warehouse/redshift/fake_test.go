package redshift

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// fake is an executor that a script answers for. It has a ledger, and a
// catalog with one table.
type fake struct {
	mu      sync.Mutex
	columns []warehouse.Column
	ledger  map[string]bool
	scripts []func(statements []statement) error // of the next transactions; then all go well
	ran     [][]statement
	alones  []string
	reads   []string
}

func newFake(columns ...warehouse.Column) *fake {
	return &fake{columns: columns, ledger: map[string]bool{}}
}

func texts(values ...string) row {
	var r row
	for _, v := range values {
		r = append(r, &v)
	}
	return r
}

func (f *fake) read(_ context.Context, query string) (rows []row, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads = append(f.reads, query)
	switch {
	case strings.Contains(query, "svv_tables"):
		for i := range 8 {
			rows = append(rows, texts(ledgerName+"_"+strconv.Itoa(i)))
		}
	case strings.Contains(query, catalogName) && f.columns != nil:
		rows = append(rows, texts("app.access", "-1", "", "app_access", "table", "2026-11-23 05:06:07.123456+00"))
		for i, c := range f.columns {
			rows = append(rows, texts("app.access", strconv.Itoa(i), c.Field, c.Name, c.Type.String(), "2026-11-23 05:06:07+00"))
		}
	case strings.Contains(query, "svv_columns"):
		for _, c := range f.columns {
			if c.Type == warehouse.Text {
				rows = append(rows, texts("app_access", c.Name, strconv.Itoa(int(c.MaxBytes))))
			}
		}
	case strings.Contains(query, `SELECT "manifest"`):
		for key := range f.ledger {
			if strings.Contains(query, literal(key)) {
				rows = append(rows, texts(key))
			}
		}
	}
	return rows, nil
}

func (f *fake) transact(_ context.Context, _ time.Duration, statements []statement) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ran = append(f.ran, statements)
	if len(f.scripts) > 0 {
		next := f.scripts[0]
		f.scripts = f.scripts[1:]
		return next(statements)
	}
	f.commit(statements)
	return nil
}

// commit does what a load does to the ledger.
func (f *fake) commit(statements []statement) {
	for _, key := range []string{"a/1.manifest", "a/2.manifest"} {
		if insert := statements[len(statements)-1].sql; strings.Contains(insert, "INSERT INTO") && strings.Contains(insert, literal(key)) {
			f.ledger[key] = true
		}
	}
}

func (f *fake) alone(_ context.Context, _ time.Duration, sql string) error {
	f.alones = append(f.alones, sql)
	return nil
}

func (f *fake) stream(context.Context, string, int64) (warehouse.Rows, error) {
	return nil, errors.New("the fake has no rows")
}

func (f *fake) close() {}

// openFake opens a warehouse on the fake, with an archive of two manifests.
func openFake(t *testing.T, f *fake, change func(*Options)) (*Warehouse, warehouse.Job) {
	t.Helper()
	o := Options{Host: "h", IAMRole: testRole, Backoff: time.Millisecond, Unchecked: true}
	if change != nil {
		change(&o)
	}
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w, err := open(t.Context(), f, newS3("archive"), newS3("scratch"), o)
	if err != nil {
		t.Fatal(err)
	}
	return w, warehouse.Job{Type: "app.access", Direct: true, Manifests: []warehouse.Manifest{
		{Key: "a/1.manifest", Plan: 1, Rows: 2, Bytes: 20, Files: []warehouse.File{{Key: "a/1.json.gz", Rows: 2}}},
		{Key: "a/2.manifest", Plan: 2, Rows: 1, Bytes: 10, Files: []warehouse.File{{Key: "a/2.json.gz", Rows: 1}}},
	}}
}

var number = warehouse.Column{Field: "userId", Name: "userid", Type: warehouse.BigInt}

func TestConflictsAreTriedAgain(t *testing.T) {
	f := newFake(number)
	conflict := func([]statement) error { return &conflictError{errors.New("1023")} }
	f.scripts = []func([]statement) error{conflict, conflict}
	w, job := openFake(t, f, nil)
	result, err := w.Load(t.Context(), job)
	if err != nil || result != (warehouse.Result{Rows: 3}) || len(f.ran) != 3 {
		t.Errorf("got %+v, %v after %d transactions", result, err, len(f.ran))
	}
}

func TestConflictsEndSomeTime(t *testing.T) {
	f := newFake(number)
	for range 20 {
		f.scripts = append(f.scripts, func([]statement) error { return &conflictError{errors.New("1023")} })
	}
	w, job := openFake(t, f, func(o *Options) { o.Retries = 3 })
	var conflict *conflictError
	if _, err := w.Load(t.Context(), job); !errors.As(err, &conflict) || len(f.ran) != 4 {
		t.Errorf("got %v after %d transactions, want the conflict after 4", err, len(f.ran))
	}
}

func TestLostCommitIsFoundInTheLedger(t *testing.T) {
	for _, committed := range []bool{true, false} {
		f := newFake(number)
		f.scripts = []func([]statement) error{func(s []statement) error {
			if committed {
				f.commit(s)
			}
			return &unknownError{errors.New("reset")}
		}}
		w, job := openFake(t, f, nil)
		result, err := w.Load(t.Context(), job)
		want := map[bool]int{true: 1, false: 2}[committed]
		if err != nil || result != (warehouse.Result{Rows: 3}) || len(f.ran) != want {
			t.Errorf("committed %t: got %+v, %v after %d transactions, want %d", committed, result, err, len(f.ran), want)
		}
	}
}

func TestGuardMakesTheLoadLookAgain(t *testing.T) {
	f := newFake(number)
	f.scripts = []func([]statement) error{func([]statement) error {
		f.ledger["a/1.manifest"] = true // another process was faster
		return &guardError{name: "ledger", got: "1", want: "0"}
	}}
	w, job := openFake(t, f, nil)
	result, err := w.Load(t.Context(), job)
	if err != nil || result != (warehouse.Result{Rows: 1, Skipped: 1}) {
		t.Errorf("got %+v, %v", result, err)
	}
	last := f.ran[len(f.ran)-1]
	if insert := last[len(last)-1].sql; strings.Contains(insert, "a/1.manifest") {
		t.Errorf("the ledger gets a member twice: %s", insert)
	}
}

func TestCatalogGuardMakesExtendLookAgain(t *testing.T) {
	f := newFake(number)
	more := warehouse.Column{Field: "b", Name: "b", Type: warehouse.Bool}
	f.scripts = []func([]statement) error{func([]statement) error {
		f.columns = append(f.columns, more) // another process was faster
		return &guardError{name: "catalog"}
	}}
	w, _ := openFake(t, f, nil)
	if err := w.Extend(t.Context(), "app.access", []warehouse.Column{more}); err != nil || len(f.ran) != 1 {
		t.Errorf("got %v after %d transactions", err, len(f.ran))
	}
}

func TestColumnsAreWidenedAndNeverShrink(t *testing.T) {
	f := newFake(warehouse.Column{Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: 256})
	w, _ := openFake(t, f, nil)
	for _, longest := range []uint32{10, 256, 300} {
		if err := w.Extend(t.Context(), "app.access", []warehouse.Column{{Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: longest}}); err != nil {
			t.Fatal(err)
		}
	}
	if want := `ALTER TABLE "public"."app_access" ALTER COLUMN "s" TYPE VARCHAR(1024)`; len(f.alones) != 1 || f.alones[0] != want {
		t.Errorf("got %q, want %q", f.alones, want)
	}
}

func TestNumberOfLedgersIsFixed(t *testing.T) {
	o, err := Options{Host: "h", IAMRole: "default", LedgerTables: 4}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t.Context(), newFake(), newS3("archive"), newS3("scratch"), o); err == nil || !strings.Contains(err.Error(), "has 8 ledger tables") {
		t.Errorf("got %v", err)
	}
}

func TestTableIsDescribed(t *testing.T) {
	w, _ := openFake(t, newFake(number), nil)
	table, err := w.Table(t.Context(), "app.access")
	if err != nil || table.Name != "app_access" || len(table.Columns) != 1 || table.Columns[0].Field != number.Field || table.Columns[0].Type != number.Type || table.Columns[0].Added.IsZero() {
		t.Errorf("got %+v, %v", table, err)
	}
	w, _ = openFake(t, newFake(), nil)
	if _, err := w.Table(t.Context(), "app.access"); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
