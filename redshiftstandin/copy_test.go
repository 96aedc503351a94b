package redshiftstandin

import (
	"fmt"
	"strings"
	"testing"
)

// load puts one file and copies it.
func (c *client) load(b *bench, options string, files ...string) {
	c.t.Helper()
	b.objects.manifest("s3://b/m", files...)
	c.must("COPY t FROM 's3://b/m' IAM_ROLE DEFAULT " + options + " GZIP MANIFEST")
}

func TestManifestAndFiles(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a INT)")
	copying := "COPY t FROM 's3://b/x'" + tail
	c.refuses(copying, codeInternal, "Problem reading manifest file")
	manifest := func(s string) { b.objects.put("s3://b/x", []byte(s)) }
	b.objects.put("s3://b/f", zip(`{"a":1}`))
	manifest(`{"entries":[{"url":"s3://b/f"},{"url":"s3://b/none"},{"url":"s3://b/f","mandatory":true,"meta":{"content_length":5}}],"other":1}`)
	c.must(copying)
	c.wants("SELECT count(*) FROM t", "2") // a file listed twice is loaded twice
	manifest(`{"entries":[{"url":"s3://b/f"},{"url":"s3://b/none","mandatory":true}]}`)
	c.refuses(copying, codeInternal, "Mandatory url is not present in manifest file")
	for _, wrong := range []string{"", "[]", `{"entries":[]}`, `{"entries":[{"url":"b/f"}]}`, string(zip(`{"entries":[{"url":"s3://b/f"}]}`))} {
		manifest(wrong)
		c.refuses(copying, codeInternal, "not in correct json format")
	}
	manifest(`{"entries":[{"url":"s3://b/f","mandatory":true}]}`)
	file := zip(`{"a":1}` + "\n")
	broken := append([]byte(nil), file...)
	broken[len(broken)-6] ^= 1
	for why, data := range map[string][]byte{
		"several members": append(append([]byte(nil), file...), file...),
		"behind the gzip": append(append([]byte(nil), file...), 0),
		"not a gzip":      []byte(`{"a":1}`),
		"checksum":        broken,
		"EOF":             file[:len(file)-3],
	} {
		b.objects.put("s3://b/f", data)
		c.refuses(copying, codeInternal, why)
	}
	c.wants("SELECT count(*), pg_last_copy_count() FROM t", "2|0")
}

func TestHowKeysFindColumns(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must(`CREATE TABLE t (userid INT, name VARCHAR(20) DEFAULT 'nobody', x INT)`)
	const object = `{"userId":1,"NAME":"n","x":2,"more":{"k":[5,6]}}`
	c.load(b, "JSON 'auto'", object)
	c.load(b, "JSON 'auto ignorecase'", object)
	b.objects.put("s3://b/p", []byte(`{"jsonpaths":["$.userId","$['NAME']","$['more']['k'][1]"]}`))
	c.load(b, "JSON 's3://b/p'", object)
	c.wants("SELECT * FROM t ORDER BY x, userid NULLS FIRST", "NULL|NULL|2", "1|n|2", "1|n|6")
	c.must("DELETE FROM t")
	b.objects.manifest("s3://b/m", object)
	c.must("COPY t (x) FROM 's3://b/m'" + tail)
	c.wants("SELECT * FROM t", "NULL|nobody|2")
	c.refuses("COPY t (x) FROM 's3://b/m' IAM_ROLE DEFAULT JSON 's3://b/p' GZIP MANIFEST", codeInternal, "Number of jsonpaths and the number of columns should match")
	c.refuses("COPY t (nope) FROM 's3://b/m'"+tail, codeNoColumn, "nope")
	for _, path := range []string{"userId", "$..a", "$[*]", "$.a b"} {
		b.objects.put("s3://b/p", []byte(`{"jsonpaths":["`+path+`"]}`))
		c.refuses("COPY t (x) FROM 's3://b/m' IAM_ROLE DEFAULT JSON 's3://b/p' GZIP MANIFEST", codeInternal, "Invalid JSONPath format")
	}

	c.must("CREATE TABLE whole (s SUPER)", "COPY whole FROM 's3://b/m' IAM_ROLE DEFAULT JSON 'noshred' GZIP MANIFEST")
	b.objects.put("s3://b/p", []byte(`{"jsonpaths":["$"]}`))
	c.must("COPY whole FROM 's3://b/m' IAM_ROLE DEFAULT JSON 's3://b/p' GZIP MANIFEST")
	c.wants("SELECT s FROM whole", object, object)
	c.refuses("COPY t FROM 's3://b/m' IAM_ROLE DEFAULT JSON 'noshred' GZIP MANIFEST", codeInternal, "SUPER")
}

