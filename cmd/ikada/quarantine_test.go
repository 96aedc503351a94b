package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/endpoints"
)

func TestQuarantineIsShownAndPutBack(t *testing.T) {
	dir, end := startUp(t)
	at, err := endpoints.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	sjis, err := japanese.ShiftJIS.NewEncoder().String("ソ表示")
	if err != nil {
		t.Fatal(err)
	}
	long := `{"s":"` + strings.Repeat("x", 120_000) // three rows
	answer, err := http.Post(at.HTTP+"/v1/logs/app.q", "", strings.NewReader("{\"s\":\"good\"}\n{\"s\":\""+sjis+"\"}\n"+long))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	until(t, "\n4\n", "query", "--data", dir, "--format", "csv", "select count(*) from _quarantine")

	list := func() []string {
		t.Helper()
		r := in(t, &app{}, "quarantine", "list", "--data", dir, "--type", "app.q", "--since", "1h", "--format", "json")
		var found api.Quarantined
		if err := json.Unmarshal([]byte(r.out), &found); err != nil || r.code != exitOK {
			t.Fatalf("%v: %+v", err, r)
		}
		var ids []string
		for _, record := range found.Records {
			ids = append(ids, record.ID)
		}
		return ids
	}
	ids := list()
	if len(ids) != 2 {
		t.Fatalf("got %q", ids)
	}
	raws := map[string]bool{}
	for _, id := range ids {
		raws[in(t, &app{}, "quarantine", "show", "--data", dir, "--raw", id).out] = true
	}
	if !raws[long] || !raws["{\"s\":\""+sjis+"\"}"] {
		t.Errorf("the bytes are not those that were sent: %d", len(raws))
	}
	if r := in(t, &app{}, "quarantine", "show", "--data", dir, ids[0]); !strings.Contains(r.out, "reason  field \"s\"") {
		t.Errorf("show: got %.500s", r.out)
	}
	if r := in(t, &app{}, "quarantine", "show", "--data", dir, "none"); r.code != exitFailure || !strings.Contains(r.err, "not found") {
		t.Errorf("show of none: got %+v", r)
	}

	retry := func(want string, args ...string) {
		t.Helper()
		r := in(t, &app{}, append([]string{"quarantine", "retry", "--data", dir}, args...)...)
		if r.code != exitOK || !strings.Contains(r.out, want) {
			t.Errorf("%q: got %+v, want %q", args, r, want)
		}
	}
	retry("0 put back, 2 still bad", "--type", "app.q")
	retry("1 would be put back, 1 still bad", "--type", "app.q", "--charset", "shift_jis", "--dry-run")
	retry("1 put back, 1 still bad", "--type", "app.q", "--charset", "shift_jis")
	retry("0 put back, 1 still bad", "--type", "app.q", "--charset", "shift_jis")
	until(t, "\nソ表示\n", "query", "--data", dir, "--format", "csv", "select s from app_q where s <> 'good'")
	if left := list(); len(left) != 1 {
		t.Errorf("still there: %q", left)
	}
	if r := in(t, &app{}, "quarantine", "retry", "--data", dir); r.code != exitUsage {
		t.Errorf("retry of everything: got %+v", r)
	}
	end()
	if left := list(); len(left) != 1 {
		t.Errorf("without a pipeline: %q", left)
	}
	if r := in(t, &app{}, "quarantine", "retry", "--data", dir, "--type", "app.q"); r.code != exitFailure || !strings.Contains(r.err, "ikada up") {
		t.Errorf("retry without a pipeline: got %+v", r)
	}
}
