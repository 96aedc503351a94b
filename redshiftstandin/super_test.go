package redshiftstandin

import "testing"

func TestSuper(t *testing.T) {
	c := start(t, Options{}).connect()
	c.must("CREATE TABLE t (id INT, data SUPER)", `INSERT INTO t SELECT 1, JSON_PARSE('{"field":{"x":[10,"twenty"]},"n":12,"big":3000000000,"f":1.5,"s":"text","b":true,"z":null,"camelCase":"C","camelcase":"c"}')`)
	c.wants("SELECT t.data.field, data.n, t.data.field.x[1] FROM t", `{"x":[10,"twenty"]}|12|"twenty"`)
	c.wants("SELECT data.s::varchar, data.n::bigint, data.f::float8, data.b::boolean, data.z::varchar, data.nope::varchar, data.field::varchar FROM t", "text|12|1.5|t|NULL|NULL|NULL")
	c.wants("SELECT CAST(r.data.s AS VARCHAR(2)), r.data.n::varchar(10) || '!' FROM t r", "te|12!")
	c.wants("SELECT IS_VARCHAR(data.s), IS_VARCHAR(data.n), IS_INTEGER(data.n), IS_INTEGER(data.big), IS_BIGINT(data.big), IS_BIGINT(data.f), IS_FLOAT(data.f), IS_BOOLEAN(data.b), IS_OBJECT(data.field), IS_ARRAY(data.field.x), IS_INTEGER(data.nope) FROM t",
		"t|f|t|f|t|f|t|t|t|t|f")
	c.wants("SELECT JSON_TYPEOF(data.s), JSON_TYPEOF(data.n), JSON_TYPEOF(data), JSON_TYPEOF(data.nope) FROM t", "string|number|object|NULL")
	c.wants("SELECT JSON_SERIALIZE(data.field), JSON_SERIALIZE(data.nope), GET_ARRAY_LENGTH(data.field.x) FROM t", `{"x":[10,"twenty"]}|null|2`)

	// Names in a path lose their case unless the session says otherwise.
	c.wants(`SELECT t.data."camelCase" FROM t`, `"c"`)
	c.must("SET enable_case_sensitive_identifier TO true")
	c.wants(`SELECT t.data."camelCase"::varchar, t.data.camelCase::varchar FROM t`, "C|c")
	c.must("RESET enable_case_sensitive_identifier")
	c.wants(`SELECT CASE WHEN IS_VARCHAR(data.n) THEN data.n::varchar END, CASE WHEN IS_BIGINT(data.n) THEN data.n::bigint + 1 ELSE NULL END FROM t`, "NULL|13")
	c.wants(`WITH w AS (SELECT id, data FROM t) SELECT w.id FROM w`, "1")
	c.refuses("SELECT data.s::bigint FROM t", codeUnsupported, "casts of SUPER strings")
	c.refuses("SELECT id.x.y FROM t", codeUnsupported, "does not imitate a path")
	c.refuses("SELECT JSON_SERIALIZE(JSON_PARSE('\"' || repeat('x', 65534) || '\"'))", codeBadValue, "exceeds")
	c.refuses("SELECT JSON_PARSE('{')", codeBadValue, "")
	c.wants(`SELECT OBJECT_TRANSFORM(data KEEP '"s"', '"n"' SET '"new"', id) FROM t`, `{"n":12,"s":"text","new":1}`)
}

func TestWhatIsNotRedshiftIsRefused(t *testing.T) {
	c := start(t, Options{}).connect()
	c.must("CREATE TABLE t (a INT, s SUPER)")
	for sql, code := range map[string]string{
		"SELECT list_sort(a)":                                 codeUnsupported,
		"SELECT read_text('/etc/passwd')":                     codeUnsupported,
		"SELECT * FROM read_text('/etc/passwd')":              codeUnsupported,
		"SELECT * FROM '/etc/passwd'":                         codeSyntax,
		"SELECT [1, 2]":                                       codeSyntax,
		"SELECT {'a': 1}":                                     codeSyntax,
		"SELECT s->'a' FROM t":                                codeSyntax,
		"INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING": codeSyntax,
		"INSERT INTO t (a) VALUES (1) RETURNING a":            codeSyntax,
		"INSERT OR REPLACE INTO t (a) VALUES (1)":             codeSyntax,
		"SELECT AVG(a) FROM t":                                codeUnsupported,
		"PRAGMA database_list":                                codeSyntax,
		"ATTACH 'x'":                                          codeUnsupported,
		"MERGE INTO t USING t ON a":                           codeUnsupported,
		"UNLOAD ('select 1') TO 's3://b/x'":                   codeUnsupported,
		"FROM t":                                              codeSyntax,
		"SELECT 1 ORDER BY ALL":                               codeSyntax,
		"SET lock_timeout = 1":                                codeNoParameter,
		"SET standard_conforming_strings = on":                codeNoParameter,
		"SELECT $1":                                           "42P02",
		"SHOW TABLES":                                         codeNoParameter,
		"VALUES (1)":                                          codeSyntax,
		"SELECT '\\u0041'":                                    codeUnsupported,
		"SELECT a FROM t WHERE a ~ 'x'":                       codeUnsupported,
		"SELECT 1::json":                                      codeNoParameter,
		"SELECT rs_text(1)":                                   codeUnsupported,
	} {
		c.refuses(sql, code, "")
	}
	c.wants(`SELECT 'it''s a \\ and a \' and' || '\n'`, "it's a \\ and a ' and\n")
	c.wants("SELECT 1 + 2 * 3, NVL(NULL, 'x'), LEN('é'), OCTET_LENGTH('é'), EXTRACT(year FROM DATE '2026-02-03'), 'a' LIKE 'A', 1.5::int, true", "7|x|1|2|2026|f|2|t")
}
