package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEverythingRuns rehearses the bench with few events, so that it cannot
// rot. The bench itself compares counts wherever events come out; no time is
// looked at here.
func TestEverythingRuns(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	binary := filepath.Join(t.TempDir(), "ikada")
	if text, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", binary, "../cmd/ikada").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	var out, progress bytes.Buffer
	o := options{binary: binary, events: 12_345, rounds: 1, fresh: time.Second, quickly: true}
	if err := run(t.Context(), o, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	want := []string{
		"socket → acknowledged", "socket → archive", "socket → queryable", "route alone", "", "load alone", "compact", "",
		"a drift in every 10th chunk → queryable", "100 log types at once", "a table of 1,000 columns",
		"Lambda 1, one event a record", "Lambda 1, KPL, zlib an event", "Lambda 1, gzip over many events", "Lambda 2 over S3",
		"S3 requests a million events, batches of 6 MB", "S3 requests a million events, batches of 0.75 MB", "COPY statements after a backlog",
		"sent → seen by a query, 50 events/s", "yardstick: deflate", "yardstick: disk", "yardstick: memcpy",
	}
	if got := firstCells(t, out.String()); !slices.Equal(got, want) {
		t.Errorf("lines of the table:\n%q\nwant\n%q\n%s", got, want, out.String())
	}
	if left, err := filepath.Glob(filepath.Join(temp, "ikada-bench-*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %q %v", left, err)
	}
}

// firstCells returns the first cell of each line below the head, and checks
// that what is measured has a figure.
func firstCells(t *testing.T, table string) (cells []string) {
	t.Helper()
	_, body, _ := strings.Cut(table, "|-")
	for _, line := range strings.Split(strings.TrimSpace(body), "\n")[1:] {
		row := strings.Split(line, "|")
		if len(row) != len(head)+2 {
			t.Fatalf("a line of %d cells: %s", len(row)-2, line)
		}
		name := strings.TrimSpace(row[1])
		if name != "" && !strings.ContainsAny(row[2], "0123456789") {
			t.Errorf("no figure: %s", line)
		}
		cells = append(cells, name)
	}
	return cells
}

func TestUnknownPartsAreRefused(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), options{only: []string{"ack", "fast"}}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "fast") {
		t.Errorf("got %v", err)
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	// The machine became twice as slow in the second round, and half as fast
	// as that in the third: the ratio is two all the same.
	a := []cost{{cpu: 2 * time.Second, raw: 1e9}, {cpu: 4 * time.Second, raw: 1e9}, {cpu: 8 * time.Second, raw: 1e9}}
	b := []cost{{cpu: 1 * time.Second, raw: 1e9}, {cpu: 2 * time.Second, raw: 1e9}, {cpu: 4 * time.Second, raw: 1e9}}
	if got := ratio(a, b, cost.cpuPerGB); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.8: "1,234,568"} {
		if got := thousands(v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestARateIsJudgedByLongRunsAlone(t *testing.T) {
	for _, try := range []struct {
		speed  float64
		events int
		want   string
	}{{500, sustained - 1, "≥ 400/s: for longer runs"}, {500, sustained, "≥ 400/s: met"}, {399, sustained, "≥ 400/s: missed"}} {
		if got := targetRate(try.speed, 400, try.events); got != try.want {
			t.Errorf("%v/s of %d events: %q, want %q", try.speed, try.events, got, try.want)
		}
	}
}
