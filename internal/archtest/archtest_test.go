package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestModuleKeepsTheRules(t *testing.T) {
	packages := list(t)
	for _, must := range []string{"", "bucket", "bucket/dir", "collect/forward", "route"} {
		if !slices.ContainsFunc(packages, func(p Package) bool { return p.Path == must && len(p.Files) > 0 }) {
			t.Fatalf("package %q is not among the %d listed", must, len(packages))
		}
	}
	for _, err := range slices.Concat(CheckImports(packages), CheckReadable(packages)) {
		t.Error(err)
	}
}

// list asks the go command for the module's packages.
func list(t *testing.T) []Package {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles,IgnoredGoFiles", Module+"/...")
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []Package
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir, Doc             string
			Imports, GoFiles, IgnoredGoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		files := slices.Concat(p.GoFiles, p.IgnoredGoFiles)
		packages = append(packages, Package{
			Path:    strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, Module), "/"),
			Doc:     p.Doc,
			Imports: p.Imports,
			Files:   count(t, p.Dir, files),
		})
	}
}

// count counts the lines of files that people write.
func count(t *testing.T, dir string, names []string) []File {
	t.Helper()
	var files []File
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") && !bytes.HasPrefix(text, []byte("// Code generated ")) {
			files = append(files, File{Name: name, Lines: bytes.Count(text, []byte("\n"))})
		}
	}
	return files
}

func TestRoles(t *testing.T) {
	for pkg, want := range map[string]Role{
		"":                         Vocabulary,
		"bucket":                   Contract,
		"bucket/dir":               Adapter,
		"bucket/fault":             Adapter,
		"bucket/buckettest":        Suite,
		"warehouse/rows":           Helper,
		"collect":                  Stage,
		"collect/internal/msgpack": Stage,
		"internal/gen":             Helper,
		"internal/cli":             Edge,
		"cmd/ikada":                Wiring,
		"redshiftstandin":          StandIn,
		"novelty":                  "",
		"bucketful":                "",
	} {
		if got, known := RoleOf(pkg); got != want || known != (want != "") {
			t.Errorf("%q is %q, want %q", pkg, got, want)
		}
	}
}

func TestImportsAreChecked(t *testing.T) {
	for _, c := range []struct {
		pkg, imports string
		want         string // part of the error; "" for none
	}{
		{"", "fmt", ""},
		{"", Module + "/batch", "imports batch (format)"},
		{"bucket", Module, ""},
		{"bucket", Module + "/bundle", "bucket (contract) imports bundle (format)"},
		{"bundle", Module + "/bucket", ""},
		{"bundle", Module + "/bucket/dir", "imports bucket/dir (adapter)"},
		{"route", Module + "/plan", ""},
		{"route", Module + "/bucket", ""},
		{"route", Module + "/buffer", "route (stage) imports buffer (stage)"},
		{"collect/forward", Module + "/collect", ""},
		{"collect", Module + "/collect/internal/msgpack", ""},
		{"collect/forward", Module + "/buffer", "imports buffer (stage)"},
		{"load", Module + "/warehouse/duckdb", "load (stage) imports warehouse/duckdb (adapter)"},
		{"load", Module + "/config", "imports config (edge)"},
		{"warehouse/duckdb", Module + "/warehouse", ""},
		{"warehouse/duckdb", Module + "/warehouse/rows", ""},
		{"warehouse/duckdb", Module + "/load", "imports load (stage)"},
		{"warehouse/duckdb", Module + "/bucket/dir", "imports bucket/dir (adapter)"},
		{"api", Module + "/pipeline", "imports pipeline (wiring)"},
		{"api", Module + "/route", "imports route (stage)"},
		{"pipeline", Module + "/bucket/dir", ""},
		{"cmd/ikada", Module + "/pipeline", ""},
		{"redshiftstandin", Module + "/bucket", "imports bucket (contract)"},
		{"warehouse/duckdb", Module + "/redshiftstandin", "imports redshiftstandin (stand-in)"},
		{"novelty", "fmt", "novelty has no role"},
		{"warehouse/duckdb", "github.com/duckdb/duckdb-go/v2", ""},
		{"load", "github.com/duckdb/duckdb-go/v2", "belongs to warehouse/duckdb"},
		{"collect", Module + "-like/other", ""},
	} {
		broken := errors.Join(CheckImports([]Package{{Path: c.pkg, Imports: []string{"context", c.imports}}})...)
		switch {
		case broken == nil && c.want != "":
			t.Errorf("%s may import %s", c.pkg, c.imports)
		case broken != nil && (c.want == "" || !strings.Contains(broken.Error(), c.want)):
			t.Errorf("%s imports %s: %v, want %q", c.pkg, c.imports, broken, c.want)
		}
	}
}

func TestReadabilityIsChecked(t *testing.T) {
	broken := CheckReadable([]Package{
		{Path: "good", Doc: "Package good is.", Files: []File{{"a.go", 400}}},
		{Path: "testsonly"},
		{Path: "silent", Files: []File{{"a.go", 1}}},
		{Path: "long", Doc: "Package long is.", Files: []File{{"a.go", 400}, {"b.go", 401}}},
	})
	if len(broken) != 2 || !strings.Contains(broken[0].Error(), "silent has no comment") || !strings.Contains(broken[1].Error(), "long/b.go has 401 lines") {
		t.Errorf("got %v", broken)
	}
}
