package redshiftstandin

import (
	"errors"
	"regexp"
	"strings"
)

// translations turn DuckDB's errors into Redshift's.
var translations = []struct {
	match   *regexp.Regexp
	code    string
	message string // may use the match's groups
}{
	{regexp.MustCompile(`(?s)Table with name "?([^" ]+)"? does not exist`), codeNoTable, `relation "$1" does not exist`},
	{regexp.MustCompile(`(?s)Schema with name "?([^" ]+)"? does not exist`), "3F000", `schema "$1" does not exist`},
	{regexp.MustCompile(`(?s)Schema with name "?([^" ]+)"? already exists`), "42P06", `Schema "$1" already exists`},
	{regexp.MustCompile(`(?s)(?:Referenced column|column named|column) "([^"]+)" (?:was not found|not found|does not)`), codeNoColumn, `column "$1" does not exist`},
	{regexp.MustCompile(`(?s)does not have a column (?:named|with name) "([^"]+)"`), codeNoColumn, `column "$1" does not exist`},
	{regexp.MustCompile(`(?s)(?:Table|View) with name "?([^" ]+)"? already exists`), codeDuplicate, `Relation "$1" already exists`},
	{regexp.MustCompile(`NOT NULL constraint failed: ([^\n]+)`), codeNotNull, `Cannot insert a NULL value into column $1`},
	{regexp.MustCompile(`(?i)(?:write-write conflict|conflict on (?:update|delete|tuple)|Transaction conflict|TransactionContext Error: Conflict|Catalog write-write)`), codeInternal, `1023`},
	{regexp.MustCompile(`(?s)(the stand-in does not imitate [^\n]*)`), codeUnsupported, `$1`},
	{regexp.MustCompile(`(?s)Parser Error: ([^\n]*)`), codeSyntax, `$1`},
	{regexp.MustCompile(`(?s)(?:Conversion|Invalid Input|Out of Range) Error: ([^\n]*)`), codeBadValue, `$1`},
	{regexp.MustCompile(`(?s)Function with name (\S+) does not exist`), codeNoFunction, `function $1 does not exist`},
	{regexp.MustCompile(`(?s)Binder Error: ([^\n]*)`), "42804", `$1`},
}

// translate makes an error of DuckDB's one of Redshift's.
func translate(err error) error {
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	message := err.Error()
	for _, t := range translations {
		if m := t.match.FindStringSubmatchIndex(message); m != nil {
			e := errorf(t.code, "%s", t.match.ExpandString(nil, t.message, message, m))
			if e.Message == "1023" {
				e.Detail = "Serializable isolation violation on table: " + firstLine(message)
			}
			return e
		}
	}
	return errorf(codeInternal, "%s", firstLine(message))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
