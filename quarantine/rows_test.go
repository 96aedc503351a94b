package quarantine_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/jackc/pgx/v5"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/quarantine"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/replay"
	"github.com/ikada-io/ikada/warehouse/duckdb"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

const of ikada.LogType = "app.access"

// world is a pipeline in memory over a real warehouse, whose tables somebody
// may change.
type world struct {
	*pipetest.World
	change func(sql ...string)
	fresh  func() // takes an empty warehouse
	// retype are the statements that give column n of the table another type.
	retype func(kind string) []string
}

func (w *world) store() quarantine.Store {
	return quarantine.Store{Warehouse: w.Warehouse, Marks: w.Buffer, Archive: w.View}
}

func onDuckDB(t *testing.T) *world {
	w := &world{World: pipetest.New(t)}
	path := t.TempDir() + "/warehouse"
	open := func() {
		db, err := duckdb.Open(t.Context(), path, w.View, duckdb.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		w.Check(err)
		w.Warehouse = db
	}
	open()
	t.Cleanup(func() { w.Check(w.Warehouse.Close()) })
	w.fresh = func() {
		w.Check(w.Warehouse.Close())
		path += "2"
		open()
	}
	w.change = func(statements ...string) {
		t.Helper()
		w.Check(w.Warehouse.Close())
		db, err := sql.Open("duckdb", path)
		w.Check(err)
		for _, s := range statements {
			_, err := db.Exec(s)
			w.Check(err)
		}
		w.Check(db.Close())
		open()
	}
	w.retype = func(kind string) []string { return []string{"ALTER TABLE app_access ALTER n TYPE " + kind} }
	return w
}

// s3 is a bucket in memory that is named as one of S3.
type s3 struct {
	bucket.Bucket
	name string
}

func (b s3) URL(key string) string { return "s3://" + b.name + "/" + key }

// objects gives the stand-in what is in the buckets.
type objects []s3

func (o objects) Get(ctx context.Context, url string) ([]byte, error) {
	for _, b := range o {
		if key, ok := strings.CutPrefix(url, "s3://"+b.name+"/"); ok {
			return b.Get(ctx, key, 0, -1, nil)
		}
	}
	return nil, fs.ErrNotExist
}

func onRedshift(t *testing.T) *world {
	w := &world{World: pipetest.New(t)}
	stored, scratch := s3{mem.New(), "archive"}, s3{mem.New(), "scratch"}
	w.Archive, w.View = stored, archive.NewView(stored)
	server, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{stored, scratch}})
	w.Check(err)
	db, err := redshift.Open(t.Context(), w.View, scratch, redshift.Options{
		DSN: redshift.NewPassword(server.URL()), IAMRole: "default", Backoff: 5 * time.Millisecond, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	w.Check(err)
	w.Warehouse = db
	t.Cleanup(func() {
		w.Check(db.Close())
		w.Check(server.Close())
	})
	w.change = func(statements ...string) {
		t.Helper()
		config, err := pgx.ParseConfig(server.URL())
		w.Check(err)
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		c, err := pgx.ConnectConfig(t.Context(), config)
		w.Check(err)
		defer func() { w.Check(c.Close(t.Context())) }()
		for _, s := range statements {
			_, err := c.Exec(t.Context(), s)
			w.Check(err)
		}
	}
	w.retype = func(kind string) []string {
		return []string{
			"ALTER TABLE public.app_access RENAME TO app_access_old",
			`CREATE TABLE public.app_access ("_id" VARCHAR(64), "_time" TIMESTAMPTZ, "_hour" TIMESTAMPTZ, "_dup" VARCHAR(64), "_rest" SUPER, "time" TIMESTAMPTZ, "n" ` + kind + `, "s" VARCHAR(65535))`,
			`INSERT INTO public.app_access (_id, _time, _hour, _dup, _rest, "time", n, s) SELECT _id, _time, _hour, _dup, _rest, "time", n, s FROM public.app_access_old`,
			"DROP TABLE public.app_access_old",
		}
	}
	return w
}

// holds makes a deep audit, and wants that many rows in the table, and in the
// quarantine by the ledger.
func (w *world) holds(name string, loaded, quarantined int64) {
	w.T.Helper()
	report, err := audit.Run(context.Background(), audit.Sources{Buffer: w.Buffer, Archive: w.Archive, Manifests: w.Manifests, Warehouse: w.Warehouse},
		audit.Options{Deep: true, Now: func() time.Time { return pipetest.Arrival.Add(time.Hour) }})
	w.Check(err)
	if !report.Holds {
		w.T.Errorf("%s: the audit finds %+v", name, report.Gaps)
	}
	for _, c := range report.Types {
		if c.Type == of && (c.Loaded != loaded || c.Quarantined != quarantined || c.Table == nil || c.Table.Rows != loaded) {
			w.T.Errorf("%s: got %+v with table %+v; want %d rows loaded, %d in quarantine", name, c, c.Table, loaded, quarantined)
		}
	}
}

func (w *world) list(want int) []quarantine.Record {
	w.T.Helper()
	found, err := w.store().List(context.Background(), quarantine.Filter{Type: string(of), Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)})
	if err != nil || len(found) != want {
		w.T.Fatalf("the quarantine has %+v, %v; want %d", found, err, want)
	}
	return found
}

