package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/history"
)

// fakeHistory tells what it was asked.
type fakeHistory struct{}

func (fakeHistory) Types(_ context.Context, since time.Time) (history.Types, error) {
	if time.Since(since) > 8*24*time.Hour {
		return history.Types{}, errors.New("the warehouse is away")
	}
	return history.Types{Since: since, Types: []history.Type{{Type: "a"}}}, nil
}

func (fakeHistory) Show(_ context.Context, of ikada.LogType) (history.Detail, error) {
	if of == "none" {
		return history.Detail{}, fmt.Errorf("show %q: %w", of, ikada.ErrNotFound)
	}
	return history.Detail{Type: history.Type{Type: of}}, nil
}

func (fakeHistory) Loads(_ context.Context, f history.Filter) (history.Loads, error) {
	return history.Loads{Loads: []history.Load{{Type: f.Type, Rows: int64(f.Limit), Outcome: fmt.Sprint(f.Since.Unix())}}}, nil
}

func (fakeHistory) Failures(_ context.Context, f history.Filter) (history.Failures, error) {
	return history.Failures{Failures: make([]history.Failure, min(f.Limit, 3))}, nil
}

func TestHistoryRoutes(t *testing.T) {
	o := options()
	o.History = fakeHistory{}
	s := serve(t, o)
	for _, c := range []struct {
		path string
		code int
		want string
	}{
		{"/v1/types", 200, `"types":[{"type":"a"`},
		{"/v1/types?since=24h", 200, `"since":"20`},
		{"/v1/types?since=soon", 400, "such as 24h"},
		{"/v1/types?since=30d", 500, `{"error":"the warehouse is away"}`},
		{"/v1/types/a%2Fb%20c", 200, `{"type":"a/b c"`},
		{"/v1/types/none", 404, `{"error":"show \"none\": not found"}`},
		{"/v1/loads", 200, `"rows":100,`},
		{"/v1/loads?type=b&limit=7&since=1970-01-02", 200, `"outcome":"86400"`},
		{"/v1/loads?limit=0", 400, "want a number from 1 to 10000"},
		{"/v1/loads?limit=x", 400, "want a number"},
		{"/v1/loads?since=-1h", 400, "such as 24h"},
		{"/v1/loads?failed", 200, `{"failures":[{`},
		{"/v1/loads?failed=false", 200, `{"loads":[{`},
		{"/v1/loads?failed=maybe", 400, "want true or false"},
	} {
		answer, body := do(t, s, "GET", c.path, "")
		if answer.StatusCode != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: got %d %q, want %d %q", c.path, answer.StatusCode, body, c.code, c.want)
		}
	}
	answer, _ := do(t, serve(t, api.Options{}), "GET", "/v1/types", "")
	if answer.StatusCode != 404 {
		t.Errorf("without a history: got %d", answer.StatusCode)
	}
}
