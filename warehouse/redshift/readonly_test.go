package redshift

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
)

func TestOnlyReads(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1", " select 1 ; ", "-- a\nWITH a AS (SELECT 1) SELECT * FROM a", "/* ; */ SELECT ';' AS \";\"", "SHOW search_path", "EXPLAIN DELETE FROM t",
		"SELECT 'it''s; ok'", `SELECT '\\' AS "into"`, "SELECT 1 -- ; x", "(SELECT 1)",
	} {
		if _, err := onlyReads(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"", ";", "DROP TABLE t", "SELECT 1; DROP TABLE t", "SELECT 1;;SELECT 2", "SELECT * INTO x FROM t", "select a/**/into x from t", "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
		`SELECT '\'; DROP TABLE t; --'`, `SELECT '\\'; DROP TABLE t`, "SELECT 1 /* /* */ ; DROP TABLE t; /* */ */", "SELECT $$; DROP TABLE t; $$", "SELECT $1",
		"COPY t FROM 's3://b/k'", "UNLOAD ('SELECT 1') TO 's3://b/'", "CALL p()", "COMMIT", "BEGIN", "FETCH ALL FROM ikada_query", "CLOSE ikada_query", "SET a TO b", "TRUNCATE t", "SELECT 'a", "SELECT 1 /*", "SELECT 1\x00; DROP TABLE t",
		"VACUUM", "LOCK t", "ANALYZE t", "GRANT ALL ON t TO u", "EXECUTE p", "PREPARE p AS DELETE FROM t", "REFRESH MATERIALIZED VIEW v",
	} {
		if got, err := onlyReads(sql); err == nil {
			t.Errorf("%q is let through as %q", sql, got)
		}
	}
}

func TestQueriesStreamAndStop(t *testing.T) {
	r := newRig(t, nil, redshiftstandin.Options{})
	w := loaded(t, r)
	lines := make([]string, 2500)
	for i := range lines {
		lines[i] = `{"userId":1}`
	}
	mustLoad(t, w, job(r.manifest(t, 1, lines...)), warehouse.Result{Rows: 2500})
	for limit, want := range map[int64]int{0: 2500, 1000: 1000, 1001: 1001, 2000: 2000, 9000: 2500} {
		rows, err := w.Query(t.Context(), "SELECT userid, _id FROM app_access;", limit)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			_, err = rows.Next()
		}
		if n-1 != want {
			t.Errorf("limit %d: got %d rows, want %d, and %v", limit, n-1, want, err)
		}
		if err := errors.Join(rows.Close(), rows.Close()); err != nil {
			t.Error(err)
		}
	}
	rows, err := w.Query(t.Context(), "SHOW search_path", 0)
	if err != nil {
		t.Fatal(err)
	}
	if values, err := rows.Next(); err != nil || values[0] != "public" {
		t.Errorf("got %v, %v", values, err)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		oid  uint32
		text string
		want any
	}{
		{oidBool, "t", true}, {oidInt2, "-5", int64(-5)}, {oidFloat8, "1.5", 1.5}, {1043, "x", "x"}, {oidTimestamptz, "infinity", "infinity"},
		{oidTimestamptz, "2026-01-02 03:04:05.5+05:30", time.Date(2026, 1, 1, 21, 34, 5, 5e8, time.UTC)}, {1082, "2026-01-02", "2026-01-02"}, {1114, "2026-01-02 03:04:05", "2026-01-02 03:04:05"},
		{oidNumeric, "1.10", json.Number("1.10")},
	} {
		if got, err := value(test.oid, test.text); err != nil || got != test.want {
			t.Errorf("%d %s: got %v, %v", test.oid, test.text, got, err)
		}
	}
}
