package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/replay"
)

func ask[T any](t *testing.T, args ...string) (v T) {
	t.Helper()
	r := in(t, &app{}, append(args, "--format", "json")...)
	if r.code != exitOK {
		t.Fatalf("%q: got %+v", args, r)
	}
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatalf("%q: %v: %s", args, err, r.out)
	}
	return v
}

func sendLines(t *testing.T, dir, of, lines string) {
	t.Helper()
	r := in(t, &app{in: strings.NewReader(lines)}, "send", "--type", of, "--data", dir, "-")
	if r.code != exitOK {
		t.Fatalf("send: got %+v", r)
	}
}

// dump is what all tables hold, and how they are.
func dump(t *testing.T, dir string) (text string) {
	t.Helper()
	for _, sql := range []string{
		"select * from app_sent order by _id", "select * from app_other order by _id", "select table_name, column_name, data_type from information_schema.columns order by all",
		"select manifest, log_type, class, plan, rows, bytes, rest from _ikada.ledger order by manifest",
		"select log_type, place, field, name, type from _ikada.columns order by all",
	} {
		r := in(t, &app{}, "query", "--data", dir, "--format", "csv", sql)
		if r.code != exitOK {
			t.Fatalf("%s: got %+v", sql, r)
		}
		text += r.out
	}
	return text
}

// TestReplayAndRestore replays a range, compacts, and fills a new warehouse:
// from the archive with its plans, and from archive and manifests alone.
func TestReplayAndRestore(t *testing.T) {
	dir, end := startUp(t)
	for i, lines := range []string{
		`{"time":"2026-11-20T05:59:59.9999999Z","n":1}` + "\n" + `{"time":"2026-11-20T06:00:00Z","n":2,"s":"x"}`,
		`{"time":"2026-11-20T06:10:00Z","n":"text","Other":{"a":1}}` + "\n" + `{"time":"2026-11-20T06:20:00Z","other":1.5}`,
		`{"time":"2026-11-20T07:00:00Z","late":true}`,
	} {
		sendLines(t, dir, "app.sent", lines+"\n")
		until(t, "\n"+[]string{"2", "4", "5"}[i]+"\n", "query", "--data", dir, "--format", "csv", "select count(*) from app_sent")
	}
	sendLines(t, dir, "app.other", `{"time":"2026-11-20T06:00:00Z"}`+"\n")
	until(t, "\n1\n", "query", "--data", dir, "--format", "csv", "select count(*) from app_other")
	before := dump(t, dir)

	args := []string{"replay", "--data", dir, "--type", "app.sent", "--from", "2026-11-20T06:00:00Z", "--to", "2026-11-20T07:00:00Z"}
	if r := ask[replay.Report](t, append(args, "--dry-run")...); r.Deleted != 3 || r.Rows != 3 {
		t.Errorf("a dry run: %+v", r)
	}
	if r := ask[replay.Report](t, args...); r.Deleted != 3 || r.Inserted != 3 || r.Table != "app_sent" {
		t.Errorf("got %+v", r)
	}
	if after := dump(t, dir); after != before {
		t.Errorf("the tables were\n%s, and are\n%s", before, after)
	}
	if r := ask[replay.Report](t, append(args, "--into", "app_again")...); r.Inserted != 3 {
		t.Errorf("into another table: %+v", r)
	}
	if r := ask[compact.Report](t, "compact", "--data", dir); len(r.Types) != 0 {
		t.Errorf("files of this minute: %+v", r)
	}
	for _, wrong := range [][]string{{"replay"}, {"replay", "--all", "--type", "a"}, {"replay", "--type", "a", "--from", "2026-11-20", "--to", "2026-11-20T00:30:00Z"}} {
		if r := in(t, &app{}, append(wrong, "--data", dir)...); r.code != exitUsage {
			t.Errorf("%q: got %+v", wrong, r)
		}
	}
	if r := in(t, &app{}, "replay", "--data", dir, "--type", "none", "--from", "2026-11-20", "--to", "2026-11-21"); r.code != exitFailure || !strings.Contains(r.err, "ikada replay --all") {
		t.Errorf("an unknown type: got %+v", r)
	}
	end()

	for _, gone := range []string{"warehouse.duckdb", "buffer"} {
		for _, name := range []string{"warehouse.duckdb", "warehouse.duckdb.wal", gone} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if r := ask[api.LoadedAll](t, "replay", "--all", "--data", dir); r.Rows != 6 || r.Types != 2 {
			t.Errorf("without %s: got %+v", gone, r)
		}
		if after := dump(t, dir); after != before {
			t.Errorf("without %s, the tables were\n%s, and are\n%s", gone, before, after)
		}
		if r := ask[api.LoadedAll](t, "replay", "--all", "--data", dir); r.Rows != 0 || r.Manifests != 0 {
			t.Errorf("again: got %+v", r)
		}
	}
}