func TestValues(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	const auto, strict = "JSON 'auto' TIMEFORMAT 'auto'", "JSON 'auto'"
	for _, v := range []struct{ typ, options, json, want string }{ // want "!…" is an error's code
		{"INT", strict, `12`, "12"}, {"INT", strict, `"12"`, "12"}, {"INT", strict, `1.0`, "!1207"}, {"INT", strict, `1e3`, "!1207"},
		{"INT", strict, `2147483648`, "!1204"}, {"SMALLINT", strict, `-32768`, "-32768"}, {"BIGINT", strict, `9223372036854775807`, "9223372036854775807"},
		{"BIGINT", strict, `9223372036854775808`, "!1204"}, {"INT", strict, `""`, "NULL"}, {"INT", strict, `true`, "!1207"}, {"INT", strict, `[1]`, "!1200"},
		{"FLOAT8", strict, `1.5e3`, "1500.0"}, {"FLOAT8", strict, `1e400`, "!1208"}, {"FLOAT8", strict, `"NaN"`, "!1208"}, {"REAL", strict, `0.5`, "0.5"},
		{"DECIMAL(6,2)", strict, `"20.45"`, "20.45"}, {"DECIMAL(6,2)", strict, `20.4`, "20.39"}, {"DECIMAL(6,2)", strict + " ROUNDEC", `20.4`, "20.40"},
		{"DECIMAL(6,2)", strict, `"12345.6"`, "!1204"}, {"DECIMAL(6,2)", strict, `"1.239"`, "1.23"}, {"DECIMAL(6,2)", strict, `"-0.01"`, "-0.01"},
		{"BOOLEAN", strict, `true`, "t"}, {"BOOLEAN", strict, `"no"`, "f"}, {"BOOLEAN", strict, `2`, "!1210"},
		{"VARCHAR(4)", strict, `"héé"`, "!1204"}, {"VARCHAR(5)", strict, `"héé"`, "héé"}, {"VARCHAR(4)", strict + " TRUNCATECOLUMNS", `"héé"`, "hé"},
		{"VARCHAR(9)", strict, `{"a": 1}`, `{"a": 1}`}, {"VARCHAR(9)", strict, `1.50`, "1.50"}, {"VARCHAR(9)", strict, `""`, ""},
		{"VARCHAR(9)", strict + " EMPTYASNULL", `""`, "NULL"}, {"VARCHAR(9)", strict + " BLANKSASNULL", `" "`, "NULL"}, {"VARCHAR(9)", strict, `null`, "NULL"},
		{"VARCHAR(9)", strict, "\"a\xff\"", "!1220"}, {"VARCHAR(9)", strict + " ACCEPTINVCHARS", "\"a\xff\"", "a?"}, {"VARCHAR(9)", strict, `"\u0000"`, "!1220"},
		{"VARCHAR(9)", strict, `"\ud800"`, "!1220"}, {"VARCHAR(9)", strict, `"\ud83d\ude00"`, "😀"}, {"CHAR(3)", strict, `"é"`, "!1220"}, {"CHAR(3)", strict, `"abcd"`, "!1204"},
		{"TIMESTAMP", auto, `"2026-01-02T03:04:05.123456"`, "2026-01-02 03:04:05.123456"}, {"TIMESTAMP", auto, `"2026-01-02T03:04:05Z"`, "2026-01-02 03:04:05"},
		{"TIMESTAMP", auto, `1767322800000`, "!1206"}, {"TIMESTAMP", auto, `"2026-01-02T03:04:05+02:00"`, "!1206"}, {"TIMESTAMP", strict, `"2026-01-02 03:04:05"`, "2026-01-02 03:04:05"},
		{"TIMESTAMPTZ", auto, `"2026-01-02T03:04:05.5+02:00"`, "2026-01-02 01:04:05.5+00"}, {"TIMESTAMPTZ", auto, `"2026-01-02T03:04:05.123456789Z"`, "!1206"},
		{"TIMESTAMPTZ", "JSON 'auto' TIMEFORMAT 'epochmillisecs'", `1767322800123`, "2026-01-02 03:00:00.123+00"}, {"TIMESTAMPTZ", auto, `"2026-02-30T00:00:00Z"`, "!1206"},
		{"TIMESTAMPTZ", auto, `""`, "NULL"}, {"TIMESTAMP", "JSON 'auto' TIMEFORMAT 'DD/MM/YYYY HH24:MI'", `"02/01/2026 15:04"`, "2026-01-02 15:04:00"},
		{"DATE", strict, `"2026-01-02"`, "2026-01-02"}, {"DATE", strict, `"2026-1-2"`, "!1205"},
		{"SUPER", strict, `[1, {"a":  1.50}]`, `[1,{"a":1.50}]`}, {"SUPER", strict, `"x"`, `"x"`}, {"SUPER", strict, `12345678901234567890123`, "12345678901234567890123"},
		{"SUPER", strict, strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("[", 1000) + strings.Repeat("]", 1000)},
		{"SUPER", strict, strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "!1204"}, {"SUPER", strict, `"` + strings.Repeat("x", 65536) + `"`, "!1204"},
		{"SUPER", strict, `["\u0000"]`, "!1220"}, {"SUPER", strict, "[\"\xff\"]", "!1220"}, {"INT NOT NULL", strict, `null`, "!1213"},
	} {
		c.must("DROP TABLE IF EXISTS t", "CREATE TABLE t (v "+v.typ+")")
		b.objects.manifest("s3://b/m", `{"v":`+v.json+`}`)
		err := c.try("COPY t FROM 's3://b/m' IAM_ROLE DEFAULT " + v.options + " GZIP MANIFEST")
		what := fmt.Sprintf("%s %.40s as %s", v.options, v.json, v.typ)
		if code, bad := strings.CutPrefix(v.want, "!"); bad {
			if err == nil {
				t.Errorf("%s: loaded as %q", what, c.rows("SELECT v FROM t"))
			} else if got := c.rows("SELECT error_code FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()"); len(got) != 1 || got[0] != code {
				t.Errorf("%s: code %q, want %s", what, got, code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := c.rows("SELECT v FROM t"); len(got) != 1 || got[0] != v.want {
			t.Errorf("%s: got %.60q, want %.60q", what, got, v.want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a INT, v VARCHAR(3))")
	b.objects.manifest("s3://b/m", "{\"a\":1}\n{\"a\":2,\n\"v\":\"abcd\"\n}\n{\"a\":3}", "{\"a\":4,\"a\":5}\n{\"a\":6}\n{\"a\":7,}\n{\"a\":8}\n[1]\n")
	copying := "COPY t FROM 's3://b/m'" + tail
	c.must("BEGIN")
	c.refuses(copying, codeInternal, "Load into table 't' failed.  Check 'sys_load_error_detail' system table for details.")
	c.must("ROLLBACK")
	c.wants("SELECT line_number, trim(file_name), trim(column_name), column_type, column_length, error_code, error_message FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()",
		"4|s3://b/m.0.gz|v|varchar|3|1204|String length exceeds DDL length")
	c.wants("SELECT colname, err_code, raw_field_value FROM stl_load_errors", `v|1204|"abcd"`)
	c.refuses(copying+" MAXERROR 4", codeInternal, "failed")
	c.wants("SELECT count(*) FROM t", "0")
	c.must(copying + " MAXERROR 5")
	c.wants("SELECT a FROM t ORDER BY a", "1", "3", "6", "8")
	c.wants("SELECT line_number, error_code FROM sys_load_error_detail WHERE query_id = pg_last_copy_id() ORDER BY file_name, line_number", "4|1204", "1|1216", "3|1216", "5|1216")
	c.wants("SELECT pg_last_copy_count()", "4")
	c.refuses("COPY t FROM 's3://b/m' IAM_ROLE DEFAULT NOSUCH", codeSyntax, "")
	c.wants("SELECT pg_last_copy_count()", "4") // stale after a syntax error
	c.must(copying + " MAXERROR 5 NOLOAD")
	c.wants("SELECT count(*) FROM t", "4")

	big := `{"v":"` + strings.Repeat("x", maxObject) + `"}`
	b.objects.manifest("s3://b/m", big)
	c.refuses(copying, codeInternal, "failed")
	c.wants("SELECT error_message FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()", "JSON object size exceeds the limit of 4194304 bytes")
}
