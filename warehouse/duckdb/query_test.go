package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

func openEmpty(t *testing.T) (*Warehouse, string) {
	t.Helper()
	archive := t.TempDir()
	w, err := Open(t.Context(), t.TempDir()+"/warehouse.db", openArchive(t, archive), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, archive
}

func read(t *testing.T, w *Warehouse, query string) (names []string, all [][]any) {
	t.Helper()
	rows, err := w.Query(t.Context(), query, 0)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		all = append(all, row)
	}
	if err := errors.Join(rows.Close(), rows.Close()); err != nil {
		t.Errorf("%s: close: %v", query, err)
	}
	return rows.Columns(), all
}

func TestQueryLimitKeepsOrderAndNames(t *testing.T) {
	w, _ := openEmpty(t)
	for query, want := range map[string]string{
		"SELECT i, i AS i, 'x' AS \"a b\" FROM range(500000) r(i) ORDER BY i DESC":            "[i i a b] [[499999 499999 x] [499998 499998 x] [499997 499997 x]]",
		"FROM (VALUES (1), (2), (3), (4)) v(a) ORDER BY a LIMIT 2 -- few":                     "[a] [[1] [2]]",
		"WITH v AS (SELECT {'k': [i]} AS s FROM range(9) r(i)) SELECT s FROM v ORDER BY s.k;": `[s] [[map[k:[0]]] [map[k:[1]]] [map[k:[2]]]]`,
		"DESCRIBE SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d":                                      "[column_name column_type null key default extra] [[a INTEGER YES <nil> <nil> <nil>] [b INTEGER YES <nil> <nil> <nil>] [c INTEGER YES <nil> <nil> <nil>]]",
	} {
		rows, err := w.Query(t.Context(), query, 3)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var all [][]any
		for {
			row, err := rows.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			all = append(all, row)
		}
		if got := fmt.Sprint(rows.Columns(), " ", all); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestQueryValues(t *testing.T) {
	w, _ := openEmpty(t)
	number := func(s string) json.Number { return json.Number(s) }
	tests := []struct {
		sql  string
		want any
	}{
		{`SELECT NULL`, nil},
		{`SELECT true`, true},
		{`SELECT 1`, int64(1)},
		{`SELECT 1::UTINYINT`, int64(1)},
		{`SELECT 18446744073709551615::UBIGINT`, number("18446744073709551615")},
		{`SELECT 170141183460469231731687303715884105727`, number("170141183460469231731687303715884105727")},
		{`SELECT sum(1)`, number("1")},
		{`SELECT 1.25`, number("1.25")},
		{`SELECT 1.5::DOUBLE`, 1.5},
		{`SELECT 'a'`, "a"},
		{`SELECT '{"a":1e400,"b":[0.1234567890123456789]}'::JSON`, map[string]any{"a": number("1e400"), "b": []any{number("0.1234567890123456789")}}},
		{`SELECT '"1"'::JSON`, "1"},
		{`SELECT ['1e400'::JSON]`, []any{number("1e400")}},
		{`SELECT {'a': [1, NULL], 'b': 170141183460469231731687303715884105727}`, map[string]any{
			"a": []any{number("1"), nil}, "b": number("170141183460469231731687303715884105727"),
		}},
		{`SELECT MAP {'k': 1}`, map[string]any{"k": number("1")}},
		{`SELECT [1, 2]::INTEGER[2]`, []any{number("1"), number("2")}},
		{`SELECT '\x00\xFF'::BLOB`, "AP8="},
		{`SELECT TIMESTAMPTZ '2026-01-02 03:04:05.123456+09:00'`, time.Date(2026, 1, 1, 18, 4, 5, 123456000, time.UTC)},
		{`SELECT DATE '2026-01-02'`, "2026-01-02"},
		{`SELECT TIMESTAMP '2026-01-02 03:04:05.5'`, "2026-01-02 03:04:05.5"},
		{`SELECT TIMESTAMP_NS '2026-01-02 03:04:05.123456789'`, "2026-01-02 03:04:05.123456789"},
		{`SELECT TIMESTAMP_S '2026-01-02 03:04:05'`, "2026-01-02 03:04:05"},
		{`SELECT TIME '03:04:05'`, "03:04:05"},
		{`SELECT INTERVAL 3 DAY`, "3 days"},
		{`SELECT '00000000-0000-0000-0000-000000000001'::UUID`, "00000000-0000-0000-0000-000000000001"},
		{`SELECT 'x'::ENUM('x', 'y')`, "x"},
		{"SELECT '{}'::JSON -- a comment", map[string]any{}},
		{"SELECT '{}'::JSON ; \n", map[string]any{}},
		{`FROM (VALUES (7))`, int64(7)},
		{`WITH x AS (SELECT 8 AS a) SELECT a FROM x`, int64(8)},
		{`SELECT current_setting('TimeZone')`, "UTC"},
	}
	for _, test := range tests {
		if _, rows := read(t, w, test.sql); len(rows) != 1 || len(rows[0]) != 1 || !reflect.DeepEqual(rows[0][0], test.want) {
			t.Errorf("%s: got %#v, want %#v", test.sql, rows, test.want)
		}
	}
}

func TestQueryKeepsNamesAndOrder(t *testing.T) {
	w, _ := openEmpty(t)
	names, rows := read(t, w, `SELECT i AS "json:i", '[1]'::JSON AS j, i AS "a""b", 1 AS j FROM range(100000) r(i) ORDER BY i DESC`)
	if want := []string{"json:i", "j", `a"b`, "j"}; !reflect.DeepEqual(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	for i, row := range rows {
		if row[0] != int64(99_999-i) {
			t.Fatalf("row %d: got %v", i, row)
		}
	}
	for _, sql := range []string{`SHOW TABLES`, `DESCRIBE SELECT 1`, `EXPLAIN SELECT 1`, `EXPLAIN ANALYZE SELECT '{}'::JSON`, `SUMMARIZE SELECT 1 AS a`, `SELECT 1 WHERE false`} {
		read(t, w, sql)
	}
}

func TestQueryRefusesWhatDoesNotRead(t *testing.T) {
	w, archive := openEmpty(t)
	if err := w.Extend(t.Context(), "t", []warehouse.Column{{Field: "a", Name: "a", Type: warehouse.BigInt}}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO t (a) VALUES (1)`, `UPDATE t SET a = 1`, `DELETE FROM t`, `TRUNCATE t`, `DROP TABLE t`, `CREATE TABLE x (a INT)`,
		`CREATE TEMP TABLE x AS SELECT 1`, `CREATE VIEW v AS SELECT 1`, `ALTER TABLE t ADD COLUMN b INT`, `DELETE FROM _ikada.ledger`,
		`COPY t TO '` + archive + `/x.csv'`, `EXPLAIN COPY t TO '` + archive + `/x.csv'`,
		`EXPLAIN ANALYZE COPY t TO '` + archive + `/x.csv'`, `EXPLAIN (FORMAT json) INSERT INTO t (a) VALUES (1)`, `/* */ EXPLAIN ANALYZE DELETE FROM t`,
		`EXPORT DATABASE '` + archive + `/x'`, `ATTACH ':memory:' AS m`, `ATTACH '` + archive + `/x.db'`, `DETACH warehouse`, `USE _ikada`,
		`SET threads = 1`, `RESET threads`, `SET VARIABLE a = 1`, `PRAGMA threads = 1`, `INSTALL httpfs`, `LOAD json`, `CHECKPOINT`, `VACUUM`, `BEGIN`, `COMMIT`,
		`PREPARE p AS SELECT 1`, `EXECUTE p`, `CALL pragma_version()`,
	} {
		rows, err := w.Query(t.Context(), sql, 0)
		if err == nil {
			t.Errorf("%s: got %v", sql, rows.Columns())
			_ = rows.Close()
		} else if sql != `EXECUTE p` && sql != `DETACH warehouse` && !errors.Is(err, warehouse.ErrNotReadOnly) {
			t.Errorf("%s: got %v, want ErrNotReadOnly", sql, err)
		}
	}
	for _, sql := range []string{
		`SELECT * FROM read_text('/etc/passwd')`, `FROM '/etc/passwd'`, `SELECT * FROM glob('/*')`, `FROM read_csv('` + archive + `/../../x')`, `SELECT`, ``, `SELECT * FROM none`, `COPY t FROM '` + archive + `/x.csv'`,
		`SELECT * FROM force_checkpoint()`, `SELECT * FROM read_json('https://example.com/')`,
	} {
		if rows, err := w.Query(t.Context(), sql, 0); err == nil {
			t.Errorf("%s: got %v", sql, rows.Columns())
			_ = rows.Close()
		}
	}
	if _, rows := read(t, w, `SELECT count(*) FROM glob('`+archive+`/*')`); rows[0][0] != int64(0) {
		t.Errorf("a query wrote %v files", rows[0][0])
	}
}

func TestRefusedQueriesAreToldWhy(t *testing.T) {
	w, _ := openEmpty(t)
	for sql, want := range map[string]error{
		`SELECT 1; SELECT 2`:                            warehouse.ErrSeveral,
		`SELECT * FROM read_csv('/etc/passwd')`:         errOutside,
		`EXPLAIN SELECT * FROM read_csv('/etc/passwd')`: errOutside,
		`SELECT * FROM sniff_csv('/etc/passwd')`:        errOutside, // which DuckDB refuses while it runs
		`SELECT * FROM read_json('https://localhost/')`: errOutside,
	} {
		_, err := w.Query(t.Context(), sql, 0)
		if !errors.Is(err, want) || errors.Is(err, warehouse.ErrNotReadOnly) || strings.Contains(err.Error(), "PrepareContext") {
			t.Errorf("%s: got %v, want %v", sql, err, want)
		}
	}
}

func TestQueryIsCancelled(t *testing.T) {
	w, archive := openEmpty(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	rows, err := w.Query(ctx, `SELECT count(*) FROM range(1000000000) a(i), range(1000000) b(j) WHERE (i + j) % 7 = 3`, 0)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, %v; want context.DeadlineExceeded", rows, err)
	}
	// What comes after is not hurt.
	job := warehousetest.Generate(t, openArchive(t, archive), "t", 1, 100, 1)
	if err := w.Extend(t.Context(), "t", warehousetest.GeneratedColumns); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got := single(t, w, `SELECT count(*) FROM t`); got != int64(100) {
		t.Errorf("got %v rows", got)
	}
}

func TestQueryReadsWhileALoadRuns(t *testing.T) {
	w, archive := openEmpty(t)
	if err := w.Extend(t.Context(), "t", warehousetest.GeneratedColumns); err != nil {
		t.Fatal(err)
	}
	jobs := []warehouse.Job{}
	for plan := range 6 {
		jobs = append(jobs, warehousetest.Generate(t, openArchive(t, archive), "t", plan, 5000, 1))
	}
	done := make(chan error, 1)
	go func() {
		for _, job := range jobs {
			if _, err := w.Load(context.WithoutCancel(t.Context()), job); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		if n := single(t, w, `SELECT count(*) FROM t`).(int64); n%5000 != 0 {
			t.Fatalf("a query saw %d rows, a part of a load", n)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
