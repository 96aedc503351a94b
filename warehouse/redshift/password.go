package redshift

import (
	"fmt"
	"io"
	"log/slog"
)

// Password is a text that must not be shown: whatever prints it prints ***, and
// nothing if it is empty. The text is behind a pointer, so that printing a
// struct that holds a Password deep inside can't show it either.
type Password struct{ text *string }

// NewPassword makes a Password of a text.
func NewPassword(text string) Password { return Password{text: &text} }

func (p Password) reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}

func (p Password) String() string {
	if p.reveal() == "" {
		return ""
	}
	return "***"
}

// Format covers every verb of fmt, %d and %x included.
func (p Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue is for log/slog.
func (p Password) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText is for encoding/json and the like.
func (p Password) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
