package redshiftstandin

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// value converts a JSON value to a column's type, as the text that DuckDB
// casts; nil is NULL.
func (l *loading) value(c columnInfo, v jsontext.Value) (*string, *fieldError) {
	if v == nil || v.Kind() == 'n' {
		if c.NotNull {
			return nil, &fieldError{code: loadNotNull, message: "Missing data for not-null field"}
		}
		return nil, nil
	}
	if c.Type.Name == "super" {
		return superValue(v)
	}
	content, bad := l.content(v)
	if bad != nil {
		return nil, bad
	}
	if c.Type.isText() {
		if l.emptyNull && content == "" || l.blanksNull && strings.TrimSpace(content) == "" && content != "" {
			return nil, nil
		}
		return l.textValue(c.Type, content)
	}
	content = strings.TrimSpace(content)
	if content == "" {
		return nil, nil // of other types blank fields are NULL (EMPTYASNULL, BLANKSASNULL)
	}
	if k := v.Kind(); k == '{' || k == '[' {
		return nil, &fieldError{code: loadUnknown, message: "Invalid value: an object or array for type " + c.Type.String()}
	}
	content, bad = l.scalar(c.Type, content, v.Kind() == '0')
	return &content, bad
}

// content is a value as text: strings decoded, others as they are written.
// Invalid UTF-8, lone surrogates and NUL are refused or, with ACCEPTINVCHARS,
// replaced.
func (l *loading) content(v jsontext.Value) (string, *fieldError) {
	if v.Kind() != '"' {
		return string(v), nil
	}
	decoded, err := jsontext.AppendUnquote(nil, v)
	s := string(decoded)
	if err == nil && !strings.ContainsRune(s, 0) {
		return s, nil
	}
	if !l.acceptInvalid {
		hex := "0"
		for i := 0; i < len(v); i++ {
			if r, n := utf8.DecodeRune(v[i:]); r == utf8.RuneError && n == 1 {
				hex = fmt.Sprintf("%x", v[i])
				break
			}
		}
		return "", &fieldError{code: loadCharacter, message: "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: " + hex + " (error 3)"}
	}
	s = strings.ReplaceAll(s, "\x00", l.replacement)
	return strings.ReplaceAll(s, "\uFFFD", l.replacement), nil
}

// textValue checks a text's length, in bytes.
func (l *loading) textValue(t dataType, s string) (*string, *fieldError) {
	if t.Name == "character" {
		s = strings.TrimRight(s, " ")
		for i := range len(s) {
			if s[i] >= utf8.RuneSelf {
				_, n := utf8.DecodeRuneInString(s[i:])
				return nil, &fieldError{code: loadCharacter, position: int64(i),
					message: fmt.Sprintf("Multibyte character not supported for CHAR (Hint: Try using VARCHAR). Invalid char: % x", s[i:i+n])}
			}
		}
	}
	if len(s) <= t.Length {
		return &s, nil
	}
	if !l.truncate {
		return nil, &fieldError{code: loadRange, message: "String length exceeds DDL length"}
	}
	n := t.Length
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	s = s[:n]
	return &s, nil
}

var (
	wholeNumber = regexp.MustCompile(`^[-+]?[0-9]+$`)
	anyNumber   = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
)

// scalar converts to the types that are neither text nor SUPER. bare says
// that it is a JSON number, without quotes.
func (l *loading) scalar(t dataType, s string, bare bool) (string, *fieldError) {
	switch t.Name {
	case "boolean":
		switch strings.ToLower(s) {
		case "t", "true", "y", "yes", "1":
			return "true", nil
		case "f", "false", "n", "no", "0":
			return "false", nil
		}
		return "", &fieldError{code: loadBool, message: "Unknown boolean format"}
	case "smallint", "integer", "bigint":
		return whole(t.Name, s)
	case "real", "double precision":
		return float(t.Name, s)
	case "numeric":
		return l.decimalValue(t, s, bare)
	case "date":
		return dateValue(l.dateFormat, s)
	}
	return timestampValue(l.timeFormat, s, t.Name == "timestamp with time zone")
}

func whole(name, s string) (string, *fieldError) {
	if !wholeNumber.MatchString(s) {
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i == 0 && len(s) > 1 && (s[0] == '-' || s[0] == '+') {
			if j := strings.IndexFunc(s[1:], func(r rune) bool { return r < '0' || r > '9' }); j >= 0 {
				i = j + 1
			}
		}
		i = max(i, 0)
		r, _ := utf8.DecodeRuneInString(s[i:])
		return "", &fieldError{code: loadDigit, position: int64(i), message: fmt.Sprintf("Invalid digit, Value '%c', Pos %d, Type: %s", r, i, digitTypes[name])}
	}
	bits := map[string]int{"smallint": 16, "integer": 32, "bigint": 64}[name]
	if _, err := strconv.ParseInt(s, 10, bits); err != nil {
		return "", &fieldError{code: loadRange, message: "Overflow for type " + digitTypes[name]}
	}
	return strings.TrimPrefix(s, "+"), nil
}

var digitTypes = map[string]string{"smallint": "Short", "integer": "Integer", "bigint": "Long"}

func float(name, s string) (string, *fieldError) {
	bits := 64
	if name == "real" {
		bits = 32
	}
	f, err := strconv.ParseFloat(s, bits)
	if !anyNumber.MatchString(s) || err != nil && !errors.Is(err, strconv.ErrRange) {
		return "", &fieldError{code: loadFloat, message: "Invalid digit, Value '" + s + "', Type: " + name}
	}
	if math.IsInf(f, 0) {
		return "", &fieldError{code: loadFloat, message: "Overflow/underflow for type " + name}
	}
	return strconv.FormatFloat(f, 'g', -1, bits), nil
}

// superValue keeps a JSON value as it is, without white space, within the
// limits of SUPER (Limitations, AWS guide).
func superValue(v jsontext.Value) (*string, *fieldError) {
	if depth(v) > 1000 {
		return nil, &fieldError{code: loadRange, message: "SUPER value nested deeper than 1000 levels"}
	}
	if bad := checkStrings(v); bad != nil {
		return nil, bad
	}
	compact := v.Clone()
	if err := compact.Compact(); err != nil {
		return nil, &fieldError{code: loadLine, message: "Invalid JSON: " + err.Error()}
	}
	if len(compact) > maxSuper {
		return nil, &fieldError{code: loadRange, message: "SUPER value exceeds the limit of 16777216 bytes"}
	}
	s := string(compact)
	return &s, nil
}
