package aws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources parses a package's product code; nil if there is no such package.
func sources(t *testing.T, pkg string) map[string]*ast.File {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	parsed := map[string]*ast.File{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed[filepath.Base(name)] = f
	}
	return parsed
}

// bucketMethods are those of bucket.Bucket that ask the store.
var bucketMethods = []string{"Create", "Put", "Get", "Stat", "List", "Folders", "Delete"}

// bucketCalls returns the calls of a bucket's methods in a package, as
// "r.buffer.List". What tells them from other methods of such names is the
// context that comes first.
func bucketCalls(t *testing.T, pkg string) (calls []string) {
	t.Helper()
	for _, f := range sources(t, pkg) {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 || !strings.HasSuffix(types.ExprString(call.Args[0]), "ctx") {
				return true
			}
			if called, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(bucketMethods, called.Sel.Name) {
				calls = append(calls, types.ExprString(called))
			}
			return true
		})
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// awsCalls returns the requests to services of AWS in a package, as
// "redshiftdata.ExecuteStatement". Each request of the SDK has an input named
// after it.
func awsCalls(t *testing.T, pkg string) (calls []string) {
	t.Helper()
	for _, f := range sources(t, pkg) {
		services := map[string]string{}
		for _, i := range f.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if service, ok := strings.CutPrefix(path, "github.com/aws/aws-sdk-go-v2/service/"); ok && !strings.Contains(service, "/") {
				name := service
				if i.Name != nil {
					name = i.Name.Name
				}
				services[name] = service
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && services[x.Name] != "" && strings.HasSuffix(s.Sel.Name, "Input") {
					calls = append(calls, services[x.Name]+"."+strings.TrimSuffix(s.Sel.Name, "Input"))
				}
			}
			return true
		})
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// settings returns the IKADA_ variables that a function's file reads, whether it
// names them itself or by a constant of the package.
func settings(t *testing.T, file string) (read []string) {
	t.Helper()
	all := sources(t, "lambdas")
	constants := map[string]string{}
	variable := func(n ast.Node) string {
		if l, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(l.Value, `"IKADA_`) {
			return strings.Trim(l.Value, `"`)
		}
		return ""
	}
	for _, f := range all {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok {
				for i, v := range s.Values {
					if name := variable(v); name != "" {
						constants[s.Names[i].Name] = name
					}
				}
			}
			return true
		})
	}
	if all[file] == nil {
		return nil
	}
	ast.Inspect(all[file], func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && constants[id.Name] != "" {
			read = append(read, constants[id.Name])
		}
		if name := variable(n); name != "" {
			read = append(read, name)
		}
		return true
	})
	slices.Sort(read)
	return slices.Compact(read)
}
