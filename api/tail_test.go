package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/record"
)

var _ record.Tap = (*api.Tail)(nil)

// listen opens a tail and returns its lines and what ends it.
func listen(t *testing.T, s *httptest.Server, escaped string) (*bufio.Reader, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/tail/"+escaped, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 {
		t.Fatalf("got %s", answer.Status)
	}
	end := func() { cancel(); _ = answer.Body.Close() }
	t.Cleanup(end)
	return bufio.NewReader(answer.Body), end
}

func line(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	text, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(text, "\n")
}

func TestTailGivesTheRowsOfItsType(t *testing.T) {
	tail := &api.Tail{}
	s := serve(t, api.Options{Tail: tail})
	for escaped, name := range map[string]ikada.LogType{
		"app.access":             "app.access",
		"..%2F..%2Fetc%2Fpasswd": "../../etc/passwd",
		"%2E%2E":                 "..",
		"%E6%97%A5%20%3F%25":     "日 ?%",
	} {
		if tail.Wants(name) {
			t.Errorf("%s is wanted before anybody listens", name)
		}
		in, end := listen(t, s, escaped)
		if !tail.Wants(name) || tail.Wants("other") {
			t.Fatalf("%s: wanted %v, other %v", name, tail.Wants(name), tail.Wants("other"))
		}
		shared := []byte(`{"n":1}`)
		tail.Row("other", []byte(`{"other":1}`))
		tail.Row(name, shared)
		copy(shared, `{"n":2}`) // as the pipeline reuses its memory
		tail.Row(name, shared)
		if a, b := line(t, in), line(t, in); a != `{"n":1}` || b != `{"n":2}` {
			t.Errorf("%s: got %s, %s", name, a, b)
		}
		end()
		for tail.Wants(name) { // until the server has noticed
			time.Sleep(time.Millisecond)
		}
	}
}

func TestSlowListenerLosesRowsAndIsTold(t *testing.T) {
	tail := &api.Tail{}
	s := serve(t, api.Options{Tail: tail})
	in, _ := listen(t, s, "a")
	const rows = 100_000 // far more than sockets and channel hold
	row := []byte(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	for range rows {
		tail.Row("a", row) // returns though nobody reads
	}
	var got, dropped int64
	for got+dropped < rows {
		var l struct{ Dropped int64 }
		text := line(t, in)
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if l.Dropped > 0 {
			dropped += l.Dropped
		} else if text == string(row) {
			got++
		}
	}
	if got == 0 || dropped == 0 || got+dropped != rows {
		t.Errorf("got %d rows, %d dropped, want %d together", got, dropped, rows)
	}
}

func TestHugeRowsAreBoundedByBytes(t *testing.T) {
	tail := &api.Tail{}
	s := serve(t, api.Options{Tail: tail})
	in, _ := listen(t, s, "a")
	tail.Row("a", make([]byte, 5<<20))
	tail.Row("a", []byte(`{}`))
	if a, b := line(t, in), line(t, in); a != `{}` || b != `{"dropped":1}` {
		t.Errorf("got %s, %s", a, b)
	}
}

func TestCloseEndsTailsAndRefusesMore(t *testing.T) {
	tail := &api.Tail{}
	s := serve(t, api.Options{Tail: tail})
	in, _ := listen(t, s, "a")
	tail.Close()
	if _, err := in.ReadString('\n'); err == nil {
		t.Error("the stream goes on")
	}
	if tail.Wants("a") {
		t.Error("still wanted")
	}
	tail.Row("a", []byte("{}"))
	if answer, body := do(t, s, "GET", "/v1/tail/a", ""); answer.StatusCode != 503 || !strings.Contains(body, "shutting down") {
		t.Errorf("got %d %s", answer.StatusCode, body)
	}
}

func TestListenersAreBounded(t *testing.T) {
	tail := &api.Tail{}
	s := serve(t, api.Options{Tail: tail})
	for range 100 {
		listen(t, s, "a")
	}
	if answer, _ := do(t, s, "GET", "/v1/tail/a", ""); answer.StatusCode != 503 {
		t.Errorf("got %d, want 503", answer.StatusCode)
	}
}

func TestTailCostsNothingWhenNobodyListens(t *testing.T) {
	tail := &api.Tail{}
	if n := testing.AllocsPerRun(100, func() {
		if tail.Wants("a") {
			t.Error("wanted")
		}
		tail.Row("a", nil)
	}); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}