func (w *world) retry(name string, r quarantine.Retry, putBack, stillBad, refused int64) {
	w.T.Helper()
	got, err := w.store().Retry(context.Background(), r, func(int64, int64) {})
	if err != nil || got.PutBack != putBack || got.StillBad != stillBad || got.Refused != refused {
		w.T.Errorf("%s: got %+v, %v; want %d put back, %d bad, %d refused", name, got, err, putBack, stillBad, refused)
	}
}

func (w *world) replay(want int64) {
	w.T.Helper()
	r := replay.Replayer{Archive: w.View, Manifests: w.Manifests, Warehouse: w.Warehouse}
	hour := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	report, err := r.Run(context.Background(), replay.Request{Type: of, From: hour, To: hour.Add(time.Hour)}, func(int64, int64) {})
	if err != nil || report.PutBack != want {
		w.T.Errorf("replay: got %+v, %v; want %d rows put back", report, err, want)
	}
}

// TestRowsOfALoadAreFoundAndPutBack is what an operator does: somebody has
// changed a table, rows are refused, the change is undone.
func TestRowsOfALoadAreFoundAndPutBack(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{"DuckDB": onDuckDB, "Redshift": onRedshift} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			w.Send(of, `{"time":"2026-11-20T06:00:00Z","n":1,"s":"`+strings.Repeat("x", 30_000)+`"}`, `{"time":"2026-11-20T07:00:00Z","n":2,"s":"ü"}`)
			w.Load()
			w.holds("loaded", 2, 0)
			w.change(w.retype("SMALLINT")...)
			long := `it's \ "` + strings.Repeat("長", 18_000)
			w.Send(of, `{"time":"2026-11-20T06:01:00Z","n":40000,"s":"a"}`, `{"time":"2026-11-20T06:02:00Z","n":3,"s":"b"}`, `{"time":"2026-11-20T07:03:00Z","n":50000,"s":"c"}`)
			w.Send(of, fmt.Sprintf(`{"time":"2026-11-20T07:04:00Z","n":60000,"s":%q}`, long), `{"time":"2026-11-20T06:05:00Z","n":70000}`)
			w.Load()
			w.holds("refused", 3, 4)
			found := w.list(4)
			for _, r := range found {
				whole, err := w.store().Get(t.Context(), r.ID)
				if err != nil || r.File == "" || r.Line < 1 || r.Column != "n" || r.Row == "" || r.Origin != "load" || !strings.Contains(string(whole.Data), `"_id":"`+r.Row) || !strings.HasSuffix(string(whole.Data), "}") || r.Bytes != int64(len(whole.Data)) {
					t.Errorf("got %+v, %v, with %d bytes", r, err, len(whole.Data))
				}
			}
			all := quarantine.Retry{Filter: quarantine.Filter{Type: string(of)}}
			w.retry("without a fix", all, 0, 0, 4)
			w.holds("without a fix", 3, 4)
			dry := all
			dry.Try = true
			w.retry("a dry run", dry, 0, 0, 4)
			w.retry("as another type", quarantine.Retry{Filter: all.Filter, As: "other"}, 0, 4, 0)
			w.list(4)
			w.change(w.retype("BIGINT")...)
			w.holds("mended", 3, 4)
			for _, r := range found {
				if strings.Contains(r.File, "hh=07") && r.Bytes < 50_000 { // a short one of the other hour
					w.retry("one", quarantine.Retry{IDs: []string{r.ID}}, 1, 0, 0)
				}
			}
			w.holds("one", 4, 3)
			w.list(3)
			w.replay(2)
			w.holds("replayed", 6, 1)
			w.list(1)
			w.retry("the rest", all, 1, 0, 0)
			w.holds("all", 7, 0)
			w.retry("again", all, 0, 0, 0)
			w.replay(0)
			w.holds("again", 7, 0)
			w.list(0)
		})
	}
}

