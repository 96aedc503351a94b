// Package e2e tests the real binary from outside, with clients that nobody
// here wrote: sockets in, rows out.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/proc"
)

// Built once by TestMain.
var ikadaBinary, goClient string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ikada-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		ikadaBinary, goClient = filepath.Join(dir, "ikada"), filepath.Join(dir, "gofluent")
		if err := build(ikadaBinary, "..", "./cmd/ikada"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := build(goClient, "clients/gofluent", "."); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func build(out, dir, pkg string) error {
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s in %s: %w\n%s", pkg, dir, err, text)
	}
	return nil
}

// server is a running `ikada up`, or `ikada collect`.
type server struct {
	t       *testing.T
	command string // "up" or "collect"
	dir     string
	flags   []string
	cmd     *exec.Cmd
	log     *proc.Output
	forward string
	http    string
}

// start runs `ikada up` on a new data directory.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	s := prepare(t, flags...)
	s.run()
	return s
}

// startBrisk runs one that does not wait for more events than there are: for
// tests that look at rows, and not at what is on its way.
func startBrisk(t *testing.T, flags ...string) *server {
	t.Helper()
	return start(t, append(flags, "--buffer-flush", "50ms", "--route-interval", "50ms", "--load-age", "50ms")...)
}

// prepare makes a new data directory for a server that run starts.
func prepare(t *testing.T, flags ...string) *server {
	t.Helper()
	s := &server{t: t, command: "up", dir: t.TempDir(), flags: flags}
	s.forward, s.http = freeAddress(t), freeAddress(t)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("server log:\n%s", s.log)
		}
	})
	return s
}

// run starts the process and waits until it is ready.
func (s *server) run() {
	s.t.Helper()
	s.launch()
	s.answers("/readyz")
}

// launch starts the process and waits until it answers, ready or not.
func (s *server) launch() {
	s.t.Helper()
	args := append([]string{s.command, "--data", s.dir, "--forward", s.forward, "--http", s.http}, s.flags...)
	s.cmd = exec.Command(ikadaBinary, args...)
	if s.log == nil {
		s.log = &proc.Output{}
	}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.answers("/healthz")
}

// answers waits until a path is answered with 200.
func (s *server) answers(path string) {
	s.t.Helper()
	s.eventually(path, func() error {
		resp, err := http.Get("http://" + s.http + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, resp.Status)
		}
		return nil
	})
}

// kill ends the process as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// stop drains the process and asserts that it ends well.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("after SIGTERM: %v", err)
	}
	s.cmd = nil
}

// port returns the Forward port.
func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.forward)
	return port
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := awstest.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// eventually tries until there is no error, for some minutes: machines may be
// busy. It pauses for as long as a try takes: a server that has much to do must
// not be kept from it by being asked whether it is done.
func (s *server) eventually(what string, try func() error) {
	s.t.Helper()
	var err error
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); {
		start := time.Now()
		if err = try(); err == nil {
			return
		}
		time.Sleep(max(20*time.Millisecond, time.Since(start)))
	}
	s.t.Fatalf("%s: %v\nserver log:\n%s", what, err, s.log)
}

// query runs SQL by the command line and returns the first row.
func (s *server) query(sql string) (map[string]any, error) {
	rows, err := s.queryAll(sql)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", sql)
	}
	return rows[0], nil
}

func (s *server) queryAll(sql string) ([]map[string]any, error) {
	out, err := s.ikada("query", "--data", s.dir, "--format", "json", sql)
	if err != nil {
		return nil, err
	}
	var rows []map[string]any
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", sql, err, out)
	}
	return rows, nil
}

// ikada runs another command of the binary.
func (s *server) ikada(args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(ikadaBinary, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("ikada %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// wantRow waits until a query's first row is as wanted.
func (s *server) wantRow(sql string, want map[string]any) {
	s.t.Helper()
	s.eventually(sql, func() error {
		got, err := s.query(sql)
		if err != nil {
			return err
		}
		for name, v := range want {
			if fmt.Sprint(got[name]) != fmt.Sprint(v) {
				return fmt.Errorf("%s is %v, want %v (row %v)", name, got[name], v, got)
			}
		}
		return nil
	})
}

// sums is what events 0 to n-1 of the clients add up to.
func sums(n int) map[string]any {
	seq, checksum := 0, 0
	for i := range n {
		seq += i
		checksum += i*31 + 7
	}
	return map[string]any{"n": n, "distinct_seq": n, "seq": seq, "checksum": checksum}
}

const sumsOf = `select count(*) as n, count(distinct seq) as distinct_seq, sum(seq)::bigint as seq, sum(checksum)::bigint as checksum from `

// runClient runs a client to its end.
func runClient(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// post sends a body to the HTTP input and returns status and answer.
func (s *server) post(logType, body string, header ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+s.http+"/v1/logs/"+logType, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(answer))
}
