package redshift

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// copies counts the COPYs that a server is given.
func copies(server *redshiftstandin.Server) *atomic.Int64 {
	n := new(atomic.Int64)
	server.Inject(redshiftstandin.Fault{Match: func(sql string) bool {
		if strings.HasPrefix(sql, "COPY ") {
			n.Add(1)
		}
		return false
	}})
	return n
}

// someBad makes rows of which one in every is refused by a narrowed column.
func someBad(n, every int) (lines []string, bad int64) {
	for i := range n {
		value := i % 1000
		if every > 0 && i%every == every/2 {
			value = 40_000
			bad++
		}
		lines = append(lines, fmt.Sprintf(`{"userId":%d,"s":"%d"}`, value, i))
	}
	return lines, bad
}

// However many rows are bad: COPY refuses, tells of all, and loads the rest.
func TestManyBadRowsTakeAFewCopies(t *testing.T) {
	for _, every := range []int{2000, 10, 1} {
		r := newRig(t, nil, redshiftstandin.Options{})
		w := loaded(t, r)
		retype("SMALLINT")(t, w, app, "userid")
		lines, bad := someBad(2000, every)
		m := r.manifest(t, 1, lines...)
		n := copies(r.server)
		j := job(m)
		j.Direct = false
		mustLoad(t, w, j, warehouse.Result{Rows: 2000 - bad, Quarantined: bad})
		// Refused, asked, done, and the quarantine's own.
		if got := n.Load(); got > 4 {
			t.Errorf("one in %d bad: %d COPYs", every, got)
		}
		if left := r.staged(t); left != 0 {
			t.Errorf("%d staged files are left", left)
		}
	}
}

// Where Redshift does not tell, parts are tried.
func TestBadRowsAreFoundWithoutARowOfDetail(t *testing.T) {
	for _, api := range []bool{false, true} {
		r := newRig(t, nil, redshiftstandin.Options{HideLoadErrors: true})
		if api {
			r.overAPI(t)
		}
		w := loaded(t, r)
		retype("SMALLINT")(t, w, app, "userid")
		lines, bad := someBad(1024, 1024)
		m := r.manifest(t, 1, lines...)
		n := copies(r.server)
		mustLoad(t, w, job(m), warehouse.Result{Rows: 1024 - bad, Quarantined: bad})
		if got := n.Load(); got > 2*10+8 {
			t.Errorf("API %t: %d COPYs for one bad row of 1024", api, got)
		}
		rows := warehousetest.Rows(t, w, ikada.Quarantine)
		if len(rows) != 1 || rows[0]["file"] != m.Files[0].Key || rows[0]["line"] != int64(513) || !strings.Contains(fmt.Sprint(rows[0]["reason"]), "failed") {
			t.Errorf("API %t: the quarantine has %v", api, rows)
		}
	}
}

// What COPY is refused for without its rows being to blame sets no row aside.
func TestTroubleOfAnotherKindSetsNothingAside(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	m := r.manifest(t, 1, `{"userId":1}`)
	if err := w.db.alone(t.Context(), w.opts.LoadTimeout, "DROP TABLE "+w.names.of(app.TableName())); err != nil {
		t.Fatal(err)
	}
	n := copies(r.server)
	if result, err := w.Load(t.Context(), job(m)); err == nil || result != (warehouse.Result{}) {
		t.Errorf("got %+v, %v", result, err)
	}
	if got := n.Load(); got > 2 {
		t.Errorf("%d COPYs", got)
	}
	if _, err := w.Table(t.Context(), ikada.Quarantine); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("the quarantine was made: %v", err)
	}
}

// A COMMIT whose answer is lost has set rows aside once.
func TestALostCommitSetsAsideOnce(t *testing.T) {
	for _, effect := range []redshiftstandin.Effect{redshiftstandin.CutAfter, redshiftstandin.CutBefore} {
		r := newRig(t, nil, redshiftstandin.Options{})
		w := loaded(t, r)
		retype("SMALLINT")(t, w, app, "userid")
		lines, bad := someBad(20, 5)
		m := r.manifest(t, 1, lines...)
		filled := new(atomic.Bool)
		r.server.Inject(redshiftstandin.Fault{Effect: effect, Match: func(sql string) bool {
			if strings.HasPrefix(sql, "INSERT INTO") && strings.Contains(sql, ledgerName) {
				filled.Store(true)
			}
			return filled.Load() && strings.HasPrefix(sql, "COMMIT")
		}})
		mustLoad(t, w, job(m), warehouse.Result{Rows: 20 - bad, Quarantined: bad})
		if got := len(warehousetest.Rows(t, w, ikada.Quarantine)); int64(got) != bad {
			t.Errorf("the quarantine has %d rows, want %d", got, bad)
		}
		if r.server.Pending() != 0 {
			t.Error("the fault did not strike")
		}
	}
}

// The ledger adds up.
func TestTheLedgerCountsWhatIsSetAside(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	m := r.manifest(t, 1, `{"userId":1}`, `{"userId":`, `{"userId":3}`)
	mustLoad(t, w, job(m), warehouse.Result{Rows: 2, Quarantined: 1})
	rows, err := w.db.read(t.Context(), `SELECT "row_count", "quarantined", "direct" FROM `+w.names.ledger(app))
	if err != nil || len(rows) != 1 || rows[0].text(0) != "2" || rows[0].text(1) != "1" || rows[0].text(2) != "f" {
		t.Errorf("got %v, %v", rows, err)
	}
}

// Integers beyond 64 bits, which SUPER may not keep, load carefully.
func TestLargeIntegersInJSONKeepTheirDigits(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	j := job(r.manifest(t, 1, `{"j":{"a":[18446744073709551616]}}`))
	j.BigInts = true
	mustLoad(t, w, j, warehouse.Result{Rows: 1})
	rows, err := w.db.read(t.Context(), `SELECT "j" FROM `+w.names.of(app.TableName()))
	if err != nil || len(rows) != 1 || rows[0].text(0) != `{"_ikada_json":["{\"a\":[18446744073709551616]}"]}` {
		t.Errorf("got %v, %v", rows[0].text(0), err)
	}
	if got := fmt.Sprint(warehousetest.Rows(t, w, app)[0]["j"]); got != "map[a:[18446744073709551616]]" {
		t.Errorf("got %s", got)
	}
}

// BenchmarkRescue loads rows of which some are refused, from a stand-in that
// tells of them; the COPYs that it takes are what counts.
func BenchmarkRescue(b *testing.B) {
	const rows = 1_000_000
	for _, c := range []struct {
		name string
		bad  func(i int) bool
		n    int64
	}{
		{"none", func(int) bool { return false }, 0},
		{"1", func(i int) bool { return i == 765_432 }, 1},
		{"1000", func(i int) bool { return i%1000 == 777 }, 1000},
		{"all", func(int) bool { return true }, rows},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, nil, redshiftstandin.Options{})
			job := warehousetest.GenerateBad(b, r.archive, "app", rows, 4, c.bad)
			for b.Loop() {
				w := r.open(b)
				if err := w.Extend(b.Context(), job.Type, warehousetest.BadColumns); err != nil {
					b.Fatal(err)
				}
				retype("SMALLINT")(b, w, job.Type, "n")
				n := copies(r.server)
				result, err := w.Load(b.Context(), job)
				if want := (warehouse.Result{Rows: rows - c.n, Quarantined: c.n}); err != nil || result != want {
					b.Fatalf("got %+v, %v; want %+v", result, err, want)
				}
				b.ReportMetric(float64(n.Load()), "COPYs")
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
