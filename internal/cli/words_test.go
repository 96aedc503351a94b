package cli_test

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files")

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{cli.Count(0), "0"},
		{cli.Count(999), "999"},
		{cli.Count(1000), "1,000"},
		{cli.Count(-1234567), "-1,234,567"},
		{cli.Count(-123), "-123"},
		{cli.Many(1, "file"), "1 file"},
		{cli.Many(1234, "file"), "1,234 files"},
		{cli.Size(1023), "1023 B"},
		{cli.Size(1536), "1.5 KiB"},
		{cli.Size(5 << 40), "5.0 TiB"},
		{cli.Size(5 << 60), "5120.0 PiB"},
		{cli.Span(900 * time.Millisecond), "0s"},
		{cli.Span(119 * time.Second), "119s"},
		{cli.Span(2 * time.Minute), "2m"},
		{cli.Span(47 * time.Hour), "47h"},
		{cli.Span(72 * time.Hour), "3d"},
		{cli.Ago(time.Time{}, time.Now()), "never"},
		{cli.Ago(time.Unix(10, 0), time.Unix(13, 0)), "3s ago"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestStatusForPeople(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	before := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	full := api.Status{
		Version: "1.2.3", State: api.Running, Started: before(7300), DataDir: "/var/lib/ikada", OldestUnloaded: before(3),
		Addresses: api.Addresses{Forward: "127.0.0.1:24224", HTTP: "http://127.0.0.1:8080"},
		Audit:     &api.AuditStatus{At: before(180), Gaps: 1, GapRows: 1200, Error: "the bucket is gone"},
		Stages: []api.StageStatus{
			{Name: "collect", Snapshot: ikada.Snapshot{Events: 1234567, LastSuccess: before(0)}, EventsPerSecond: 5012.7, BytesPerSecond: 1.4e6},
			{Name: "load", Snapshot: ikada.Snapshot{Events: 1200000, LastSuccess: before(2), Errors: 1, LastError: "disk full", LastErrorAt: before(600)},
				Backlog: api.Backlog{Files: 12, Bytes: 3 << 20, Oldest: before(3)}},
		},
		Types: []api.TypeStatus{
			{Type: "app.access", Table: "app_access", Rows: 1000000, Bytes: 270 << 20, Columns: 14, LastLoaded: before(2)},
			{Type: "a\x1bb", Table: "a_b_0abc", Waiting: api.Waiting{Files: 3}, Error: "table is locked"},
		},
	}
	empty := api.Status{Version: "1.2.3", State: api.Starting, Started: now, DataDir: "./data", Audit: &api.AuditStatus{}, Stages: []api.StageStatus{{Name: "load"}}}
	archive := api.Status{Version: "1.2.3", State: api.Running, Started: now, DataDir: "./data", Stages: []api.StageStatus{{Name: "collect"}, {Name: "route"}}}
	collect := api.Status{Version: "1.2.3", State: api.Running, Started: now, DataDir: "./data", Stages: []api.StageStatus{{Name: "collect"}}}
	unknown := archive
	unknown.Stages = []api.StageStatus{{Name: "route", Backlog: api.Backlog{Unknown: "what waits to be routed: no permission"}}}
	for name, s := range map[string]api.Status{"full": full, "empty": empty, "archive": archive, "collect": collect, "unknown": unknown} {
		var b bytes.Buffer
		if err := cli.WriteStatus(&b, &s, now); err != nil {
			t.Fatal(err)
		}
		file := "testdata/status-" + name + ".txt"
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, b.String(), want)
		}
	}
}
