package redshiftstandin

import (
	"context"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestStartupIsRedshifts(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	for name, want := range map[string]string{"server_version": "8.0.2", "client_encoding": "UNICODE", "standard_conforming_strings": ""} {
		if got := c.PgConn().ParameterStatus(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, parameters := range []string{"extra_float_digits=3", "lock_timeout=5", "standard_conforming_strings=on"} {
		if conn, err := pgx.Connect(context.Background(), b.server.URL()+"&"+parameters); err == nil {
			t.Errorf("let in with %s", parameters)
			_ = conn.Close(context.Background())
		}
	}
	conn, err := pgx.Connect(context.Background(), b.server.URL()+"&statement_timeout=50&application_name=x&extra_float_digits=2")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(context.Background())

	// pgx refuses arguments in the simple protocol, as with Redshift itself.
	var n int
	if err := c.QueryRow(context.Background(), "SELECT $1::int", 5).Scan(&n); err == nil {
		t.Error("pgx sent arguments by the simple protocol")
	}
}

func TestPgxArguments(t *testing.T) {
	b := start(t, Options{PgxArguments: true})
	c := b.connect()
	var n int
	var s string
	if err := c.QueryRow(context.Background(), "SELECT $1::int, $2::varchar", 5, `it's \ me`).Scan(&n, &s); err != nil || n != 5 || s != `it's \ me` {
		t.Errorf("got %d, %q, %v", n, s, err)
	}
}

func TestPassword(t *testing.T) {
	b := start(t, Options{User: "u", Password: "p"})
	b.connect().wants("SELECT current_user", "u")
	if _, err := pgx.Connect(context.Background(), strings.Replace(b.server.URL(), "u:p@", "u:wrong@", 1)); err == nil || !strings.Contains(err.Error(), codeBadPassword) {
		t.Errorf("got %v", err)
	}
}

func TestExtendedProtocol(t *testing.T) {
	b := start(t, Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheStatement} {
		config, err := pgx.ParseConfig(b.server.URL())
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = mode
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		exec := func(sql string, args ...any) {
			t.Helper()
			if _, err := conn.Exec(ctx, sql, args...); err != nil {
				t.Fatalf("mode %v: %s: %v", mode, sql, err)
			}
		}
		exec("CREATE TEMP TABLE t (a BIGINT, v VARCHAR(20), ts TIMESTAMPTZ, f FLOAT8, s SUPER)")
		exec("INSERT INTO t VALUES ($1, $2, $3, $4, JSON_PARSE($5))", "12", "it's", "2026-01-02 03:04:05+00", "1.5", `{"a":1}`)
		var a int64
		var v, s string
		var ts time.Time
		var f float64
		if err := conn.QueryRow(ctx, "SELECT a, v, ts, f, s FROM t WHERE v = $1", "it's").Scan(&a, &v, &ts, &f, &s); err != nil {
			t.Fatalf("mode %v: %v", mode, err)
		}
		got := []any{a, v, ts.UTC().Format(time.RFC3339), f, s}
		if want := []any{int64(12), "it's", "2026-01-02T03:04:05Z", 1.5, `{"a":1}`}; !reflect.DeepEqual(got, want) {
			t.Errorf("mode %v: got %v, want %v", mode, got, want)
		}
		if _, err := conn.Exec(ctx, "COPY t FROM $1 IAM_ROLE DEFAULT JSON GZIP MANIFEST", "s3://b/m"); err == nil || !strings.Contains(err.Error(), "no bind parameters") {
			t.Errorf("COPY with an argument: %v", err)
		}
		exec("SELECT 1") // the connection goes on
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, "SELECT nope FROM t"); err == nil {
			t.Error("no error")
		}
		if err := tx.Commit(ctx); err == nil {
			t.Error("a failed transaction was committed")
		}
		_ = conn.Close(ctx)
	}
}

func TestPsql(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("there is no psql here")
	}
	b := start(t, Options{})
	b.objects.manifest("s3://b/m", `{"a":1}{"a":2}`, `{"a":2}`+"\n")
	cmd := exec.Command(psql, "-X", "-At", "-v", "ON_ERROR_STOP=1", b.server.URL())
	cmd.Stdin = strings.NewReader("CREATE TABLE t (a INT);\nBEGIN;\nLOCK t;\nCOPY t FROM 's3://b/m'" + tail + " MAXERROR 10;\nCOMMIT;\nSELECT sum(a), pg_last_copy_count() FROM t;\n")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "completed, 2 record(s) loaded successfully") || !strings.HasSuffix(string(out), "3|2\n") {
		t.Errorf("%v:\n%s", err, out)
	}
}
