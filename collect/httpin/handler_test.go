package httpin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/mem"
)

// check takes objects, as the next stage does.
func check(line []byte) error {
	var v map[string]json.RawMessage
	return json.Unmarshal(line, &v)
}

type rig struct {
	*Handler
	t      *testing.T
	stream *mem.Stream
	memory *collect.Memory
}

// refusing is a stream that is full while it is told to be.
type refusing struct {
	stream.Stream
	full atomic.Bool
}

func (r *refusing) Append(ctx context.Context, shard int, data []byte) error {
	if r.full.Load() {
		return ikada.ErrFull
	}
	return r.Stream.Append(ctx, shard, data)
}

func start(t *testing.T, opts Options) (*rig, *refusing) {
	t.Helper()
	return startWith(t, opts, collect.BatcherOptions{RetryTo: 50 * time.Millisecond})
}

func startWith(t *testing.T, opts Options, batcher collect.BatcherOptions) (*rig, *refusing) {
	t.Helper()
	inner := mem.New(mem.Options{Shards: 1})
	s := &refusing{Stream: inner}
	log := slog.New(slog.DiscardHandler)
	b := collect.NewBatcher(s, log, batcher)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	memory := collect.NewMemory(8<<20, 4<<20)
	return &rig{New(b, memory, check, log, opts), t, inner, memory}, s
}

