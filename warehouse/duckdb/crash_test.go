package duckdb

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

const (
	crashDirectory = "IKADA_TEST_CRASH_DIRECTORY" // set in the child that is killed
	crashManifests = 24
	crashRows      = 10_000
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirectory); dir != "" {
		loadUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// crashJobs makes the archive's files, the same at every call.
func crashJobs(t testing.TB, archive string) []warehouse.Job {
	t.Helper()
	var jobs []warehouse.Job
	for plan := range crashManifests {
		job := warehousetest.Generate(t, openArchive(t, archive), "app.access", plan, crashRows, 1)
		job.Direct = plan%4 != 3
		jobs = append(jobs, job)
	}
	return jobs
}

// loadUntilKilled is the child: it loads manifest by manifest and prints each
// that was committed.
func loadUntilKilled(folder string) {
	ctx := context.Background()
	fail := func(err error) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	archive, err := dir.Open(filepath.Join(folder, "archive"))
	if err != nil {
		fail(err)
	}
	w, err := Open(ctx, filepath.Join(folder, "warehouse.db"), archive, Options{})
	if err != nil {
		fail(err)
	}
	jobs, err := warehousetest.ReadJobs(filepath.Join(folder, "jobs.json"))
	if err != nil {
		fail(err)
	}
	for _, job := range jobs {
		if _, err := w.Load(ctx, job); err != nil {
			fail(err)
		}
		fmt.Println("loaded", job.Manifests[0].Key)
	}
	fmt.Println("done")
}

// A process killed at any moment leaves what it committed, each manifest once,
// and loading all again completes the table.
func TestKilledLoadsAreWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "archive")
	jobs := crashJobs(t, archive)
	if err := warehousetest.WriteJobs(filepath.Join(dir, "jobs.json"), jobs); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "warehouse.db")
	reopen := func(do func(*Warehouse)) {
		w, err := Open(t.Context(), path, openArchive(t, archive), Options{})
		if err != nil {
			t.Fatal(err)
		}
		do(w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	reopen(func(w *Warehouse) {
		if err := w.Extend(t.Context(), "app.access", warehousetest.GeneratedColumns); err != nil {
			t.Fatal(err)
		}
	})
	committed, killed := map[string]bool{}, 0
	for round := 0; len(committed) < crashManifests && round < 2*crashManifests; round++ {
		// A little later each round, so the kill hits other places of a load.
		if killAfter(t, dir, 2, time.Duration(round*7%60)*time.Millisecond, committed) {
			killed++
		}
		reopen(func(w *Warehouse) { checkLedger(t, w, committed) })
	}
	if killed < 3 {
		t.Errorf("only %d processes were killed in mid-load", killed)
	}
	reopen(func(w *Warehouse) {
		for _, job := range jobs {
			if _, err := w.Load(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
		for _, job := range jobs {
			committed[job.Manifests[0].Key] = true
		}
		checkLedger(t, w, committed)
		if got := single(t, w, `SELECT count(DISTINCT _id) FROM app_access`); got != int64(crashManifests*crashRows) {
			t.Errorf("%v distinct rows, want %d", got, crashManifests*crashRows)
		}
	})
}

// killAfter runs the child and kills it some time after it has loaded n more
// manifests. It adds what the child said it committed, and reports whether it
// was killed before its end.
func killAfter(t *testing.T, dir string, n int, wait time.Duration, committed map[string]bool) bool {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDirectory+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	done, more := false, 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch key, loaded := strings.CutPrefix(lines.Text(), "loaded "); {
		case loaded && !committed[key]:
			committed[key] = true
			if more++; more == n {
				time.Sleep(wait)
				_ = child.Process.Kill()
			}
		case lines.Text() == "done":
			done = true
		case !loaded:
			t.Error(lines.Text())
		}
	}
	_ = child.Wait() // it was killed
	return !done
}

// checkLedger holds that table and ledger agree, and that nothing that was
// committed is missing.
func checkLedger(t *testing.T, w *Warehouse, committed map[string]bool) {
	t.Helper()
	rows := single(t, w, `SELECT count(*) FROM app_access`)
	ids := single(t, w, `SELECT count(DISTINCT _id) FROM app_access`)
	ledger := single(t, w, `SELECT coalesce(sum("rows"), 0)::BIGINT FROM _ikada.ledger`)
	if rows != ledger || rows != ids {
		t.Errorf("%v rows, %v distinct, the ledger says %v", rows, ids, ledger)
	}
	table, err := w.Table(t.Context(), "app.access")
	if err != nil || table.Rows != ledger {
		t.Errorf("the catalog says %d rows, the ledger %v: %v", table.Rows, ledger, err)
	}
	keys := make([]string, 0, len(committed))
	for key := range committed {
		keys = append(keys, key)
	}
	loaded, err := w.Loaded(t.Context(), "app.access", keys)
	if err != nil || len(loaded) != len(keys) {
		t.Errorf("%d of %d committed manifests are in the ledger: %v", len(loaded), len(keys), err)
	}
}

// single returns a query's one value.
func single(t testing.TB, w warehouse.Warehouse, query string) any {
	t.Helper()
	rows, err := w.Query(context.Background(), query, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	row, err := rows.Next()
	if err != nil || len(row) != 1 {
		t.Fatalf("%s: got %v, %v", query, row, err)
	}
	return row[0]
}
