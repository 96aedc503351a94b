// Package awstest runs what the tests take for AWS: real servers of their own,
// as separate processes.
//
//	server := awstest.StartS3(t)
//	bucket := server.NewBucket(t)
//	// server.Endpoint, server.Region, server.AccessKeyID, server.SecretAccessKey
//
// A server ends with the test that started it. A test whose server cannot be
// had fails, and says how to get it: it never passes by testing less.
package awstest

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

const module = "github.com/ikada-io/ikada"

// tool returns the path of a program that `make test-deps` builds, or fails
// the test. It must be a build of the package main.
func tool(t testing.TB, name, main string) string {
	t.Helper()
	path := filepath.Join(moduleRoot(t), ".tools", name)
	info, err := buildinfo.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the tests need %s, which is not there (%s): run `make test-deps`", name, path)
	}
	if err != nil {
		t.Fatalf("look into %s: %v", path, err)
	}
	if info.Path != main {
		t.Fatalf("%s is %s, want %s: remove it and run `make test-deps`", path, info.Path, main)
	}
	return path
}

// moduleRoot finds the folder with the module's go.mod above the test.
func moduleRoot(t testing.TB) string {
	t.Helper()
	start, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module "+module+"\n")) {
			return folder
		}
		if folder == filepath.Dir(folder) {
			t.Fatalf("no go.mod of %s in or above %s", module, start)
		}
	}
}
