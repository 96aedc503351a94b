package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/internal/preview"
)

func TestCheckAgainstASample(t *testing.T) {
	t.Chdir(t.TempDir())
	files := map[string]string{
		"ikada.yaml":    "types:\n  app.access:\n    table: access_log\n    columns: {status: bigint}\n    drop: [password]\n    partition: day\n",
		"sample.ndjson": "{\"status\":200,\"password\":\"hunter2\"}\n{\"status\":\"bad\"}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := in(t, &app{}, "check", "--against", "sample.ndjson", "--type", "app.access")
	for _, want := range []string{"log type app.access → table access_log: 2 events, archive by day\n", "declared", "dropped password", "TO _REST"} {
		if r.code != exitOK || !strings.Contains(r.out, want) {
			t.Errorf("got %+v, want %q", r, want)
		}
	}
	if strings.Contains(r.out, "hunter2") {
		t.Error("a dropped value is shown")
	}
	r = in(t, &app{in: strings.NewReader(`{"tag":"app.access","status":1}`)}, "check", "--against", "-", "--format", "json")
	var report preview.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != exitOK || report.Events[0].Table != "access_log" || !strings.Contains(string(report.Events[0].Row), `"status": 1`) {
		t.Errorf("got %+v, %v", r, err)
	}
	if r = in(t, &app{in: strings.NewReader(`{"status":1}`)}, "check", "--against", "-"); r.code != exitFailure || !strings.Contains(r.err, "line 1: the event has no tag") {
		t.Errorf("got %+v", r)
	}
	if r = in(t, &app{}, "check", "--against", "none"); r.code != exitFailure || !strings.Contains(r.err, "none") {
		t.Errorf("got %+v", r)
	}
	for _, args := range [][]string{{"check", "--type", "x"}, {"check", "--format", "json"}, {"check", "--against", "-", "--format", "csv"}} {
		if r = in(t, &app{}, args...); r.code != exitUsage {
			t.Errorf("%q: got %+v", args, r)
		}
	}
	if r = in(t, &app{}, "check"); r.code != exitOK || !strings.Contains(r.out, "types.app.access.table") {
		t.Errorf("got %+v", r)
	}
}
