package redshiftstandin

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// depth counts the levels of nesting.
func depth(v jsontext.Value) int {
	most, now, inString := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			most = max(most, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return most
}

// checkStrings looks for strings that a SUPER value can't hold: more than
// 65,535 bytes, NUL, invalid UTF-8.
func checkStrings(v jsontext.Value) *fieldError {
	d := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowInvalidUTF8(false), jsontext.AllowDuplicateNames(true))
	for {
		t, err := d.ReadToken()
		if err != nil {
			if d.StackDepth() == 0 && d.InputOffset() == int64(len(v)) {
				return nil
			}
			return &fieldError{code: loadCharacter, message: "String contains invalid or unsupported UTF8 codepoints: " + err.Error()}
		}
		if t.Kind() == '"' {
			s := t.String()
			switch {
			case len(s) > maxVarchar:
				return &fieldError{code: loadRange, message: "String value exceeds the max size of 65535 bytes"}
			case strings.ContainsRune(s, 0):
				return &fieldError{code: loadCharacter, message: "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: 0 (error 3)"}
			}
		}
		if d.StackDepth() == 0 {
			return nil
		}
	}
}