// post sends a request as it would come from a socket: the target is not cleaned.
func (r *rig) post(target, body string, header ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// stored returns all parts in the stream.
func (r *rig) stored() (parts []batch.Part) {
	r.t.Helper()
	lanes, err := r.stream.Lanes(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	backlog, err := r.stream.Backlog(r.t.Context(), lanes[0], "")
	if err != nil {
		r.t.Fatal(err)
	}
	reader, err := r.stream.Open(r.t.Context(), lanes[0], "")
	if err != nil {
		r.t.Fatal(err)
	}
	for range backlog.Messages {
		m, err := reader.Next(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		for p, err := range batch.Parts(bytes.Clone(m.Data)) {
			if err != nil {
				r.t.Fatal(err)
			}
			parts = append(parts, p)
		}
	}
	return parts
}

func compressed(t *testing.T, kind, s string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zstd" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBodies(t *testing.T) {
	tests := map[string]struct {
		body, encoding string
		answer, stored string
	}{
		"NDJSON":                {"{\"a\":1}\n{\"a\":2}\n", "", `{"accepted":2,"quarantined":0}`, "{\"a\":1}\n{\"a\":2}\n"},
		"no newline at the end": {"{\"a\":1}\r\n\n{\"a\":2}", "", `{"accepted":2,"quarantined":0}`, "{\"a\":1}\r\n\n{\"a\":2}"},
		"a byte order mark":     {"\xef\xbb\xbf{\"a\":1}", "", `{"accepted":1,"quarantined":0}`, `{"a":1}`},
		"one object":            {`{"a":1}`, "", `{"accepted":1,"quarantined":0}`, `{"a":1}`},
		"an object over lines":  {"{\n  \"a\": \"x\\n\",\n  \"b\": [1,\n 2]\n}\n", "", `{"accepted":1,"quarantined":0}`, "{\"a\":\"x\\n\",\"b\":[1,2]}\n"},
		"objects over lines":    {"{\n\"a\":1}\n{\n\"a\":2}", "", `{"accepted":2,"quarantined":0}`, "{\"a\":1}\n{\"a\":2}\n"},
		"objects on one line":   {`{"a":1}{"a":2} {"a":3}`, "", `{"accepted":3,"quarantined":0}`, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"},
		"an array":              {` [{"a":1}, {"a":2}]`, "", `{"accepted":2,"quarantined":0}`, "{\"a\":1}\n{\"a\":2}\n"},
		"an array over lines":   {"[\n {\"a\":1},\n {\n\"a\":2}\n, 7]\n", "", `{"accepted":2,"quarantined":1}`, "{\"a\":1}\n{\"a\":2}\n7\n"},
		"an empty array":        {"[]", "", `{"accepted":0,"quarantined":0}`, ""},
		"nothing":               {" \n", "", `{"accepted":0,"quarantined":0}`, ""},
		"broken lines":          {"{\"a\":1}\n{\"a\":\nnonsense\n7\n{\"a\":2}\n", "", `{"accepted":2,"quarantined":3}`, "{\"a\":1}\n{\"a\":\nnonsense\n7\n{\"a\":2}\n"},
		"a broken first line":   {"{\"a\":\n{\"a\":2}\n", "", `{"accepted":1,"quarantined":1}`, "{\"a\":\n{\"a\":2}\n"},
		"gzip":                  {compressed(t, "gzip", "{\"a\":1}\n"), "gzip", `{"accepted":1,"quarantined":0}`, "{\"a\":1}\n"},
		"several gzip members":  {compressed(t, "gzip", "{\"a\":1}\n") + compressed(t, "gzip", "{\"a\":2}"), "x-gzip", `{"accepted":2,"quarantined":0}`, "{\"a\":1}\n{\"a\":2}"},
		"zstd":                  {compressed(t, "zstd", "{\"a\":1}\n"), "ZSTD", `{"accepted":1,"quarantined":0}`, "{\"a\":1}\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, _ := start(t, Options{})
			w := r.post("/v1/logs/app", test.body, "Content-Encoding", test.encoding)
			if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != test.answer {
				t.Errorf("answer %d %s; want %s", w.Code, w.Body, test.answer)
			}
			var stored []byte
			for _, p := range r.stored() {
				if p.Format != batch.JSON || p.Tag != "app" || !strings.HasPrefix(p.Origin, "http ") {
					t.Errorf("part %+v", p)
				}
				stored = append(stored, p.Payload...)
			}
			if string(stored) != test.stored {
				t.Errorf("stored %q; want %q", stored, test.stored)
			}
		})
	}
}

func TestTypesArePathsAsTheyCame(t *testing.T) {
	for path, want := range map[string]string{
		"app.access":                    "app.access",
		"a/b":                           "a/b",
		"a%2Fb":                         "a/b",
		"..%2F..%2Fetc%2Fpasswd":        "../../etc/passwd",
		"../../etc/passwd":              "../../etc/passwd",
		"%E3%82%A2%E3%83%97%E3%83%AA":   "アプリ",
		"a//b":                          "a//b",
		"100%25":                        "100%",
		strings.Repeat("x", 500):        strings.Repeat("x", 500),
		"_quarantine":                   "_quarantine",
		"with%20space%3Fand%26question": "with space?and&question",
	} {
		r, _ := start(t, Options{})
		if w := r.post("/v1/logs/"+path, "{}"); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		if got := r.stored()[0].Tag; got != want {
			t.Errorf("%s became %q; want %q", path, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	big := strings.Repeat("{\"a\":1}\n", 1000)
	tests := map[string]struct {
		method, target, body string
		header               []string
		status               int
		says                 string
	}{
		"another path":       {"POST", "/v2/logs/app", "{}", nil, 404, "/v1/logs/"},
		"GET":                {"GET", "/v1/logs/app", "", nil, 405, "use POST"},
		"no type":            {"POST", "/v1/logs/", "{}", nil, 400, "log type is empty"},
		"a type too long":    {"POST", "/v1/logs/" + strings.Repeat("x", 2000), "{}", nil, 400, "longer than 1024"},
		"a type no UTF-8":    {"POST", "/v1/logs/%ff", "{}", nil, 400, "not UTF-8"},
		"a broken array":     {"POST", "/v1/logs/app", `[{"a":1},{"a":]`, nil, 400, "breaks at byte 15 of the body"},
		"behind a space":     {"POST", "/v1/logs/app", "\xef\xbb\xbf \n" + `[{"a":1},{"a":]`, nil, 400, "breaks at byte 20 of the body"},
		"behind an array":    {"POST", "/v1/logs/app", "[1]\n[2] x", nil, 400, "breaks at byte 9 of the body"},
		"an array cut off":   {"POST", "/v1/logs/app", ` [{"a":1},{"a":2},{"a":3}`, nil, 400, "ends too early, at byte 25, the last of the body"},
		"a long one cut off": {"POST", "/v1/logs/app", "[" + strings.Repeat("7, ", 1000), nil, 400, "ends too early, at byte 3001,"},
		"the second cut off": {"POST", "/v1/logs/app", "[1]\n[2", nil, 400, "ends too early, at byte 6,"},
		"lz4":                {"POST", "/v1/logs/app", "{}", []string{"Content-Encoding", "lz4"}, 415, "use gzip or zstd"},
		"gzip untold":        {"POST", "/v1/logs/app", compressed(t, "gzip", "{}"), nil, 415, "send Content-Encoding: gzip"},
		"zstd untold":        {"POST", "/v1/logs/app", compressed(t, "zstd", "{}"), nil, 415, "send Content-Encoding: zstd"},
		"no type nor slash":  {"POST", "/v1/logs", "{}", nil, 404, "post to /v1/logs/{type}"},
		"no gzip":            {"POST", "/v1/logs/app", "not compressed", []string{"Content-Encoding", "gzip"}, 400, "decompress gzip"},
		"too large":          {"POST", "/v1/logs/app", big, nil, 413, "larger than 5000 bytes"},
		"too large inflated": {"POST", "/v1/logs/app", compressed(t, "gzip", big), []string{"Content-Encoding", "gzip"}, 413, "limit is 5000 bytes"},
		"no token":           {"POST", "/v1/logs/app", "{}", []string{"Authorization", ""}, 401, "Authorization: Bearer"},
		"a wrong token":      {"POST", "/v1/logs/app", "{}", []string{"Authorization", "Bearer wrong"}, 401, "token"},
		"another scheme":     {"POST", "/v1/logs/app", "{}", []string{"Authorization", "Basic secret"}, 401, "token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, _ := start(t, Options{MaxBody: 5000, Tokens: []string{"other", "secret"}})
			req := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			req.Header.Set("Authorization", "Bearer secret")
			for i := 0; i < len(test.header); i += 2 {
				req.Header.Set(test.header[i], test.header[i+1])
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			var said struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != test.status || !strings.Contains(said.Error, test.says) {
				t.Errorf("%d %s; want %d %q", w.Code, w.Body, test.status, test.says)
			}
			if len(r.stored()) > 0 {
				t.Error("something is stored")
			}
		})
	}
}

func TestARequestThatIsRepeatedHasTheSameKeys(t *testing.T) {
	r, _ := start(t, Options{})
	for range 2 {
		if w := r.post("/v1/logs/app", "{\"a\":1}\nx", "Idempotency-Key", "k1"); w.Body.String() != `{"accepted":1,"quarantined":1}`+"\n" {
			t.Errorf("answer %s", w.Body)
		}
	}
	r.post("/v1/logs/app", "{\"a\":1}\nx", "Idempotency-Key", "k2")
	parts := r.stored()
	if parts[0].Key != parts[1].Key || parts[0].Key == parts[2].Key {
		t.Errorf("keys %x %x %x", parts[0].Key, parts[1].Key, parts[2].Key)
	}
}

func TestLinesTooLongForTheStreamCountAsQuarantined(t *testing.T) {
	r, _ := startWith(t, Options{}, collect.BatcherOptions{MaxMessage: collect.MinMaxMessage})
	whole := r.batcher.MaxEntry()
	line := func(n int, end string) string { return `{"a":"` + strings.Repeat("x", n-8-len(end)) + `"}` + end }
	for name, c := range map[string]struct {
		body string
		want Answer
	}{
		"as long as may be":              {line(whole, "\n"), Answer{1, 0}},
		"as long as may be, the last":    {line(whole, "\n") + line(whole, ""), Answer{2, 0}},
		"longer":                         {line(whole+1, "\n"), Answer{0, 1}},
		"longer, the last of some lines": {"{}\n" + line(whole+1, ""), Answer{1, 1}},
	} {
		before := len(r.stored())
		var got, stored Answer
		if err := json.Unmarshal(r.post("/v1/logs/app", c.body).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		broken := map[bool]int{}
		for _, p := range r.stored()[before:] {
			broken[p.Format == batch.Bad]++
		}
		stored = Answer{Accepted: broken[false], Quarantined: min(broken[true], 1)} // one entry, in pieces
		if got != c.want || stored != c.want {
			t.Errorf("%s: got %+v, stored %+v, want %+v", name, got, stored, c.want)
		}
	}
}

func TestAdviceOnHowToRepeatIsTrue(t *testing.T) {
	r, s := start(t, Options{Wait: 20 * time.Millisecond})
	for range 2 {
		r.post("/v1/logs/app", "{}")
	}
	if parts := r.stored(); parts[0].Key == parts[1].Key {
		t.Error("requests without Idempotency-Key have the same key, and the second would be dropped")
	}
	for key, says := range map[string]string{"": "may double", "k": "send again with the same body and Idempotency-Key"} {
		s.full.Store(true)
		w := r.post("/v1/logs/app", "{}", "Idempotency-Key", key)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "not known to be stored") || !strings.Contains(w.Body.String(), says) {
			t.Errorf("key %q: %d %s; want %q", key, w.Code, w.Body, says)
		}
		s.full.Store(false)
		for r.batcher.Full() {
			time.Sleep(time.Millisecond)
		}
	}
}

func TestPressure(t *testing.T) {
	r, s := start(t, Options{Wait: 20 * time.Millisecond})
	lease := r.memory.Lease()
	other := r.memory.Lease()
	if err := errors.Join(lease.Grow(t.Context(), 4<<20), other.Grow(t.Context(), 4<<20)); err != nil {
		t.Fatal(err)
	}
	large := "{\"a\":\"" + strings.Repeat("x", 100_000) + "\"}"
	if w := r.post("/v1/logs/app", large); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "5" {
		t.Errorf("no memory: %d %s", w.Code, w.Body)
	}
	lease.Release()
	if w := r.post("/v1/logs/app", large); w.Code != http.StatusOK {
		t.Errorf("memory again: %d %s", w.Code, w.Body)
	}
	s.full.Store(true)
	for _, why := range []string{"not known to be stored", "the stream is full"} {
		w := r.post("/v1/logs/app", large)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || !strings.Contains(w.Body.String(), why) {
			t.Errorf("full: %d %s; want %q", w.Code, w.Body, why)
		}
	}
	s.full.Store(false)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if w := r.post("/v1/logs/app", large); w.Code == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the stream has room again, and requests are still refused")
		}
	}
}

func TestABodyThatBreaksOffIsNotStored(t *testing.T) {
	r, _ := start(t, Options{})
	req := httptest.NewRequest(http.MethodPost, "/v1/logs/app", io.MultiReader(strings.NewReader("{}\n"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if w.Code != http.StatusBadRequest || len(r.stored()) > 0 {
		t.Errorf("%d %s, %d stored", w.Code, w.Body, len(r.stored()))
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"{\"a\":1}\n{\"a\":2}", `[{"a":1},2]`, "{\n\"a\":1}\n", "{\"a\":\n{}", "\xef\xbb\xbf[]", "{}{}", "x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		lines, err := split(bytes.Clone(body), func(int) error { return nil })
		if err != nil {
			return
		}
		if json.Valid(body) && len(bytes.TrimSpace(body)) > 0 {
			for line := range bytes.Lines(lines) {
				if len(bytes.TrimSpace(line)) > 0 && !json.Valid(line) {
					t.Fatalf("valid JSON %q became line %q", body, line)
				}
			}
		}
		strip := func(b []byte) []byte {
			return bytes.Map(func(r rune) rune {
				if strings.ContainsRune(" \t\r\n[],", r) {
					return -1
				}
				return r
			}, b)
		}
		if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
			body = body[3:]
		}
		if !bytes.Equal(strip(lines), strip(body)) {
			t.Fatalf("%q became %q", body, lines)
		}
	})
}