// TestRowsOfCompactedFilesArePutBack: a replay without a fix gives the rows the
// names of their own files.
func TestRowsOfCompactedFilesArePutBack(t *testing.T) {
	w := namedByParts(t)
	w.replay(0)
	w.holds("replayed without a fix", 8, 4)
	again := w.list(4) // by the names of their own files now
	w.change(w.retype("BIGINT")...)
	w.retry("one", quarantine.Retry{IDs: []string{again[0].ID}}, 1, 0, 0)
	w.holds("one", 9, 3)
	w.replay(3)
	w.holds("replayed", 12, 0)
	w.list(0)
}

// TestRetriesThatAreCutOff: whatever became of a retry, the next one ends well.
func TestRetriesThatAreCutOff(t *testing.T) {
	for _, outcome := range []fault.Outcome{fault.FailBefore, fault.FailAfter, fault.CrashBefore, fault.CrashAfter} {
		w := onDuckDB(t)
		w.Send(of, `{"time":"2026-11-20T06:00:00Z","n":1}`)
		w.Load()
		w.change(w.retype("SMALLINT")...)
		w.Send(of, `{"time":"2026-11-20T06:01:00Z","n":40000}`, `{"time":"2026-11-20T06:02:00Z","n":50000}`)
		w.Load()
		w.change(w.retype("BIGINT")...)
		inner := w.Warehouse
		w.Warehouse = fault.New(inner, func(c fault.Call) fault.Outcome {
			if c.Op == "PutBack" {
				return outcome
			}
			return fault.Pass
		})
		all := quarantine.Retry{Filter: quarantine.Filter{Type: string(of)}}
		if got, err := w.store().Retry(t.Context(), all, func(int64, int64) {}); err == nil {
			t.Errorf("outcome %d: got %+v", outcome, got)
		}
		w.Warehouse = inner
		if _, err := w.store().Retry(t.Context(), all, func(int64, int64) {}); err != nil {
			t.Errorf("outcome %d: %v", outcome, err)
		}
		w.holds(fmt.Sprint("outcome ", outcome), 3, 0)
		w.list(0)
	}
}

// TestTheAuditCountsTheQuarantine: what is there is what the ledger says.
func TestTheAuditCountsTheQuarantine(t *testing.T) {
	w := onDuckDB(t)
	w.Send(of, `{"time":"2026-11-20T06:00:00Z","n":1}`)
	w.Load()
	w.change(w.retype("SMALLINT")...)
	w.Send(of, `{"time":"2026-11-20T06:01:00Z","n":40000}`, `{"time":"2026-11-20T06:02:00Z","n":50000}`)
	w.Load()
	w.holds("refused", 1, 2)
	gap := func(name string, kind audit.Kind, rows int64) {
		t.Helper()
		report, err := audit.Run(t.Context(), audit.Sources{Buffer: w.Buffer, Archive: w.Archive, Manifests: w.Manifests, Warehouse: w.Warehouse},
			audit.Options{Deep: true, Now: func() time.Time { return pipetest.Arrival.Add(time.Hour) }})
		w.Check(err)
		if len(report.Gaps) != 1 || report.Gaps[0].Kind != kind || report.Gaps[0].Rows != rows || report.Gaps[0].Type != of {
			t.Errorf("%s: got %+v, want %d rows of kind %q", name, report.Gaps, rows, kind)
		}
	}
	w.change("INSERT INTO _quarantine SELECT * REPLACE (_id || 'x' AS _id) FROM _quarantine LIMIT 1")
	gap("one too many", audit.RowsUnknown, 1)
	w.change("DELETE FROM _quarantine")
	gap("none", audit.RowsMissing, 2)
	w.replay(0) // as the remedy says
	w.holds("set aside again", 1, 2)
	w.list(2)
}
