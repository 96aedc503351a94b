package aws

import (
	"go/ast"
	"slices"
	"testing"
)

// function is what one of bucket/s3 does.
type function struct {
	requests []string // to S3, by the client's methods
	uses     []string // other functions, as "Bucket.head" or "span"
}

// requests returns which requests to S3 each method of bucket/s3's Bucket makes,
// itself or by what it uses.
func requests(t *testing.T) map[string][]string {
	t.Helper()
	functions := map[string]function{}
	for _, f := range sources(t, "bucket/s3") {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				name, does := study(fn)
				functions[name] = does
			}
		}
	}
	all, reached := map[string][]string{}, map[string]bool{}
	for _, method := range slices.Concat(bucketMethods, []string{"Verify"}) {
		seen := map[string]bool{}
		var follow func(name string)
		follow = func(name string) {
			if seen[name] {
				return
			}
			seen[name], reached[name] = true, true
			all[method] = append(all[method], functions[name].requests...)
			for _, next := range functions[name].uses {
				follow(next)
			}
		}
		follow("Bucket." + method)
		slices.Sort(all[method])
		all[method] = slices.Compact(all[method])
		if len(all[method]) == 0 {
			t.Errorf("bucket/s3 has no %s that asks S3 for anything", method)
		}
	}
	for name, f := range functions {
		if len(f.requests) > 0 && !reached[name] {
			t.Errorf("bucket/s3: %s asks S3 for %v: this test cannot see which method of a bucket does so", name, f.requests)
		}
	}
	return all
}

// study finds what a function does.
func study(fn *ast.FuncDecl) (name string, f function) {
	name = fn.Name.Name
	vars := map[string]string{} // variables whose type can be read off
	declare := func(fields *ast.FieldList) {
		for _, field := range fields.List {
			for _, v := range field.Names {
				vars[v.Name] = nameOf(field.Type)
			}
		}
	}
	declare(fn.Type.Params)
	if fn.Recv != nil {
		declare(fn.Recv)
		name = nameOf(fn.Recv.List[0].Type) + "." + name
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, v := range n.Lhs {
				if id, ok := v.(*ast.Ident); ok && len(n.Lhs) == len(n.Rhs) {
					if typ := nameOf(n.Rhs[i]); typ != "" {
						vars[id.Name] = typ
					}
				}
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok {
				f.uses = append(f.uses, id.Name)
			}
		case *ast.SelectorExpr: // called, or handed on
			switch x := n.X.(type) {
			case *ast.Ident:
				f.uses = append(f.uses, vars[x.Name]+"."+n.Sel.Name)
			case *ast.SelectorExpr:
				if x.Sel.Name == "client" {
					f.requests = append(f.requests, n.Sel.Name)
				}
			}
		}
		return true
	})
	return name, f
}

// nameOf returns T of T, *T, T{…} and &T{…}.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return nameOf(e.X)
	case *ast.UnaryExpr:
		return nameOf(e.X)
	case *ast.CompositeLit:
		return nameOf(e.Type)
	}
	return ""
}
