package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that must not be shown. Whatever prints it prints ***, and
// nothing if it is empty. The text is behind a pointer so that printing a
// struct which holds a Secret deep inside cannot show it either.
type Secret struct {
	text *string
}

// NewSecret makes a Secret of a text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Set reports whether there is a text.
func (s Secret) Set() bool { return s.Reveal() != "" }

func (s Secret) String() string {
	if !s.Set() {
		return ""
	}
	return "***"
}

// Format covers every verb of fmt, %d and %x included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is for encoding/json and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML is for YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
