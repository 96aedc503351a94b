package awstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builds are the bootstraps that a process has built.
var builds struct {
	sync.Mutex
	dir  string // empty: each test builds its own
	path map[string]string
}

// KeepBuildsIn makes Build build each bootstrap once from now on, and keep it in
// a directory.
func KeepBuildsIn(dir string) {
	builds.Lock()
	defer builds.Unlock()
	builds.dir, builds.path = dir, map[string]string{}
}

// KeepBuilds runs the tests of a package, which build each bootstrap once: its
// TestMain exits with what it returns.
func KeepBuilds(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ikada-bootstraps-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the tests are over
	KeepBuildsIn(dir)
	return m.Run()
}

// Build builds a bootstrap as it is deployed, without cgo, of a package of the
// module ("./cmd/…").
func Build(t testing.TB, pkg string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if path, ok := builds.path[pkg]; ok {
		return path
	}
	dir := t.TempDir()
	if builds.dir != "" {
		dir = filepath.Join(builds.dir, filepath.Base(pkg))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Dir, cmd.Env = moduleRoot(t), append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, output)
	}
	if builds.dir != "" {
		builds.path[pkg] = path
	}
	return path
}
