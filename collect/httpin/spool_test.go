package httpin

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// http.max_body may be more than the memory of one message.
func TestABodyBeyondTheMemoryOfOneIsTaken(t *testing.T) {
	r, _ := start(t, Options{})
	line := `{"text":"` + strings.Repeat("x", 1000) + `"}` + "\n"
	body := strings.Repeat(line, 6000)
	if w := r.post("/v1/logs/app", body); w.Code != 413 {
		t.Errorf("without a directory for it: %d %s", w.Code, w.Body)
	}
	r.memory.SpoolIn(t.TempDir() + "/nowhere")
	if w := r.post("/v1/logs/app", body); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("without a place for it: %d %s", w.Code, w.Body)
	}
	r.memory.SpoolIn(t.TempDir())
	for _, w := range []*httptest.ResponseRecorder{
		r.post("/v1/logs/app", body),
		r.post("/v1/logs/app", compressed(t, "gzip", body), "Content-Encoding", "gzip"),
	} {
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"accepted":6000`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	size := 0
	for _, p := range r.stored() {
		size += len(p.Payload)
	}
	if size != 2*len(body) {
		t.Errorf("%d bytes are stored, want %d", size, 2*len(body))
	}
}
