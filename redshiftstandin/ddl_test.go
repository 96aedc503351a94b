package redshiftstandin

import (
	"fmt"
	"strings"
	"testing"
)

func TestCreateTable(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must(`CREATE TABLE IF NOT EXISTS t (
		id BIGINT NOT NULL ENCODE az64 PRIMARY KEY, txt TEXT, small SMALLINT DEFAULT 7, dec DECIMAL(10,2), "UserId" VARCHAR(20) ENCODE zstd DISTKEY,
		s SUPER, ts TIMESTAMP, tz TIMESTAMP WITH TIME ZONE, d DATE, ch CHAR(3), v varchar(max), r REAL, dp FLOAT8, b BOOL
		) DISTSTYLE KEY COMPOUND SORTKEY (id, ts)`)
	c.must("CREATE TABLE IF NOT EXISTS t (a INT)") // skipped
	c.refuses("CREATE TABLE t (a INT)", codeDuplicate, `Relation "t" already exists`)
	c.wants("SELECT column_name, data_type, character_maximum_length FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 't' AND ordinal_position < 6 ORDER BY ordinal_position",
		"id|bigint|NULL", "txt|character varying|256", "small|smallint|NULL", "dec|numeric|NULL", "userid|character varying|20")
	c.wants(`SELECT "column", type, encoding, "notnull" FROM pg_table_def WHERE tablename = 't' AND "column" IN ('id', 'dec', 'ch', 's')`,
		"id|bigint|az64|t", "dec|numeric(10,2)|none|f", "s|super|none|f", "ch|character(3)|none|f")
	c.wants(`SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE "table" = 't'`, "KEY(userid)|id|2")

	// Keys are not enforced.
	c.must("INSERT INTO t (id, dec) VALUES (1, 1.005)", "INSERT INTO t (id) VALUES (1)")
	c.wants("SELECT small, dec FROM t ORDER BY dec NULLS LAST", "7|1.01", "7|NULL")
	c.refuses("INSERT INTO t (txt) VALUES ('x')", codeNotNull, "Cannot insert a NULL value into column")
	c.refuses("INSERT INTO t (id, txt) VALUES (2, repeat('é', 129))", codeTooLong, "value too long for type character varying(256)")
	c.refuses("UPDATE t SET txt = repeat('x', 257)", codeTooLong, "value too long")
	c.must("INSERT INTO t (id, txt) VALUES (2, repeat('é', 128))")
	c.wants("SELECT count(*) FROM t", "3")

	for sql, want := range map[string]string{
		"CREATE TABLE x (a VARCHAR(65536))":                        codeBadParameter,
		"CREATE TABLE x (a BIGINT, A INT)":                         codeDuplicateCol,
		"CREATE TABLE x (a SUPER SORTKEY)":                         codeUnsupported,
		"CREATE TABLE x (a JSON)":                                  codeNoParameter,
		"CREATE TABLE x (a INT[])":                                 codeSyntax,
		"CREATE TABLE x (a VARBYTE)":                               codeUnsupported,
		"CREATE TABLE x (a INT IDENTITY(1,1))":                     codeUnsupported,
		"CREATE TABLE x (a INT) WITH (x = 1)":                      codeSyntax,
		"CREATE TABLE x (a INT ENCODE snappy)":                     codeNoParameter,
		"CREATE TABLE x (a INT) DISTSTYLE KEY":                     codeSyntax,
		"CREATE INDEX i ON t (id)":                                 codeUnsupported,
		"CREATE TABLE x (" + columns(1601) + ")":                   codeTooManyColumn,
		"CREATE TABLE x (" + strings.Repeat("c", 128) + " BIGINT)": "42622",
	} {
		c.refuses(sql, want, "")
	}
	c.must("CREATE TABLE wide (" + columns(1600) + ")")
	c.refuses("ALTER TABLE wide ADD COLUMN one INT", codeTooManyColumn, "1600")
}

func columns(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("c%d BIGINT", i)
	}
	return strings.Join(list, ", ")
}

