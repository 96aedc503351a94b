package cli_test

import (
	"bytes"
	"context"
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
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/warehouse"
)

// result is a query's result, with an error at its end if there is one.
type result struct {
	columns []string
	rows    [][]any
	err     error
}

func (r *result) Columns() []string { return r.columns }
func (r *result) Close() error      { return nil }
func (r *result) Next() ([]any, error) {
	if len(r.rows) == 0 {
		if r.err != nil {
			return nil, r.err
		}
		return nil, io.EOF
	}
	row := r.rows[0]
	r.rows = r.rows[1:]
	return row, nil
}

// client returns a client of a server that answers every query with r.
func client(t *testing.T, r *result) *cli.Client {
	t.Helper()
	s := httptest.NewServer(api.New(api.Options{
		Query:  func(context.Context, string, int64) (warehouse.Rows, error) { return r, nil },
		Status: func(context.Context) api.Status { return api.Status{Version: "1.2.3"} },
		Tokens: []config.Secret{config.NewSecret("alpha")},
	}))
	t.Cleanup(s.Close)
	c, err := cli.NewClient(s.URL, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFindGoesByTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := cli.Find(dir, ""); !errors.Is(err, endpoints.ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	for at, want := range map[string]string{"127.0.0.1:8080": "http://127.0.0.1:8080", "https://[::1]:1/": "https://[::1]:1"} {
		if err := (endpoints.Endpoints{HTTP: at}).Write(dir); err != nil {
			t.Fatal(err)
		}
		if c, err := cli.Find(dir, ""); err != nil || c.URL() != want {
			t.Errorf("%s: got %v, %v, want %s", at, c, err, want)
		}
	}
	if err := (endpoints.Endpoints{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := cli.Find(dir, ""); err == nil || !strings.Contains(err.Error(), "--http") {
		t.Errorf("got %v", err)
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for _, bad := range []string{"", "ftp://x", "http://", "http://%zz"} {
		if _, err := cli.NewClient(bad, ""); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func TestTokenIsAskedFor(t *testing.T) {
	good := client(t, &result{})
	if s, err := good.Status(t.Context()); err != nil || s.Version != "1.2.3" {
		t.Errorf("got %v, %v", s, err)
	}
	bad, err := cli.NewClient(good.URL(), "beta")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bad.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "--token") {
		t.Errorf("got %v", err)
	}
}

func TestServersThatAreNotIkada(t *testing.T) {
	answers := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := answers[r.URL.Path]; ok {
			_, _ = io.WriteString(w, text)
			return
		}
		http.NotFound(w, r)
	}))
	c, err := cli.NewClient(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(t.Context())
	check := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check(err, "404 Not Found: does Ikada listen there?")
	answers["/v1/status"] = "<html>"
	_, err = c.Status(t.Context())
	check(err, "does Ikada listen there?")
	for text, want := range map[string]string{
		"":                    "ends too early",
		"<html>\n":            "read the answer",
		"{\"rows\":0}\n":      "does not begin with columns",
		"{\"error\":\"e\"}\n": "e",
	} {
		answers["/v1/query"] = text
		_, err = c.Query(t.Context(), "select 1", 0)
		check(err, want)
	}
	s.Close()
	_, err = c.Status(t.Context())
	check(err, "is it running there?")
}

func TestAnswersThatAreNotWholeAreErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{\"row\":[1]}\n":                    "ends too early, after 1 rows",
		"{\"row\":[1]}\n{\"rows\":2}\n":      "has 1 rows of 2",
		"{\"row\":[1,2]}\n{\"rows\":1}\n":    "2 values for 1 columns",
		"{\"row\":[1]}\n{\"error\":\"e\"}\n": "e",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "{\"columns\":[\"a\"]}\n"+text)
		}))
		c, err := cli.NewClient(s.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range cli.Formats {
			rows, err := c.Query(t.Context(), "select 1", 0)
			if err != nil {
				t.Fatal(err)
			}
			err = cli.WriteRows(io.Discard, rows, format, 0)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %q: got %v, want %q", format, text, err, want)
			}
		}
		s.Close()
	}
}

