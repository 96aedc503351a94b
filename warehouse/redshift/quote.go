package redshift

import (
	"strconv"
	"strings"
)

// Statements are made of literals, as Redshift's COPY and DDL take no bind
// parameters, and as pgx does not send any by the simple protocol to a server
// that does not report standard_conforming_strings.

// identifier quotes an SQL identifier.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a string so that it reads the same whether or not the server
// takes a backslash for an escape: there is none in the quotes.
func literal(text string) string {
	if !strings.Contains(text, `\`) {
		return quote(text)
	}
	parts := strings.Split(text, `\`)
	for i, p := range parts {
		parts[i] = quote(p)
	}
	return "(" + strings.Join(parts, " || chr(92) || ") + ")"
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// literals lists strings: 'a', 'b'.
func literals(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = literal(t)
	}
	return strings.Join(quoted, ", ")
}

// identifiers lists identifiers: "a","b".
func identifiers(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = identifier(n)
	}
	return strings.Join(quoted, ",")
}

func integer(n int64) string { return strconv.FormatInt(n, 10) }
