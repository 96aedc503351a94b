package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/warehouse"
)

// sample is a status with something in every field.
func sample() api.Status {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	return api.Status{
		Version: "1.2.3", Started: at, State: api.Running, OldestUnloaded: at, DataDir: "/data", Audit: &api.AuditStatus{At: at, Gaps: 2, GapRows: 70},
		Addresses: api.Addresses{Forward: "127.0.0.1:24224", HTTP: "http://127.0.0.1:8080"},
		Stages: []api.StageStatus{
			{Name: "collect", Snapshot: ikada.Snapshot{Events: 10, Bytes: 2000, Runs: 2, Dropped: 1, Busy: 1500 * time.Millisecond, LastSuccess: at}, EventsPerSecond: 2.5},
			{Name: "load", Snapshot: ikada.Snapshot{Events: 9, Errors: 1, Quarantined: 3, LastError: "disk full", LastErrorAt: at},
				Backlog: api.Backlog{Messages: 4, Files: 5, Bytes: 600, Oldest: at}},
		},
		Types: []api.TypeStatus{
			{Type: "app.access", Table: "app_access", Rows: 9, Bytes: 900, Columns: 3, LastLoaded: at, Waiting: api.Waiting{Files: 1, Bytes: 100, Oldest: at}},
			{Type: "app.error", Table: "app_error", Error: "broken"},
		},
	}
}

func options() api.Options {
	return api.Options{
		Status: func(context.Context) api.Status { return sample() },
		Query: func(context.Context, string, int64) (warehouse.Rows, error) {
			return &fakeRows{columns: []string{"n"}, rows: [][]any{{int64(1)}}}, nil
		},
		Explain: func(_ context.Context, n uint64, w io.Writer) error {
			if n > 12 {
				return fmt.Errorf("plan %d: %w", n, ikada.ErrNotFound)
			}
			_, err := fmt.Fprintf(w, "plan %d took 3 bundles\n", n)
			return err
		},
		Logs: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "logs "+r.Method+" "+r.URL.Path)
		}),
		Tail: &api.Tail{},
	}
}

func serve(t *testing.T, o api.Options) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(api.New(o))
	t.Cleanup(s.Close)
	return s
}

// do returns an answer's code and body.
func do(t *testing.T, s *httptest.Server, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestRoutesAnswer(t *testing.T) {
	s := serve(t, options())
	for _, c := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/healthz", "", 200, "ok\n"},
		{"GET", "/readyz", "", 200, "ok\n"},
		{"POST", "/v1/query", "select 1", 200, `{"columns":["n"]}`},
		{"GET", "/v1/query", "", 405, `{"error":"GET /v1/query: want POST"}`},
		{"POST", "/v1/status", "", 405, `{"error":"POST /v1/status: want GET, HEAD"}`},
		{"POST", "/healthz", "", 405, `{"error":"POST /healthz: want GET, HEAD"}`},
		{"GET", "/v1/plans/12/explain", "", 200, "plan 12 took 3 bundles\n"},
		{"GET", "/v1/plans/13/explain", "", 404, `{"error":"plan 13: not found"}`},
		{"GET", "/v1/plans/x/explain", "", 400, "is no number"},
		{"POST", "/v1/logs/app.access", "", 200, "logs POST /v1/logs/app.access"},
		{"GET", "/v1/nothing", "", 404, `{"error":"/v1/nothing is no address of this Ikada"}`},
		{"GET", "/nothing", "", 404, `{"error":"/nothing is no address of this Ikada"}`},
		{"GET", "/page/nothing", "", 404, `{"error":"the page has no file /page/nothing"}`},
		{"GET", "/v1//status", "", 200, `"stages"`}, // by a redirect
		{"GET", "/metrics", "", 200, "ikada_stage_events_total"},
	} {
		answer, body := do(t, s, c.method, c.path, c.body)
		if answer.StatusCode != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: got %d %q, want %d %q", c.method, c.path, answer.StatusCode, body, c.code, c.want)
		}
		if (answer.Header.Get("Allow") != "") != (c.code == 405) {
			t.Errorf("%s %s: got allowed %q", c.method, c.path, answer.Header.Get("Allow"))
		}
	}
}