func TestRowsInEveryFormat(t *testing.T) {
	values := func() *result {
		return &result{
			columns: []string{"path", "requests", "mixed", "client"},
			rows: [][]any{
				{"/items", int64(9223372036854775807), 1.5, map[string]any{"os": "iOS"}},
				{"/help/配送について", int64(7), "a,\"b\"", nil},
				{"evil\x1b[2J\nline\u202e", nil, nil, []any{true}},
			},
		}
	}
	for format, want := range map[string]string{
		"table": `path                             requests  mixed  client
/items                9223372036854775807  1.5    {"os":"iOS"}
/help/配送について                      7  a,"b"  null
evil\u001b[2J\nline` + "\uFFFD" + `                 null  null   [true]
`,
		"json": `[
  {"path": "/items", "requests": 9223372036854775807, "mixed": 1.5, "client": {"os":"iOS"}},
  {"path": "/help/配送について", "requests": 7, "mixed": "a,\"b\"", "client": null},
  {"path": "evil\u001b[2J\nline` + "\u202e" + `", "requests": null, "mixed": null, "client": [true]}
]
`,
		"csv": `path,requests,mixed,client
/items,9223372036854775807,1.5,"{""os"":""iOS""}"
/help/配送について,7,"a,""b""",
"evil` + "\x1b[2J\nline\u202e" + `",,,[true]
`,
	} {
		rows, err := client(t, values()).Query(t.Context(), "select", 0)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := cli.WriteRows(&b, rows, format, 0); err != nil {
			t.Error(err)
		}
		if b.String() != want {
			t.Errorf("%s: got\n%s\nwant\n%s", format, b.String(), want)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAPlanKeepsItsLines(t *testing.T) {
	plan := &result{columns: []string{"explain_key", "explain_value"}, rows: [][]any{{"physical_plan", "┌──┐\n│\x1b[2J│\n└──┘\n"}}}
	rows, err := client(t, plan).Query(t.Context(), "explain select 1", 0)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := cli.WriteRows(&b, rows, "table", 20); err != nil || b.String() != "┌──┐\n│\\u001b[2J│\n└──┘\n" {
		t.Errorf("got %v\n%s", err, b.String())
	}
}

func TestNoRows(t *testing.T) {
	for format, want := range map[string]string{"table": "a\n", "json": "[]\n", "csv": "a\n"} {
		rows, err := client(t, &result{columns: []string{"a"}}).Query(t.Context(), "select", 0)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := cli.WriteRows(&b, rows, format, 0); err != nil || b.String() != want {
			t.Errorf("%s: got %q, %v, want %q", format, b.String(), err, want)
		}
	}
}

func TestLongTablesStream(t *testing.T) {
	const n = 2000
	r := &result{columns: []string{"n", "text"}}
	for i := range n {
		r.rows = append(r.rows, []any{int64(i), strings.Repeat("x", i%50)})
	}
	rows, err := client(t, r).Query(t.Context(), "select", 0)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := cli.WriteRows(&b, rows, "table", 20); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != n+1 || lines[1] != "  0" || lines[50] != " 49  xxxxxxxxxxxxxxxxxxx…" || lines[n] != fmt.Sprintf("%d  xxxxxxxxxxxxxxxxxxx…", n-1) {
		t.Errorf("got %d lines: %q, %q, %q", len(lines), lines[1], lines[50], lines[n])
	}
}

func TestTailTellsWhoEndedIt(t *testing.T) {
	tail := &api.Tail{}
	s := httptest.NewServer(api.New(api.Options{Tail: tail}))
	defer s.Close()
	c, err := cli.NewClient(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []ikada.LogType{"..", "a/b", "日本 %2F"} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		out := make(writes, 1)
		go func() { ended <- c.Tail(ctx, name, out) }()
		for !tail.Wants(name) {
			time.Sleep(time.Millisecond)
		}
		tail.Row(name, []byte(`{"n":1}`))
		if got := <-out; got != "{\"n\":1}\n" {
			t.Errorf("%s: got %q", name, got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: ended by us: %v", name, err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Tail(t.Context(), "a", io.Discard) }()
	for !tail.Wants("a") {
		time.Sleep(time.Millisecond)
	}
	tail.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "was stopped") {
		t.Errorf("ended by the server: got %v", err)
	}
}

// writes hands on what is written.
type writes chan string

func (w writes) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}
