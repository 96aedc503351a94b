package ikada

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Names from the network are untrusted. The functions of this file are the
// only way from a tag to a log type and from there to paths and SQL
// identifiers. Different names never meet: a name that could not be kept bears
// a hash of the original, and an unchanged name never looks like a hashed one.

const (
	// MaxIdentifierBytes bounds SQL identifiers: 63 in PostgreSQL, 127 in Redshift.
	MaxIdentifierBytes = 63
	// MaxLogTypeBytes bounds a log type. Records with longer tags are quarantined.
	MaxLogTypeBytes = 1024
	// maxPathBytes bounds a log type's path segment, so that archive keys stay
	// well below the 256 characters that Redshift reports of a file name.
	maxPathBytes = 100
	hashBytes    = 13 // of base32: 65 bits
)

// TypeOf returns the log type that a tag routes to: the tag itself, but that
// no tag can reach the quarantine (its name gets one more underscore).
func TypeOf(tag string) (LogType, error) {
	switch {
	case tag == "":
		return "", fmt.Errorf("log type is empty: give the record a tag")
	case len(tag) > MaxLogTypeBytes:
		return "", fmt.Errorf("log type of %d bytes is longer than %d: shorten the tag", len(tag), MaxLogTypeBytes)
	case !utf8.ValidString(tag):
		return "", fmt.Errorf("log type %q is not UTF-8", tag)
	}
	return LogType(EscapeReserved(tag, func(s string) bool { return s == string(Quarantine) })), nil
}

// EscapeReserved puts one more underscore before a name that is reserved, or
// is a reserved name behind underscores, so that user names stay distinct from
// the reserved ones and from one another.
func EscapeReserved(name string, reserved func(string) bool) string {
	if name == "" || name[0] != '_' {
		return name
	}
	if reserved("_" + strings.TrimLeft(name, "_")) {
		return "_" + name
	}
	return name
}

// IsSystemField reports whether a field of that name is Ikada's own in every
// row: its system columns, and the metadata of a Fluent Bit entry.
func IsSystemField(name string) bool {
	switch name {
	case "_id", "_time", "_hour", "_dup", "_rest", "_meta":
		return true
	}
	return false
}

// FieldName returns the name under which a sender's field is kept: its own, but
// that a system field's name gets one more underscore.
func FieldName(key string) string { return EscapeReserved(key, IsSystemField) }

// PathName returns the log type as a path segment: itself if it is short and
// made of [a-z0-9._-], else a readable form, "--" and a hash.
func (t LogType) PathName() string {
	s := string(t)
	if plainPath(s) {
		return s
	}
	clean := strings.Trim(readable(s, "._-", '-'), ".-")
	for strings.Contains(clean, "--") {
		clean = strings.ReplaceAll(clean, "--", "-")
	}
	return cut(clean, maxPathBytes-hashBytes-2) + "--" + hash(s)
}

func plainPath(s string) bool {
	return s != "" && len(s) <= maxPathBytes && only(s, "._-") && !strings.Contains(s, "--") &&
		s[0] != '.' && s[0] != '-' && s[len(s)-1] != '.' && s[len(s)-1] != '-'
}

// TableName returns the log type as an SQL identifier that needs no quotes.
// Single dots become underscores (app.access is app_access), so underscores
// are doubled (app_access is app__access); a reserved word gets an underscore
// at its end. All other names get a hash.
func (t LogType) TableName() string {
	s := string(t)
	if t == Quarantine {
		return s
	}
	plain := s != "" && only(s, "._") && s[0] >= 'a' && s[0] <= 'z' && s[len(s)-1] != '.' && s[len(s)-1] != '_'
	for _, pair := range []string{"..", "__", "._", "_."} {
		plain = plain && !strings.Contains(s, pair)
	}
	name := strings.ReplaceAll(strings.ReplaceAll(s, "_", "__"), ".", "_")
	if !plain || len(name) >= MaxIdentifierBytes || looksHashed(name) {
		return hashedIdentifier(s)
	}
	if reservedWords[name] {
		return name + "_"
	}
	return name
}

// HashedTableName is TableName for a log type whose plain name is another's,
// because the configuration gives it to that one.
func (t LogType) HashedTableName() string { return hashedIdentifier(string(t)) }

// ColumnName returns a field's name as an SQL identifier that needs no quotes:
// in lower case, a reserved word with an underscore at its end. Identifiers do
// not tell cases apart, so of the fields of a table that share a plain name only
// the first can have it; for the others, and for names with other characters,
// taken must be true or the result has a hash anyway.
func ColumnName(field string, taken bool) string {
	name := strings.ToLower(field)
	if reservedWords[name] {
		name += "_"
	}
	if taken || name == "" || len(name) > MaxIdentifierBytes || !only(name, "_") ||
		name[0] >= '0' && name[0] <= '9' || looksHashed(name) {
		return hashedIdentifier(field)
	}
	return name
}

// PlainIdentifier reports whether a name that somebody chose for a table or a
// column is an SQL identifier that needs no quotes in any warehouse, and that
// no name made here can be.
func PlainIdentifier(name string) bool { return ColumnName(name, false) == name }

// hashedIdentifier returns a readable form of a name, "_0" and its hash.
func hashedIdentifier(name string) string {
	clean := strings.Trim(readable(name, "_", '_'), "_")
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		clean = "x" + clean
	}
	return cut(clean, MaxIdentifierBytes-hashBytes-2) + "_0" + hash(name)
}

// looksHashed reports whether a plain name ends as hashed ones do.
func looksHashed(s string) bool {
	i := len(s) - hashBytes - 2
	return i >= 0 && s[i:i+2] == "_0" && strings.Trim(s[i+2:], hashAlphabet) == ""
}

const hashAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

var hashText = base32.NewEncoding(hashAlphabet).WithPadding(base32.NoPadding)

func hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hashText.EncodeToString(sum[:])[:hashBytes]
}

// only reports whether s has nothing but [a-z0-9] and the characters of extra.
func only(s, extra string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

// readable maps s to [a-z0-9] and extra, other characters becoming fill.
func readable(s, extra string, fill rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r < utf8.RuneSelf && strings.ContainsRune(extra, r):
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return fill
	}, s)
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
