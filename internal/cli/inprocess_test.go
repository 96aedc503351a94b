package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestInProcess(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("GET /no", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `{"error":"it is a teapot"}`)
	})
	c := NewInProcess(mux)
	ctx := context.Background()
	if !c.Alive(ctx) {
		t.Error("it does not answer")
	}
	long := strings.Repeat("0123456789", 100_000)
	answer, err := c.do(ctx, http.MethodPost, "/echo", strings.NewReader(long))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(answer); err != nil || string(text) != long {
		t.Errorf("got %d bytes and %v", len(text), err)
	}
	if _, err := c.do(ctx, http.MethodGet, "/no", nil); err == nil || err.Error() != "it is a teapot" {
		t.Errorf("got %v", err)
	}
}

func TestInProcessStreamsAndEnds(t *testing.T) {
	next, ended := make(chan struct{}), make(chan error, 1)
	c := NewInProcess(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		<-next
		_, err := io.WriteString(w, "second\n")
		ended <- err
	}))
	answer, err := c.do(context.Background(), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := io.ReadFull(answer, line); err != nil || string(line) != "first\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if err := answer.Close(); err != nil {
		t.Fatal(err)
	}
	close(next)
	if err := <-ended; err == nil {
		t.Error("the handler does not learn that its reader is gone")
	}
}

func TestInProcessCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := NewInProcess(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	if _, err := c.do(ctx, http.MethodGet, "/", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
