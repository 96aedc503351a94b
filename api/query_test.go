package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/warehouse"
)

// fakeRows gives rows, then err (io.EOF if it is nil).
type fakeRows struct {
	columns []string
	rows    [][]any
	err     error
	closed  chan struct{}
}

func (r *fakeRows) Columns() []string { return r.columns }

func (r *fakeRows) Next() ([]any, error) {
	if len(r.rows) > 0 {
		row := r.rows[0]
		r.rows = r.rows[1:]
		return row, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	return nil, io.EOF
}

func (r *fakeRows) Close() error {
	if r.closed != nil {
		close(r.closed)
	}
	return nil
}

func answering(rows warehouse.Rows, err error) api.Options {
	return api.Options{Query: func(context.Context, string, int64) (warehouse.Rows, error) { return rows, err }}
}

func TestQueryStreamsRows(t *testing.T) {
	rows := &fakeRows{
		columns: []string{"a", "a<b"}, closed: make(chan struct{}),
		rows: [][]any{{int64(math.MaxInt64), "日本<&>"}, {nil, map[string]any{"k": []any{1.5}}}, {math.Inf(1), math.NaN()}},
	}
	answer, body := do(t, serve(t, answering(rows, nil)), "POST", "/v1/query", "select 1")
	want := `{"columns":["a","a<b"]}
{"row":[9223372036854775807,"日本<&>"]}
{"row":[null,{"k":[1.5]}]}
{"row":["+Inf","NaN"]}
{"rows":3}
`
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/x-ndjson" || body != want {
		t.Errorf("got %d %s %s", answer.StatusCode, answer.Header, body)
	}
	<-rows.closed
}

func TestQueryWithoutRowsHasItsColumns(t *testing.T) {
	_, body := do(t, serve(t, answering(&fakeRows{columns: []string{"a"}}, nil)), "POST", "/v1/query", "select 1")
	if want := "{\"columns\":[\"a\"]}\n{\"rows\":0}\n"; body != want {
		t.Errorf("got %s", body)
	}
}

func TestQueryLimitIsAskedForAndTold(t *testing.T) {
	for path, c := range map[string]struct {
		asked      int64
		code, rows int
		last       string
	}{
		"/v1/query":         {10_001, 200, 3, `{"rows":3}`},
		"/v1/query?limit=0": {0, 200, 3, `{"rows":3}`},
		"/v1/query?limit=2": {3, 200, 2, `{"rows":2,"more":true}`},
		"/v1/query?limit=3": {4, 200, 3, `{"rows":3}`},
		"/v1/query?limit=-": {-1, 400, 0, `{"error":"limit \"-\" is no number of rows: want 1 or more, or 0 for all"}`},
	} {
		asked := int64(-1)
		s := serve(t, api.Options{Query: func(_ context.Context, _ string, limit int64) (warehouse.Rows, error) {
			asked = limit
			return &fakeRows{columns: []string{"a"}, rows: [][]any{{1}, {2}, {3}}}, nil
		}})
		answer, body := do(t, s, "POST", path, "select 1")
		lines := strings.Split(strings.TrimSpace(body), "\n")
		if answer.StatusCode != c.code || asked != c.asked || strings.Count(body, `"row":`) != c.rows || lines[len(lines)-1] != c.last {
			t.Errorf("%s: got %d, asked for %d, %s", path, answer.StatusCode, asked, body)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	broken := errors.New("no such table: x")
	for name, c := range map[string]struct {
		options api.Options
		code    int
		want    string
	}{
		"at the start":         {answering(nil, broken), 400, `{"error":"no such table: x"}` + "\n"},
		"before the first row": {answering(&fakeRows{columns: []string{"a"}, err: broken}, nil), 400, `{"error":"no such table: x"}` + "\n"},
		"in mid-stream": {answering(&fakeRows{columns: []string{"a"}, rows: [][]any{{true}}, err: broken}, nil), 200,
			`{"columns":["a"]}` + "\n" + `{"row":[true]}` + "\n" + `{"error":"no such table: x"}` + "\n"},
	} {
		answer, body := do(t, serve(t, c.options), "POST", "/v1/query", "select 1")
		if answer.StatusCode != c.code || body != c.want {
			t.Errorf("%s: got %d %q, want %d %q", name, answer.StatusCode, body, c.code, c.want)
		}
	}
}

func TestQueryBody(t *testing.T) {
	var got string
	s := serve(t, api.Options{Query: func(_ context.Context, sql string, _ int64) (warehouse.Rows, error) {
		got = sql
		return &fakeRows{}, nil
	}})
	for _, c := range []struct {
		body, kind string
		code       int
		sql        string
	}{
		{"select '{'", "", 200, "select '{'"},
		{` {"sql": "select 1"}`, "", 200, "select 1"},
		{`{"sql": "select 2"}`, "application/json; charset=utf-8", 200, "select 2"},
		{`{"sqll": "select 2"}`, "", 400, ""},
		{`"select 1"`, "application/json", 400, ""},
		{" \n", "", 400, ""},
		{`{}`, "", 400, ""},
		{strings.Repeat(" ", 1<<20) + "x", "", 413, ""},
	} {
		got = ""
		answer, body := do(t, s, "POST", "/v1/query", c.body, "Content-Type", c.kind)
		if answer.StatusCode != c.code || got != c.sql {
			t.Errorf("%.40q: got %d %.100q and ran %q, want %d and %q", c.body, answer.StatusCode, body, got, c.code, c.sql)
		}
		if c.code != 200 && !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("%.40q: got %q", c.body, body)
		}
	}
}

func TestOtherSitesCannotQuery(t *testing.T) {
	s := serve(t, options())
	if answer, body := do(t, s, "POST", "/v1/query", "select 1", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); answer.StatusCode != 403 || !strings.HasPrefix(body, `{"error":`) {
		t.Errorf("got %d %q, want 403", answer.StatusCode, body)
	}
	if answer, _ := do(t, s, "POST", "/v1/query", "select 1", "Origin", s.URL, "Sec-Fetch-Site", "same-origin"); answer.StatusCode != 200 {
		t.Errorf("the page itself: got %d, want 200", answer.StatusCode)
	}
}

// endless gives rows until its context ends.
type endless struct {
	ctx    context.Context
	n      int64
	closed chan error
}

func (r *endless) Columns() []string { return []string{"n"} }
func (r *endless) Next() ([]any, error) {
	r.n++
	return []any{r.n}, r.ctx.Err()
}
func (r *endless) Close() error {
	r.closed <- r.ctx.Err()
	return nil
}

func TestCallerThatLeavesEndsTheQuery(t *testing.T) {
	closed := make(chan error, 1)
	s := serve(t, api.Options{Query: func(ctx context.Context, _ string, _ int64) (warehouse.Rows, error) {
		return &endless{ctx: ctx, closed: closed}, nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/query", strings.NewReader("select"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	in := bufio.NewReader(answer.Body)
	for _, want := range []string{`{"columns":["n"]}`, `{"row":[1]}`, `{"row":[2]}`} {
		if line, err := in.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("got %q, %v", line, err)
		}
	}
	cancel()
	// Close may come before the context's end reached the handler: then the write failed.
	if err := <-closed; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(fmt.Errorf("closed with %w", err))
	}
}