func TestAlterTable(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a BIGINT, v VARCHAR(10), e VARCHAR(10) ENCODE text255, k VARCHAR(10) PRIMARY KEY, df VARCHAR(9) DEFAULT 'x')",
		"INSERT INTO t VALUES (1, 'abcde', '', 'k', '')", "ALTER TABLE t ADD COLUMN n DOUBLE PRECISION", "ALTER TABLE t ADD z VARCHAR(3) DEFAULT 'd'")
	c.wants("SELECT a, n, z FROM t", "1|NULL|d")
	c.refuses("ALTER TABLE t ADD COLUMN n INT", codeDuplicateCol, `column "n" of relation "t" already exists`)
	c.refuses("ALTER TABLE t ADD COLUMN IF NOT EXISTS n INT", codeSyntax, `"IF"`)
	c.refuses("ALTER TABLE t ADD COLUMN p INT, ADD COLUMN q INT", codeSyntax, `","`)
	c.refuses("ALTER TABLE t ADD COLUMN p INT NOT NULL", codeUnsupported, "NOT NULL")
	c.must("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(5)", "ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(300)")
	c.refuses("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(4)", codeTooLong, "5 bytes")
	c.refuses("ALTER TABLE t ALTER COLUMN a TYPE INT", codeUnsupported, "only the size of a VARCHAR")
	c.refuses("ALTER TABLE t ALTER COLUMN e TYPE VARCHAR(20)", codeUnsupported, "encoding")
	c.refuses("ALTER TABLE t ALTER COLUMN k TYPE VARCHAR(20)", codeUnsupported, "key")
	c.refuses("ALTER TABLE t ALTER COLUMN df TYPE VARCHAR(20)", codeUnsupported, "default")
	c.must("BEGIN")
	c.refuses("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(400)", codeInBlock, "cannot run inside a transaction block")
	c.must("ROLLBACK")
	c.refuses("SELECT 1; ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(400)", codeInBlock, "transaction block")
	c.must("INSERT INTO t (k, v) VALUES ('2', repeat('x', 300))", "BEGIN", "ALTER TABLE t ADD COLUMN gone INT", "ROLLBACK")
	c.refuses("SELECT gone FROM t", codeNoColumn, "gone")

	// Adding a column locks the table until the commit.
	c.must("BEGIN", "ALTER TABLE t ADD COLUMN held INT")
	other := b.connect()
	other.must("SET statement_timeout = 50")
	other.refuses("SELECT a FROM t", codeCancelled, "")
	c.must("COMMIT")
	other.must("RESET statement_timeout", "SELECT held FROM t")
}

func TestTruncateCommits(t *testing.T) {
	c := start(t, Options{}).connect()
	c.must("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "BEGIN", "TRUNCATE t", "ROLLBACK")
	c.wants("SELECT count(*) FROM t", "0")
}

func TestTemporaryTables(t *testing.T) {
	b := start(t, Options{})
	c, other := b.connect(), b.connect()
	c.must("CREATE TABLE t (a INT, v VARCHAR(5), s SUPER)", "CREATE TEMP TABLE st (LIKE t)")
	other.must("CREATE TEMP TABLE st (b INT)")
	c.must("INSERT INTO st VALUES (1, 'x', JSON_PARSE('{\"a\":1}'))", "INSERT INTO t SELECT * FROM st", "INSERT INTO t (a) SELECT a + 1 FROM st")
	c.wants("SELECT a, v, s FROM t ORDER BY a", `1|x|{"a":1}`, "2|NULL|NULL")
	c.wants("SELECT table_schema, column_name FROM information_schema.columns WHERE table_name = 'st' AND table_schema = 'pg_temp' ORDER BY 2", "pg_temp|a", "pg_temp|s", "pg_temp|v")
	c.refuses("INSERT INTO st (v) VALUES ('abcdef')", codeTooLong, "")
	c.must("BEGIN", "CREATE TEMP TABLE gone (a INT)", "ROLLBACK")
	c.refuses("SELECT * FROM gone", codeNoTable, "gone")
	c.must("DELETE FROM t WHERE a = 1", "UPDATE t SET v = 'y'", "DROP TABLE st", "DROP TABLE IF EXISTS st")
	c.wants("SELECT a, v FROM t", "2|y")
	c.refuses("DROP TABLE st", codeNoTable, `Table "st" does not exist`)
	c.must("CREATE SCHEMA logs", "CREATE TABLE logs.t (z INT)", "INSERT INTO logs.t VALUES (5)", "SET search_path TO logs, public")
	c.wants("SELECT z FROM t", "5")
	c.wants("SELECT a FROM public.t", "2")
	c.must("CREATE TABLE copy AS SELECT a, v FROM public.t")
	c.wants("SELECT * FROM logs.copy", "2|y")
}
