package config

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Describe prints the configuration in effect, each value with its source.
// Secrets are shown as ***.
func (c *Config) Describe(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range Settings() {
		if _, err := fmt.Fprintf(tw, "%s\t%s\t(%s)\n", s.Name, s.Value(c), c.Source(s.Name)); err != nil {
			return fmt.Errorf("describe configuration: %w", err)
		}
	}
	if err := c.describeDeclared(tw); err != nil {
		return fmt.Errorf("describe configuration: %w", err)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("describe configuration: %w", err)
	}
	return nil
}

// Markdown writes the table of settings for the documentation.
func Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	_, _ = b.WriteString("| setting | flag | environment | default | accepts | what it does |\n|---|---|---|---|---|---|\n")
	for _, s := range Settings() {
		def := ""
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		_, _ = fmt.Fprintf(b, "| `%s` | `--%s` | `%s` | %s | %s | %s |\n", s.Name, s.Flag, s.Env, def, escape(s.Accepts), escape(s.Doc))
	}
	if err := b.Flush(); err != nil { // a bufio.Writer keeps its first error
		return fmt.Errorf("write table of settings: %w", err)
	}
	return nil
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
