package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/declare"
)

const document = "../docs/configuration.md"

// cut returns what is between two marks of a text, and what is around it.
func cut(t *testing.T, text, begin, end string) (before, between, after string) {
	t.Helper()
	before, rest, ok := strings.Cut(text, begin)
	between, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks %q … %q", document, begin, end)
	}
	return before + begin, between, end + after
}

func TestDocumentHoldsTheTableOfSettings(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, got, after := cut(t, string(text), "<!-- settings: begin -->\n", "<!-- settings: end -->")
	var want strings.Builder
	if err := config.Markdown(&want); err != nil {
		t.Fatal(err)
	}
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table of %s is not that of the settings: run `make docs`", document)
	}
	if err := os.WriteFile(document, []byte(before+want.String()+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentedFileIsValid(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := cut(t, string(text), "```yaml\n", "```\n")
	file := filepath.Join(t.TempDir(), "ikada.yaml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "/var/lib/ikada" || len(c.Forward.Users) != 1 || len(c.HTTP.Tokens) != 1 || c.Stream.DiskLimit != 50<<30 {
		t.Errorf("got %+v", c)
	}
}

func TestDocumentedErrorsAreThoseOfTheProgram(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := cut(t, string(text), "```\nikada: ", "```\n")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("ikada.yaml", []byte("forward:\n  lisen: :1\nload:\n  age: soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load("", nil, nil); err == nil || err.Error()+"\n" != strings.ReplaceAll(want, "\nikada: ", "\n") {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestDocumentedDeclarationsAreValid(t *testing.T) {
	text, err := os.ReadFile("../docs/tables.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := cut(t, string(text)+"\n## end", "\n## Declared log types\n", "\n## end")
	_, example, _ := cut(t, section, "```yaml\n", "```\n")
	c, err := config.Read("ikada.yaml", []byte(example), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Types) != 1 || len(c.Routes) != 3 || len(c.Types[0].Guards) != 5 {
		t.Errorf("got %+v and %+v", c.Types, c.Routes)
	}
	for _, word := range strings.Fields(declare.TimeFormats) {
		if word[0] == '%' && !strings.Contains(section, word) {
			t.Errorf("docs/tables.md says nothing of %s in a time's layout", word)
		}
	}
}
