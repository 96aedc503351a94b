package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/internal/endpoints"
)

func TestAuditTellsWhereTheGapIs(t *testing.T) {
	dir, end := startUp(t)
	at, err := endpoints.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second is a resend
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.HTTP+"/v1/logs/app.audited", strings.NewReader("{\"a\":1}\n{\"a\":2}\n"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Idempotency-Key", "one")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		until(t, "\n2\n", "query", "--data", dir, "--format", "csv", "select count(*) from app_audited")
	}
	r := in(t, &app{}, "audit", "--data", dir, "--since", "24h")
	if r.code != exitOK || !strings.Contains(r.out, "conservation holds") || !strings.Contains(r.out, "app.audited") {
		t.Errorf("got %+v", r)
	}
	if r := in(t, &app{}, "audit", "--data", dir, "--since", "2099-01-01"); r.code != exitOK || !strings.Contains(r.out, "nothing was routed in this time: it is behind plan ") || strings.Contains(r.out, "plans 0") {
		t.Errorf("got %+v", r)
	}
	end() // and what is on its way is at its end
	var report audit.Report
	r = in(t, &app{}, "audit", "--data", dir, "--deep", "--format", "json", "--type", "app.audited")
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != exitOK || !report.Holds || len(report.Types) != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	c := report.Types[0]
	if c.Received != 4 || c.Dropped != 2 || c.Archived != 2 || c.Loaded != 2 || c.Table == nil || c.Table.Rows != 2 {
		t.Errorf("got %+v", c)
	}

	files, err := filepath.Glob(filepath.Join(dir, "archive", "app.audited", "*", "*", "*.json.gz"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	r = in(t, &app{}, "audit", "--data", dir)
	if r.code != exitFailure || !strings.Contains(r.out, "GAP  file missing (2 rows) of app.audited") || !strings.Contains(r.out, "to do: restore") || !strings.Contains(r.err, "1 gap, 2 rows") {
		t.Errorf("got %+v", r)
	}
	r = in(t, &app{}, "audit", "--data", dir, "--format", "csv", "--type", "app.audited")
	if r.code != exitFailure || !strings.HasSuffix(r.out, "\napp.audited,4,2,0,2,2,0,0,0,2,1\n") {
		t.Errorf("got %+v", r)
	}
	for _, args := range [][]string{{"--since", "yesterday"}, {"--format", "xml"}, {"more"}} {
		if r := in(t, &app{}, append([]string{"audit", "--data", dir}, args...)...); r.code != exitUsage {
			t.Errorf("%q: got %+v", args, r)
		}
	}
}
