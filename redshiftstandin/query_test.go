package redshiftstandin

import (
	"fmt"
	"strings"
	"testing"
)

func TestQueries(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a INT, v VARCHAR(10), s SUPER)", "CREATE TABLE u (a INT, w VARCHAR(10))",
		"INSERT INTO t (a, v) VALUES (1, 'x'), (2, 'y'), (3, NULL)", "INSERT INTO u VALUES (1, 'one'), (3, 'three')")
	for sql, want := range map[string]string{
		"SELECT t.a, w FROM t JOIN u USING (a) ORDER BY 1":                                                             "1|one 3|three",
		"SELECT x.a, y.w FROM t x LEFT JOIN u AS y ON x.a = y.a WHERE y.w IS NULL":                                     "2|NULL",
		"SELECT t.a FROM t, u WHERE t.a = u.a ORDER BY t.a DESC":                                                       "3 1",
		"SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a)":                                           "2",
		"SELECT a FROM t WHERE a NOT IN (SELECT a FROM u) AND v LIKE 'y%'":                                             "2",
		"SELECT a FROM (SELECT a, ROW_NUMBER() OVER (PARTITION BY v ORDER BY a) AS n FROM t) q WHERE n = 1 ORDER BY a": "1 2 3",
		"WITH w (k) AS (SELECT a FROM t), z AS (SELECT k FROM w WHERE k > 1) SELECT sum(k) FROM z":                     "5",
		"SELECT COUNT(DISTINCT v), MAX(a), SUM(a)::BIGINT FROM t":                                                      "2|3|6",
		"SELECT v, count(*) FROM t GROUP BY v HAVING count(*) > 0 ORDER BY v NULLS FIRST LIMIT 1":                      "NULL|1",
		"SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY a LIMIT 2 OFFSET 1":                                        "1 2",
		"SELECT CASE WHEN a = 1 THEN 'one' ELSE COALESCE(v, '-') END::varchar(3) FROM t ORDER BY a":                    "one y -",
		"SELECT a FROM public.t WHERE a BETWEEN 2 AND 3 AND (v IS NOT NULL OR a = 3) ORDER BY a":                       "2 3",
		"(SELECT 1)": "1",
		"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'":               "2",
		"SELECT column_name FROM svv_columns c WHERE c.table_name = 'u' ORDER BY c.ordinal_position": "a w",
	} {
		if got := strings.Join(c.rows(sql), " "); got != want {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
	c.must("DELETE FROM t USING u WHERE t.a = u.a AND u.w = 'three'", "UPDATE t SET v = u.w FROM u WHERE t.a = u.a",
		"INSERT INTO t (a, v) SELECT a + 10, w FROM u WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.a = u.a)")
	c.wants("SELECT a, v FROM t ORDER BY a", "1|one", "2|y", "13|three")

	results, err := c.PgConn().Exec(t.Context(), `SELECT count(*), max(a), a + 1, a AS "Named", a, CASE WHEN true THEN 1 END FROM t GROUP BY a`).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range results[0].FieldDescriptions {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, ","); got != "count,max,?column?,named,a,case" {
		t.Errorf("columns are named %s", got)
	}
}

func TestALargeCopy(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a BIGINT, v VARCHAR(3000))")
	var lines strings.Builder
	for i := range 7000 {
		fmt.Fprintf(&lines, "{\"a\":%d,\"v\":\"%02500d\"}\n", i, i)
	}
	b.objects.manifest("s3://b/m", lines.String())
	c.must("COPY t FROM 's3://b/m'" + tail)
	c.wants("SELECT count(*), count(DISTINCT v), max(a) FROM t", "7000|7000|6999")
	b.objects.manifest("s3://b/m", lines.String(), "{")
	c.must("BEGIN")
	c.refuses("COPY t FROM 's3://b/m'"+tail, codeInternal, "failed")
	c.must("ROLLBACK")
	c.wants("SELECT count(*) FROM t", "7000")
}

func TestCursorsAndViews(t *testing.T) {
	c := start(t, Options{}).connect()
	c.must("CREATE TABLE t (a BIGINT)", "INSERT INTO t VALUES (1), (2), (3)", "CREATE SCHEMA s", "CREATE VIEW s.v AS SELECT * FROM t UNION ALL SELECT a + 10 FROM t")
	c.wants("SELECT count(*) FROM s.v WHERE a > 10", "3")
	c.refuses("CREATE VIEW t AS SELECT 1", codeDuplicate, "already exists")
	c.refuses("DECLARE c CURSOR FOR SELECT 1", codeNoBlock, "transaction blocks")
	c.must("BEGIN", "DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a")
	c.wants("FETCH FORWARD 2 FROM c", "1", "2")
	c.wants("FETCH NEXT FROM c", "3")
	if rows := c.rows("FETCH FORWARD 1000 FROM c"); rows != nil {
		t.Errorf("got %v", rows)
	}
	c.must("CLOSE c", "DECLARE d CURSOR FOR SELECT 1")
	c.refuses("FETCH NEXT FROM c", "34000", "does not exist")
	for _, bad := range []string{"DECLARE d CURSOR FOR INSERT INTO t VALUES (1)", "DECLARE d CURSOR FOR SELECT 1"} {
		c.must("ROLLBACK", "BEGIN", "DECLARE e CURSOR FOR SELECT 1")
		if err := c.try(bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
	c.must("ROLLBACK", "BEGIN", "DECLARE f CURSOR FOR SELECT 1")
	c.refuses("FETCH FORWARD 1001 FROM f", codeBadParameter, "1000")
}
