package redshiftstandin

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseCopy(t *testing.T) {
	tokens, err := lex(`copy "Logs".app_access (_id, "a b") -- why
		from 's3://b/m' iam_role 'arn:aws:iam::123456789012:role/a,arn:aws:iam::123456789012:role/b' region 'eu-west-1'
		format as json 's3://b/paths' gzip manifest compupdate preset statupdate off timeformat as 'epochmillisecs' dateformat 'auto'
		maxerror as 10 noload truncatecolumns acceptinvchars as '^' blanksasnull emptyasnull roundec`, true)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseCopy(tokens, true)
	want := &copyStatement{
		table: tableName{"logs", "app_access"}, columns: []string{"_id", "a b"}, from: "s3://b/m", manifest: true, gzip: true, json: "s3://b/paths",
		noload: true, maxError: 10, timeFormat: "epochmillisecs", dateFormat: "auto", truncate: true, blanksNull: true, emptyNull: true,
		acceptInvalid: true, roundDecimal: true, replacement: "^",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseCopyRefuses(t *testing.T) {
	const good = "COPY t FROM 's3://b/m' IAM_ROLE DEFAULT JSON MANIFEST"
	for sql, want := range map[string]string{
		good + " GZIP": "",
		"COPY t FROM 's3://b/m' IAM_ROLE DEFAULT FORMAT AS JSON 'auto ignorecase' MANIFEST COMPUPDATE MAXERROR 0": "",
		good + " GZIP GZIP":                                      "conflicting or redundant options: GZIP",
		good + " GZIP ZSTD":                                      "GZIP and ZSTD",
		good + " JSON 'auto'":                                    "conflicting or redundant options: JSON",
		good + " CSV":                                            "CSV is not supported with JSON",
		good + " DELIMITER '|'":                                  "DELIMITER is not supported with JSON",
		good + " ESCAPE":                                         "ESCAPE is not",
		good + " FILLRECORD":                                     "FILLRECORD is not",
		good + " FIXEDWIDTH 'a:1'":                               "FIXEDWIDTH is not",
		good + " IGNOREBLANKLINES":                               "IGNOREBLANKLINES is not",
		good + " NULL AS 'x'":                                    "NULL is not",
		good + " READRATIO 5":                                    "READRATIO is not",
		good + " REMOVEQUOTES":                                   "REMOVEQUOTES is not",
		good + " BZIP2":                                          "does not imitate COPY's option BZIP2",
		good + " ENCODING UTF16":                                 "does not imitate COPY's option ENCODING",
		good + " NOSUCH":                                         `at or near "NOSUCH"`,
		good + " MAXERROR 100001":                                "between 0 and 100000",
		good + " MAXERROR -1":                                    `at or near "-"`,
		good + " REGION 'Frankfurt'":                             "Invalid region",
		good + " TIMEFORMAT 'Q'":                                 "does not imitate the date or time format",
		good + " $1":                                             "no bind parameters",
		"COPY t FROM $1 IAM_ROLE DEFAULT JSON":                   "no bind parameters",
		"COPY t FROM 's3://b/m' JSON MANIFEST":                   "no credentials",
		"COPY t FROM 's3://b/m' IAM_ROLE 'x' JSON MANIFEST":      "Invalid IAM role",
		"COPY t FROM 's3://b/m' IAM_ROLE DEFAULT MANIFEST":       "other formats than JSON",
		"COPY t FROM 's3://b/m' IAM_ROLE DEFAULT FORMAT PARQUET": "format PARQUET",
		"COPY t FROM 's3://b/m' IAM_ROLE DEFAULT JSON":           "COPY by a prefix",
		"COPY t FROM 's3://b/m/' IAM_ROLE DEFAULT JSON MANIFEST": "full path",
		"COPY t FROM 's3://b/m' IAM_ROLE DEFAULT JSON 'automatic' MANIFEST":      "Invalid JSONPath format",
		"COPY t FROM '/etc/passwd' IAM_ROLE DEFAULT JSON MANIFEST":               "only from s3://",
		"COPY t (a, a) FROM 's3://b/m' IAM_ROLE DEFAULT JSON MANIFEST":           "more than once",
		"COPY t (a FROM 's3://b/m' IAM_ROLE DEFAULT JSON MANIFEST":               `at or near "FROM"`,
		"COPY (SELECT 1) TO 's3://b/m'":                                          `at or near "("`,
		"COPY t FROM 's3://b/m' ACCESS_KEY_ID 'x' JSON MANIFEST":                 "ACCESS_KEY_ID",
		"COPY t (a, b) FROM 's3://b/m' IAM_ROLE DEFAULT JSON 'noshred' MANIFEST": "one SUPER column",
	} {
		tokens, err := lex(sql, true)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseCopy(tokens, true)
		switch {
		case err == nil && want != "":
			t.Errorf("%s: accepted", sql)
		case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
	}
}

func FuzzParseCopy(f *testing.F) {
	f.Add("COPY t FROM 's3://b/m' IAM_ROLE DEFAULT JSON 'auto' GZIP MANIFEST")
	f.Add(`copy "a".b (c, "d""e") from 's3://x' iam_role 'arn:aws:iam::123456789012:role/r' format as json MANIFEST maxerror 3 /* x */ -- y`)
	f.Add(`COPY t FROM 's3://b/\'m' IAM_ROLE DEFAULT ACCEPTINVCHARS AS '^' TIMEFORMAT AS 'YYYY-MM-DD HH24:MI:SS' DATEFORMAT`)
	f.Fuzz(func(t *testing.T, sql string) {
		for _, escapes := range []bool{true, false} {
			tokens, err := lex(sql, escapes)
			if err != nil {
				continue
			}
			for _, statement := range split(tokens) {
				s, err := parseCopy(statement, true)
				var own *Error
				switch {
				case err != nil && !errors.As(err, &own):
					t.Fatalf("%q: %v is not an error of Redshift's", sql, err)
				case err == nil && (s.table.name == "" || !s.manifest || s.json == "" || !strings.HasPrefix(s.from, "s3://")):
					t.Fatalf("%q: accepted as %+v", sql, s)
				}
			}
		}
	})
}
