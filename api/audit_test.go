package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/ikada-io/ikada/audit"
)

func TestAudit(t *testing.T) {
	var asked audit.Options
	var failure error
	o := options()
	o.Audit = func(_ context.Context, o audit.Options) (*audit.Report, error) {
		asked = o
		return &audit.Report{GapCount: 1, GapRows: 7, Gaps: []audit.Gap{{Kind: audit.FileMissing, Rows: 7}}}, failure
	}
	server := serve(t, o)
	answer, body := do(t, server, "GET", "/v1/audit?since=2026-11-23T05:00:00Z&type=a.b&deep=true", "")
	var r audit.Report
	if err := json.Unmarshal([]byte(body), &r); err != nil || answer.StatusCode != http.StatusOK || r.Holds || r.GapRows != 7 || r.Gaps[0].Kind != audit.FileMissing {
		t.Errorf("got %d %s, %v", answer.StatusCode, body, err)
	}
	if want := (audit.Options{Since: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC), Type: "a.b", Deep: true}); asked.Since != want.Since || asked.Type != want.Type || !asked.Deep {
		t.Errorf("asked for %+v", asked)
	}
	for _, query := range []string{"since=yesterday", "deep=maybe"} {
		if answer, body := do(t, server, "GET", "/v1/audit?"+query, ""); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", query, answer.StatusCode, body)
		}
	}
	failure = errors.New("the bucket is gone")
	if answer, body := do(t, server, "GET", "/v1/audit", ""); answer.StatusCode != http.StatusInternalServerError || body == "" {
		t.Errorf("a failure: got %d %s", answer.StatusCode, body)
	}
	o.Audit = nil
	if answer, _ := do(t, serve(t, o), "GET", "/v1/audit", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("without an audit: got %d", answer.StatusCode)
	}
}

func TestOneAuditAtATime(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	o := options()
	o.Audit = func(context.Context, audit.Options) (*audit.Report, error) {
		close(begun)
		<-end
		return &audit.Report{}, nil
	}
	server := serve(t, o)
	done := make(chan int)
	go func() {
		answer, _ := do(t, server, "GET", "/v1/audit", "")
		done <- answer.StatusCode
	}()
	<-begun
	answer, _ := do(t, server, "GET", "/v1/audit", "")
	if answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
	}
	close(end)
	if code := <-done; code != http.StatusOK {
		t.Errorf("the first got %d", code)
	}
}
