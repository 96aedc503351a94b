package redshift

import (
	"context"
	"fmt"
	"strings"

	"github.com/ikada-io/ikada/warehouse"
)

// Query runs one statement that only reads. Redshift knows no transactions that
// only read, so the statement is looked at, run in a transaction that is
// rolled back and, but for SHOW and EXPLAIN, through a cursor. What a function
// does behind a SELECT is up to the rights of the database's user.
func (w *Warehouse) Query(ctx context.Context, query string, limit int64) (warehouse.Rows, error) {
	query, err := onlyReads(query)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	rows, err := w.db.stream(ctx, query, limit)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return rows, nil
}

// onlyReads refuses all but one statement that reads, and returns it without a
// semicolon at its end. Whether a backslash in a string is an escape depends
// on the server, so a query must pass under both readings.
func onlyReads(query string) (string, error) {
	if strings.Contains(query, "\x00") {
		return "", warehouse.ErrNotReadOnly
	}
	var end int
	for _, escapes := range []bool{true, false} {
		words, last, err := scan(query, escapes)
		if err != nil {
			return "", err
		}
		if !allowed(words) {
			return "", warehouse.ErrNotReadOnly
		}
		end = max(end, last)
	}
	return query[:end], nil
}

// allowed tells by a statement's words, in lower case, whether it reads. INTO
// makes a table of a SELECT; in a WITH there may be nothing but queries.
func allowed(words []string) bool {
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "show", "explain": // which runs nothing
		return true
	case "select", "with":
		for i, w := range words {
			switch {
			case w == "into":
				return false
			case i > 0 && words[0] == "with" && (w == "insert" || w == "update" || w == "delete" || w == "merge"):
				return false
			}
		}
		return true
	}
	return false
}

// isSmall tells statements that no cursor takes, and whose results are small.
func isSmall(query string) bool {
	words, _, err := scan(query, true)
	return err == nil && len(words) > 0 && (words[0] == "show" || words[0] == "explain")
}

// scan returns the bare words of a statement in lower case, without comments,
// strings and quoted names, and where the statement ends. It refuses what
// follows a semicolon, and what does not end.
func scan(sql string, escapes bool) (words []string, end int, err error) {
	ended := false
	for i := 0; i < len(sql); {
		from := i
		c := sql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
			continue
		case strings.HasPrefix(sql[i:], "--"):
			if i = strings.IndexByte(sql[from:], '\n'); i < 0 {
				return words, end, nil
			}
			i += from
			continue
		case strings.HasPrefix(sql[i:], "/*"):
			if i = skipComment(sql, i); i < 0 {
				return nil, 0, fmt.Errorf("a comment has no end, or another in it")
			}
			continue
		case c == ';':
			ended = true
			i++
			continue
		case ended:
			return nil, 0, warehouse.ErrSeveral
		case c == '\'' || c == '"':
			i = skipQuoted(sql, i, escapes && c == '\'')
		case c == '$': // it may quote, or stand for an argument
			return nil, 0, warehouse.ErrNotReadOnly
		case isWord(c):
			for i < len(sql) && (isWord(sql[i]) || sql[i] == '$') {
				i++
			}
			words = append(words, strings.ToLower(sql[from:i]))
		default:
			i++
		}
		if i < 0 {
			return nil, 0, fmt.Errorf("a quotation has no end")
		}
		end = i
	}
	return words, end, nil
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// skipQuoted returns the place behind a string or a quoted name, -1 if it does
// not end.
func skipQuoted(sql string, i int, escapes bool) int {
	quote := sql[i]
	for i++; i < len(sql); i++ {
		switch {
		case escapes && sql[i] == '\\':
			i++
		case sql[i] == quote && i+1 < len(sql) && sql[i+1] == quote:
			i++
		case sql[i] == quote:
			return i + 1
		}
	}
	return -1
}

// skipComment returns the place behind a comment, -1 if it does not end.
// Comments nest in PostgreSQL; so that it does not matter, none may.
func skipComment(sql string, i int) int {
	inside := sql[i+2:]
	n := strings.Index(inside, "*/")
	if n < 0 || strings.Contains(inside[:n], "/*") {
		return -1
	}
	return i + 2 + n + 2
}