func TestStatusIsJSONWithFlatStages(t *testing.T) {
	answer, body := do(t, serve(t, options()), "GET", "/v1/status", "")
	if answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got content type %q", answer.Header.Get("Content-Type"))
	}
	var got api.Status
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := sample()
	if got.Audit == nil || *got.Audit != *want.Audit {
		t.Errorf("got audit %+v", got.Audit)
	}
	if got.Audit, want.Audit = nil, nil; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v", got)
	}
	if want := `"stages":[{"name":"collect","events":10,"bytes":2000,`; !strings.Contains(body, want) {
		t.Errorf("got %s without %s", body, want)
	}
}

func TestPartsThatAreMissingAreNotFound(t *testing.T) {
	s := serve(t, api.Options{})
	for _, path := range []string{"/v1/status", "/metrics", "/v1/tail/a", "/v1/plans/1/explain", "/v1/logs/a"} {
		if answer, _ := do(t, s, "GET", path, ""); answer.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", path, answer.StatusCode)
		}
	}
	if answer, _ := do(t, s, "GET", "/readyz", ""); answer.StatusCode != 200 {
		t.Errorf("readyz: got %d", answer.StatusCode)
	}
}

func TestNotReadySaysWhy(t *testing.T) {
	o := options()
	o.Ready = func() error { return errors.New("draining: 3 bundles wait") }
	s := serve(t, o)
	answer, body := do(t, s, "GET", "/readyz", "")
	if answer.StatusCode != 503 || body != "draining: 3 bundles wait\n" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %q", answer.StatusCode, body)
	}
	if answer, _ := do(t, s, "GET", "/healthz", ""); answer.StatusCode != 200 {
		t.Errorf("healthz: got %d, want 200: the process lives", answer.StatusCode)
	}
}

func TestTokensGuardTheData(t *testing.T) {
	o := options()
	o.Tokens = []config.Secret{config.NewSecret("alpha"), config.NewSecret("beta")}
	s := serve(t, o)
	for _, path := range []string{"/v1/status", "/v1/plans/1/explain", "/v1/logs/app.access", "/metrics", "/v1/nothing", "/v1/tail/a"} {
		for _, header := range []string{"", "Bearer", "Bearer ", "Bearer alph", "Bearer alphaa", "Basic alpha", "alpha"} {
			answer, body := do(t, s, "GET", path, "", "Authorization", header)
			var e struct{ Error string }
			if answer.StatusCode != 401 || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") ||
				json.Unmarshal([]byte(body), &e) != nil || e.Error == "" {
				t.Errorf("%s with %q: got %d %q", path, header, answer.StatusCode, body)
			}
		}
		if path == "/v1/nothing" || path == "/v1/tail/a" {
			continue
		}
		for _, header := range []string{"Bearer alpha", "bearer beta"} {
			if answer, body := do(t, s, "GET", path, "", "Authorization", header); answer.StatusCode != 200 {
				t.Errorf("%s with %q: got %d %q", path, header, answer.StatusCode, body)
			}
		}
	}
	if answer, _ := do(t, s, "POST", "/v1/query", "select 1"); answer.StatusCode != 401 {
		t.Errorf("query: got %d", answer.StatusCode)
	}
	for _, path := range []string{"/", "/page/page.js", "/healthz", "/readyz"} {
		if answer, _ := do(t, s, "GET", path, ""); answer.StatusCode != 200 {
			t.Errorf("%s without a token: got %d, want 200", path, answer.StatusCode)
		}
	}
}

func TestPageIsWholeAndConfined(t *testing.T) {
	s := serve(t, options())
	answer, body := do(t, s, "GET", "/", "")
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("got policy %q", policy)
	}
	if strings.Contains(body, "http://") || strings.Contains(body, "https://") {
		t.Error("the page names something of another site")
	}
	for path, kind := range map[string]string{"/page/page.js": "text/javascript", "/page/style.css": "text/css", "/page/icon.svg": "image/svg+xml"} {
		if !strings.Contains(body, `"`+path+`"`) {
			t.Errorf("the page does not use %s", path)
		}
		if answer, _ := do(t, s, "GET", path, ""); answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: got %d %s", path, answer.StatusCode, answer.Header.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/page/", "/page/none", "/page/%2e%2e/api.go"} {
		if answer, _ := do(t, s, "GET", path, ""); answer.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", path, answer.StatusCode)
		}
	}
}
