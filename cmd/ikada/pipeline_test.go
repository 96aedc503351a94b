package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/internal/proc"
)

// These tests run the real pipeline within the process.

// startUp runs `ikada up` and returns its data directory, and what ends it well.
func startUp(t *testing.T, flags ...string) (dir string, end func()) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs proc.Output
	code := make(chan int, 1)
	go func() {
		a := &app{out: &out, err: &errs, open: openPipeline}
		code <- a.run(ctx, append([]string{"up", "--data", dir, "--forward", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "warn",
			"--buffer-flush", "20ms", "--route-interval", "20ms", "--load-age", "20ms"}, flags...)) // the defaults are a second each: see the demo
	}()
	var once sync.Once
	end = func() {
		once.Do(func() {
			cancel()
			if c := <-code; c != exitOK {
				t.Errorf("up ended with %d: %s", c, errs.String())
			}
		})
	}
	t.Cleanup(end)
	for {
		if _, err := endpoints.Read(dir); err == nil {
			return dir, end
		}
		select {
		case c := <-code:
			t.Fatalf("up ended with %d: %s", c, errs.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// until repeats a command until its output has a text.
func until(t *testing.T, want string, args ...string) result {
	t.Helper()
	for {
		r := in(t, &app{}, args...)
		if r.code == exitOK && strings.Contains(r.out, want) {
			return r
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%q: got %+v, want %q", args, r, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestCommandsWithARealPipeline(t *testing.T) {
	dir, end := startUp(t)
	file := filepath.Join(t.TempDir(), "events.ndjson")
	lines := `{"time":"2026-11-23T03:04:05.123456Z","n":9223372036854775807,"d":1.25,"s":"日本","o":{"k":[1]}}
{"n":2
{"n":1}
`
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}

	until(t, `"state": "running"`, "status", "--format", "json", "--data", dir)
	r := in(t, &app{}, "send", "--type", "app.sent", "--data", dir, file)
	if r.code != exitFailure || r.out != "2 events acknowledged\n" || !strings.Contains(r.err, file+":2: the JSON ends in the middle\n") || !strings.Contains(r.err, "1 bad line not sent") {
		t.Errorf("send: got %+v", r)
	}
	until(t, "app_sent", "status", "--data", dir)
	until(t, "\n2\n", "query", "--data", dir, "--format", "csv", "select count(*) from app_sent")
	r = in(t, &app{in: strings.NewReader("select _time, n, d, s, o from app_sent order by n desc")}, "query", "--data", dir, "--format", "json", "-")
	if want := `[
  {"_time": "2026-11-23T03:04:05.123456Z", "n": 9223372036854775807, "d": 1.25, "s": "日本", "o": {"k":[1]}},
`; r.code != exitOK || !strings.HasPrefix(r.out, want) {
		t.Errorf("query: got %+v", r)
	}
	r = in(t, &app{}, "query", "--data", dir, "--limit", "1", "--format", "csv", "select n from app_sent order by n")
	if r.code != exitOK || r.out != "n\n1\n" || !strings.Contains(r.err, "only 1 row shown, and there are more: --limit N") {
		t.Errorf("query with a limit: got %+v", r)
	}
	if r = in(t, &app{}, "query", "--data", dir, "drop table app_sent"); r.code != exitFailure || !strings.Contains(r.err, "only statements that read") {
		t.Errorf("drop: got %+v", r)
	}
	if r = in(t, &app{}, "route", "--data", dir, "--explain", "1"); r.code != exitOK || !strings.Contains(r.out, "app.sent") {
		t.Errorf("route: got %+v", r)
	}
	if r = in(t, &app{}, "route", "--data", dir, "--explain", "999"); r.code != exitFailure || !strings.Contains(r.err, "not found") {
		t.Errorf("route of no plan: got %+v", r)
	}
	end()
	if _, err := endpoints.Read(dir); err == nil {
		t.Error("the endpoints are still there")
	}
	// What needs no stage goes on without a pipeline, and after a kill.
	for range 2 {
		if r = in(t, &app{}, "query", "--data", dir, "--format", "csv", "select count(*) from app_sent"); r.code != exitOK || !strings.HasSuffix(r.out, "\n2\n") {
			t.Errorf("query of what is stored: got %+v", r)
		}
		if r = in(t, &app{}, "route", "--data", dir, "--explain", "1"); r.code != exitOK || !strings.Contains(r.out, "app.sent") {
			t.Errorf("route of what is stored: got %+v", r)
		}
		if err := (endpoints.Endpoints{HTTP: "http://127.0.0.1:1"}).Write(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDemoComparesWhatItSent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	args := []string{"demo", "--data", dir, "--burst", "3000", "--forward", "127.0.0.1:0", "--http", "127.0.0.1:0"}
	r := run(t, &app{open: openPipeline}, append(args, "--once")...)
	if r.code != exitOK || !strings.Contains(r.out, "Compared: 3,000 events") {
		t.Fatalf("got %+v", r)
	}
	// Again in the same directory, with live events.
	r = run(t, &app{open: openPipeline}, append(args, "--duration", "1s", "--rate", "1000")...)
	if r.code != exitOK || !strings.Contains(r.out, "Compared: ") || !strings.Contains(r.out, "gunzip -c '"+dir) {
		t.Errorf("got %+v", r)
	}
}

func TestTailShowsWhatIsSent(t *testing.T) {
	dir, _ := startUp(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var tailed proc.Output
	ended := make(chan int, 1)
	go func() {
		a := &app{out: &tailed, err: &tailed}
		ended <- a.run(ctx, []string{"tail", "a/b c", "--data", dir})
	}()
	for !strings.Contains(tailed.String(), `"n":1}`) {
		if r := in(t, &app{in: strings.NewReader(`{"n":1}`)}, "send", "--type", "a/b c", "--data", dir); r.code != exitOK {
			t.Fatalf("send: got %+v", r)
		}
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("tail ended with %d: %s", code, tailed.String())
	}
}

// On directories a worker waits for nobody: it runs, or says who is there.
func TestWorkersOnDirectories(t *testing.T) {
	dir, end := startUp(t)
	for _, command := range []string{"route", "load"} {
		r := in(t, &app{}, command, "--once", "--data", dir)
		if r.code != exitFailure || !strings.Contains(r.err, "is in use by another Ikada") {
			t.Errorf("%s beside up: got %+v", command, r)
		}
	}
	if r := in(t, &app{in: strings.NewReader(`{"n":1}`)}, "send", "--type", "app.worked", "--data", dir); r.code != exitOK {
		t.Fatalf("send: got %+v", r)
	}
	end()
	if r := in(t, &app{}, "route", "--once", "--data", dir); r.code != exitOK {
		t.Errorf("route: got %+v", r)
	}
	if r := in(t, &app{}, "load", "--once", "--data", dir); r.code != exitOK || !strings.Contains(r.err, "loaded what waited") {
		t.Errorf("load: got %+v", r)
	}
}

func TestWhatNeedsTablesSaysThatThereAreNone(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, end := startUp(t, "--warehouse-kind", "none")
	ask := func(env ...string) {
		t.Helper()
		for _, args := range [][]string{
			{"query", "select 1"}, {"types"}, {"types", "show", "a"}, {"loads"}, {"compact"}, {"replay", "--all"},
			{"replay", "--type", "a", "--from", "2026-11-01", "--to", "2026-11-02"},
			{"quarantine", "list"}, {"quarantine", "show", "x"}, {"quarantine", "retry", "x"},
		} {
			r := in(t, &app{env: env}, append(args, "--data", dir)...)
			if r.code != exitFailure || !strings.HasPrefix(r.err, "ikada: this Ikada has no warehouse (warehouse.kind: none)") || strings.Count(r.err, "\n") != 1 {
				t.Errorf("%q: got %+v", args, r)
			}
		}
	}
	ask()
	end()
	ask("IKADA_WAREHOUSE_KIND=none") // of the buckets, where none runs
}
