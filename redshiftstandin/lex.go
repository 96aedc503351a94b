package redshiftstandin

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what sort of word a token is.
type kind uint8

const (
	word    kind = iota + 1 // an identifier or keyword
	quoted                  // "an identifier"
	text                    // 'a string'
	number                  // 12, 1.5e3
	mark                    // an operator or punctuation
	binding                 // $1
)

// token is one word of SQL.
type token struct {
	kind kind
	text string // lower case for words, decoded for quoted and strings
	raw  string // as written
	end  int    // where the statement goes on behind it
}

// is reports whether a token is one of some keywords or marks.
func (t token) is(words ...string) bool {
	if t.kind != word && t.kind != mark {
		return false
	}
	for _, w := range words {
		if t.text == w {
			return true
		}
	}
	return false
}

func (t token) isName() bool { return t.kind == word || t.kind == quoted }

// lex cuts SQL into tokens, without comments. escapes says that a backslash in
// a string escapes what follows.
func lex(sql string, escapes bool) ([]token, error) {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		return nil, errorf("22021", "invalid byte sequence for encoding \"UNICODE\" in the statement")
	}
	var tokens []token
	for i := 0; ; {
		i = skipBlank(sql, i)
		if i < 0 {
			return nil, syntaxError("unterminated /* comment")
		}
		if i == len(sql) {
			return tokens, nil
		}
		t, err := lexOne(sql, i, escapes)
		if err != nil {
			return nil, err
		}
		t.raw = sql[i:t.end]
		tokens, i = append(tokens, t), t.end
	}
}

// skipBlank returns where the next token is, -1 if a comment does not end.
func skipBlank(sql string, i int) int {
	for i < len(sql) {
		switch {
		case strings.IndexByte(" \t\r\n\f\v", sql[i]) >= 0:
			i++
		case strings.HasPrefix(sql[i:], "--"):
			end := strings.IndexByte(sql[i:], '\n')
			if end < 0 {
				return len(sql)
			}
			i += end
		case strings.HasPrefix(sql[i:], "/*"):
			end := strings.Index(sql[i+2:], "*/")
			if end < 0 {
				return -1
			}
			i += end + 4
		default:
			return i
		}
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func isWordPart(r rune) bool {
	return isWordStart(r) || r == '$' || r == '#' || unicode.IsDigit(r)
}

func lexOne(sql string, i int, escapes bool) (token, error) {
	first, _ := utf8.DecodeRuneInString(sql[i:])
	switch {
	case first == '\'':
		return lexString(sql, i, escapes)
	case first == '"':
		return lexQuoted(sql, i)
	case isWordStart(first) || first == '#':
		end := i + 1
		for end < len(sql) {
			r, n := utf8.DecodeRuneInString(sql[end:])
			if !isWordPart(r) {
				break
			}
			end += n
		}
		return token{kind: word, text: strings.ToLower(sql[i:end]), end: end}, nil
	case isDigit(sql[i]) || first == '.' && i+1 < len(sql) && isDigit(sql[i+1]):
		end := lexNumber(sql, i)
		return token{kind: number, text: sql[i:end], end: end}, nil
	case first == '$' && i+1 < len(sql) && isDigit(sql[i+1]):
		end := i + 1
		for end < len(sql) && isDigit(sql[end]) {
			end++
		}
		return token{kind: binding, text: sql[i+1 : end], end: end}, nil
	}
	for _, m := range [...]string{"::", "<=", ">=", "<>", "!=", "||", "!~*", "!~", "~*"} {
		if strings.HasPrefix(sql[i:], m) {
			return token{kind: mark, text: m, end: i + len(m)}, nil
		}
	}
	if strings.ContainsRune("()[],;.+-*/%<>=~?:{}|&^@$!", first) {
		return token{kind: mark, text: string(first), end: i + 1}, nil
	}
	return token{}, syntaxError("at or near %q", string(first))
}

func lexNumber(sql string, i int) int {
	for i < len(sql) && (isDigit(sql[i]) || sql[i] == '.') {
		i++
	}
	if i < len(sql) && (sql[i] == 'e' || sql[i] == 'E') {
		j := i + 1
		if j < len(sql) && (sql[j] == '+' || sql[j] == '-') {
			j++
		}
		if j < len(sql) && isDigit(sql[j]) {
			for j < len(sql) && isDigit(sql[j]) {
				j++
			}
			return j
		}
	}
	return i
}

func lexQuoted(sql string, i int) (token, error) {
	var b strings.Builder
	for j := i + 1; j < len(sql); j++ {
		if sql[j] != '"' {
			b.WriteByte(sql[j])
			continue
		}
		if j+1 < len(sql) && sql[j+1] == '"' {
			b.WriteByte('"')
			j++
			continue
		}
		if b.Len() == 0 {
			return token{}, syntaxError("zero-length delimited identifier")
		}
		return token{kind: quoted, text: b.String(), end: j + 1}, nil
	}
	return token{}, syntaxError("unterminated quoted identifier")
}

// lexString decodes a string. With escapes, as in PostgreSQL 8.0 a backslash escapes what
// follows it: the AWS guide writes regular expressions with doubled
// backslashes ('@.*\\.(org|gov)', REGEXP_REPLACE). Who quotes only the quotes
// of a text that may hold a backslash loses it, or lets SQL in.
func lexString(sql string, i int, escapes bool) (token, error) {
	var b strings.Builder
	for j := i + 1; j < len(sql); j++ {
		switch c := sql[j]; {
		case c == '\'' && j+1 < len(sql) && sql[j+1] == '\'':
			b.WriteByte('\'')
			j++
		case c == '\'':
			return token{kind: text, text: b.String(), end: j + 1}, nil
		case escapes && c == '\\' && j+1 < len(sql):
			j++
			if strings.IndexByte("01234567xuU", sql[j]) >= 0 {
				return token{}, notImitated("the escape \\%c in a string", sql[j])
			}
			if k := strings.IndexByte("bfnrt", sql[j]); k >= 0 {
				b.WriteByte("\b\f\n\r\t"[k])
			} else {
				b.WriteByte(sql[j])
			}
		default:
			b.WriteByte(c)
		}
	}
	return token{}, syntaxError("unterminated quoted string")
}

// split cuts tokens into statements at semicolons; empty ones are dropped.
func split(tokens []token) [][]token {
	var statements [][]token
	start := 0
	for i := 0; i <= len(tokens); i++ {
		if i == len(tokens) || tokens[i].is(";") {
			if i > start {
				statements = append(statements, tokens[start:i:i])
			}
			start = i + 1
		}
	}
	return statements
}

// literal writes a string for DuckDB, which takes a backslash as it is.
func literal(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "'", "''"), "\x00", "' || chr(0) || '") + "'"
}

// identifier writes a name for DuckDB.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
