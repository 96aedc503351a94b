// Package archtest holds the rules of the house: which package may import
// which, and what every package owes its readers. Its test runs them over the
// whole module.
package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the path of the module that the rules are for.
const Module = "github.com/ikada-io/ikada"

// Package is what the rules need to know of a package.
type Package struct {
	Path    string // within the module: "" for the root, "bucket/dir"
	Doc     string // the first sentence of its comment
	Imports []string
	Files   []File // of product code: no tests, nothing generated
}

// File is a source file.
type File struct {
	Name  string
	Lines int
}

// Role is a package's place in the architecture.
type Role string

// The roles, each with what it may import.
const (
	Vocabulary Role = "vocabulary" // the root package: words, and nothing of the module
	Contract   Role = "contract"   // what stages ask of the world
	Format     Role = "format"     // what is stored
	Stage      Role = "stage"      // the pipeline
	Operation  Role = "operation"  // what an operator asks for: audits, replays
	Adapter    Role = "adapter"    // one way to fulfil a contract
	Suite      Role = "suite"      // what every adapter of a contract passes
	Helper     Role = "helper"     // small things that several share
	Edge       Role = "edge"       // what people and programs meet: settings, pages, clients
	StandIn    Role = "stand-in"   // imitates a foreign system, for tests of what talks to it
	Wiring     Role = "wiring"     // puts the others together
)

var mayImport = map[Role][]Role{
	Vocabulary: {},
	Contract:   {Vocabulary},
	Format:     {Vocabulary, Contract, Format},
	Stage:      {Vocabulary, Contract, Format, Helper},
	Operation:  {Vocabulary, Contract, Format, Helper},
	Adapter:    {Vocabulary, Contract, Helper},
	Suite:      {Vocabulary, Contract, Helper},
	Helper:     {Vocabulary, Contract, Format, Helper},
	Edge:       {Vocabulary, Contract, Format, Operation, Helper, Edge},
	StandIn:    {},
	Wiring:     {Vocabulary, Contract, Format, Stage, Operation, Adapter, Suite, Helper, Edge, StandIn, Wiring},
}

// roles are those of folders, and of the packages below them unless they have
// a line of their own.
var roles = map[string]Role{
	"stream": Contract, "bucket": Contract, "warehouse": Contract,
	"batch": Format, "bundle": Format, "declare": Format, "plan": Format, "manifest": Format, "record": Format, "archive": Format,
	"collect": Stage, "buffer": Stage, "route": Stage, "load": Stage,
	"quarantine": Operation, "replay": Operation, "compact": Operation,
	"audit": Operation, "retention": Operation,
	"warehouse/rows": Helper, "warehouse/rescue": Helper, "warehouse/redshift/rules": Helper, "stream/kinesisrecord": Helper,
	"internal": Helper,
	"drift":    Helper, "failure": Helper, "history": Operation,
	"config": Edge, "api": Edge, "forwardclient": Edge, "internal/cli": Edge,
	"redshiftstandin": StandIn, "internal/pipetest": Wiring,
	"pipeline": Wiring, "lambdas": Wiring, "cmd": Wiring, "bench": Wiring, "e2e": Wiring, "deploy": Wiring,
}

// RoleOf returns a package's role.
func RoleOf(pkg string) (Role, bool) {
	if pkg == "" {
		return Vocabulary, true
	}
	if role, known := roles[pkg]; known {
		return role, true
	}
	for folder := path.Dir(pkg); folder != "."; folder = path.Dir(folder) {
		switch role, known := roles[folder]; {
		case known && role == Contract && strings.HasSuffix(pkg, "test"):
			return Suite, true
		case known && role == Contract:
			return Adapter, true
		case known:
			return role, true
		}
	}
	return "", false
}

// onlyIn are libraries that stay behind a contract, or out of the way.
var onlyIn = map[string][]string{
	"github.com/duckdb/":    {"warehouse/duckdb", "redshiftstandin", "bench"},
	"github.com/jackc/pgx":  {"warehouse/redshift", "redshiftstandin"},
	"github.com/nats-io/":   {"stream/jetstream"},
	"github.com/spf13/":     {"cmd", "internal/cli"},
	"go.yaml.in/":           {"config"},
	"github.com/prometheus": {"api"},
	"github.com/aws/":       {"bucket/s3", "stream/kinesis", "warehouse/redshift", "internal/awstest", "lambdas", "cmd"},
}

// CheckImports returns the imports that break a rule.
func CheckImports(packages []Package) []error {
	var broken []error
	for _, p := range packages {
		role, known := RoleOf(p.Path)
		if !known {
			broken = append(broken, fmt.Errorf("package %s has no role: give it one in package archtest", p.Path))
			continue
		}
		for _, imported := range p.Imports {
			if err := checkImport(p.Path, role, imported); err != nil {
				broken = append(broken, err)
			}
		}
	}
	return broken
}

func checkImport(pkg string, role Role, imported string) error {
	own, ofModule := strings.CutPrefix(imported+"/", Module+"/")
	if !ofModule {
		return checkLibrary(pkg, imported)
	}
	own = strings.TrimSuffix(own, "/")
	other, known := RoleOf(own)
	switch {
	case !known: // reported for the package itself
	case role == Stage && other == Stage && top(pkg) == top(own): // parts of one stage
	case !slices.Contains(mayImport[role], other):
		return fmt.Errorf("%s (%s) imports %s (%s)", pkg, role, own, other)
	}
	return nil
}

func checkLibrary(pkg, imported string) error {
	for library, folders := range onlyIn {
		within := func(folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }
		if strings.HasPrefix(imported, library) && !slices.ContainsFunc(folders, within) {
			return fmt.Errorf("%s imports %s, which belongs to %s alone", pkg, imported, strings.Join(folders, " and "))
		}
	}
	return nil
}

func top(pkg string) string {
	folder, _, _ := strings.Cut(pkg, "/")
	return folder
}

// MaxLines is the greatest length of a file that a reader is asked to bear.
const MaxLines = 400

// CheckReadable returns the packages without a comment and the files too long.
func CheckReadable(packages []Package) []error {
	var broken []error
	for _, p := range packages {
		if len(p.Files) > 0 && p.Doc == "" {
			broken = append(broken, fmt.Errorf("package %s has no comment that says what it is for", p.Path))
		}
		for _, f := range p.Files {
			if f.Lines > MaxLines {
				broken = append(broken, fmt.Errorf("%s has %d lines, more than %d", path.Join(p.Path, f.Name), f.Lines, MaxLines))
			}
		}
	}
	return broken
}
