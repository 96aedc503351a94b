package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/jackc/pgx/v5"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/redshiftstandin"
)

// site is an Ikada with an operator: its settings are in a file, and what it
// keeps can be reached behind its back.
type site struct {
	*server
	config             string
	archive, manifests bucket.Bucket
	redshift           bool
	// damage runs a statement in the warehouse itself. Where only one process
	// may have it, Ikada is stopped meanwhile.
	damage func(statement string)
	// empty puts an empty warehouse in the place of the one that is there.
	// Ikada does not run.
	empty func()
}

const operatorToken = "open-sesame-open-sesame"

// What both sites have in common: times are short, so that the day is.
const operatorSettings = `
http:
  tokens: [` + operatorToken + `]
buffer: {flush: 50ms}
route: {interval: 50ms}
load: {age: 50ms}
compact: {interval: 0, min_age: 15m}
types:
  app.login:
    table: logins
    columns: {status: bigint}
    mask: {phone: "(hidden)"}
`

func newSite(t *testing.T, settings string) *site {
	t.Helper()
	t.Setenv("IKADA_TOKEN", operatorToken)
	s := &site{server: prepare(t)}
	s.config = filepath.Join(t.TempDir(), "ikada.yaml")
	s.flags = []string{"--config", s.config}
	s.configure(settings)
	return s
}

func (s *site) configure(settings string) {
	s.t.Helper()
	if err := os.WriteFile(s.config, []byte("data: "+s.dir+"\n"+settings+operatorSettings), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// onOneMachine keeps everything in directories, and tables in DuckDB.
func onOneMachine(t *testing.T) *site {
	s := newSite(t, "")
	var err error
	if s.archive, err = dir.Open(filepath.Join(s.dir, "archive")); err != nil {
		t.Fatal(err)
	}
	if s.manifests, err = dir.Open(filepath.Join(s.dir, "manifests")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.dir, "warehouse.duckdb")
	s.damage = func(statement string) {
		t.Helper()
		s.stop()
		db, err := sql.Open("duckdb", file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		s.run()
	}
	s.empty = func() {
		t.Helper()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file + ".wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return s
}

// inTheCloud keeps buckets in an S3 store, and tables in Redshift as far as its
// stand-in goes.
func inTheCloud(t *testing.T) *site {
	_, _, place := buckets(t)
	if err := os.Unsetenv("IKADA_BUCKETS"); err != nil { // the file says it
		t.Fatal(err)
	}
	t.Setenv("IKADA_WAREHOUSE_IAM_ROLE", role)
	var standin *redshiftstandin.Server
	settings := func() string {
		t.Helper()
		var err error
		if standin, err = redshiftstandin.Start(redshiftstandin.Options{Objects: objects{open(t, place, "")}}); err != nil {
			t.Fatal(err)
		}
		server := standin
		t.Cleanup(func() { _ = server.Close() })
		return "buckets: " + place + "\nwarehouse: " + strings.Replace(standin.URL(), "postgres://", "redshift://", 1) + "\n"
	}
	s := newSite(t, settings())
	s.archive, s.manifests, s.redshift = open(t, place, "archive"), open(t, place, "manifests"), true
	s.damage = func(statement string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), standin.URL())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.empty = func() { s.configure(settings()) }
	return s
}

// command runs a command with the settings of the file, and returns its output,
// what it says on standard error, and its exit code.
func (s *site) command(args ...string) (out, errs string, code int) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(ikadaBinary, append(args, "--config", s.config)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// shows asserts what a command shows as a table.
func (s *site) shows(command string, words ...string) string {
	s.t.Helper()
	out, errs, code := s.command(strings.Fields(command)...)
	if code != 0 {
		s.t.Errorf("ikada %s ends with %d: %s", command, code, errs)
	}
	s.t.Logf("$ ikada %s\n%s", command, out)
	for _, word := range words {
		if !strings.Contains(out, word) {
			s.t.Errorf("ikada %s does not show %q:\n%s", command, word, out)
		}
	}
	return out
}

// fails asserts that a command ends with 1, and what it shows then.
func (s *site) fails(command string, words ...string) {
	s.t.Helper()
	out, errs, code := s.command(strings.Fields(command)...)
	if code != 1 {
		s.t.Errorf("ikada %s ends with %d, want 1", command, code)
	}
	s.t.Logf("$ ikada %s\n%s%s", command, out, errs)
	for _, word := range words {
		if !strings.Contains(out+errs, word) {
			s.t.Errorf("ikada %s does not show %q:\n%s%s", command, word, out, errs)
		}
	}
}

// asks returns what a command shows as JSON.
func asks[T any](s *site, command string) (v T) {
	s.t.Helper()
	out, errs, code := s.command(append(strings.Fields(command), "--format", "json")...)
	if code != 0 {
		s.t.Fatalf("ikada %s ends with %d: %s%s", command, code, out, errs)
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("ikada %s --format json: %v:\n%s", command, err, out)
	}
	return v
}

// rows returns the rows of a statement.
func (s *site) rows(statement string) ([]map[string]any, error) {
	out, errs, code := s.command("query", "--format", "json", "--limit", "0", statement)
	if code != 0 {
		return nil, errors.New(strings.TrimSpace(errs))
	}
	var rows []map[string]any
	d := json.NewDecoder(strings.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", statement, err, out)
	}
	return rows, nil
}
