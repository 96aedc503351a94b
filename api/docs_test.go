package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentHoldsAllRoutes looks for the routes in the code, as a mux tells none.
func TestDocumentHoldsAllRoutes(t *testing.T) {
	text, err := os.ReadFile("../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	route, found := regexp.MustCompile(`"((?:GET|POST) /[^"]*)"`), 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range route.FindAllStringSubmatch(string(code), -1) {
			found++
			if want := "`" + strings.TrimSuffix(m[1], "{$}") + "`"; !strings.Contains(string(text), want) {
				t.Errorf("docs/http.md lacks %s of %s", want, file)
			}
		}
	}
	if found < 15 {
		t.Errorf("found %d routes in %d files", found, len(files))
	}
}
