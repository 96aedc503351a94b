// Package httpin takes logs over HTTP:
//
//	POST /v1/logs/{type}
//
// The type is the rest of the path, percent-decoded. The body is NDJSON, a JSON
// array, or one object, plain or with Content-Encoding gzip or zstd. The answer
// is {"accepted":n,"quarantined":m}, once the stream has all of it on disk:
// accepted records become rows of the log type, quarantined ones of
// _quarantine. Idempotency-Key makes a request safe to repeat: one without it
// that is sent again is taken for new events.
package httpin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
)

// Prefix is the path below which a Handler serves.
const Prefix = "/v1/logs/"

// Handler is the HTTP input.
type Handler struct {
	batcher *collect.Batcher
	memory  *collect.Memory
	log     *slog.Logger
	check   func([]byte) error
	tokens  [][sha256.Size]byte
	opts    Options
}

// Options tune a Handler. The zero value is usable.
type Options struct {
	// Tokens are the bearer tokens that are accepted. Without any, everyone is.
	Tokens []string
	// MaxBody bounds a body, compressed and not. Default 64 MiB.
	MaxBody int64
	// Wait is how long a request waits for the stream. Default 20 s.
	Wait time.Duration
	// RetryAfter is what a sender is told to wait under pressure. Default 5 s.
	RetryAfter time.Duration
}

// New returns a handler. check says whether a line of JSON will be taken as a
// record by the next stage.
func New(b *collect.Batcher, m *collect.Memory, check func(line []byte) error, log *slog.Logger, opts Options) *Handler {
	opts.MaxBody = cmp.Or(opts.MaxBody, 64<<20)
	opts.Wait = cmp.Or(opts.Wait, 20*time.Second)
	opts.RetryAfter = cmp.Or(opts.RetryAfter, 5*time.Second)
	h := &Handler{batcher: b, memory: m, log: log, check: check, opts: opts}
	for _, t := range opts.Tokens {
		h.tokens = append(h.tokens, sha256.Sum256([]byte(t)))
	}
	return h
}

// Answer is what a sender gets.
type Answer struct {
	Accepted    int `json:"accepted"`
	Quarantined int `json:"quarantined"`
}

// ServeHTTP serves one request. The path is read as it was sent, so that a
// type may hold anything, "../" included.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.serve(w, r)
	if err == nil {
		reply(w, http.StatusOK, answer)
		return
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{http.StatusInternalServerError, err}
		h.log.ErrorContext(r.Context(), "HTTP input failed", "from", r.RemoteAddr, "error", err)
	}
	switch f.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(int((h.opts.RetryAfter+time.Second-1)/time.Second)))
	}
	reply(w, f.status, map[string]string{"error": f.Error()})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender is gone if this fails
}

// failure is an error with a status.
type failure struct {
	status int
	error
}

func fail(status int, format string, args ...any) error {
	return &failure{status, fmt.Errorf(format, args...)}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) (Answer, error) {
	name, err := h.logType(r)
	if err != nil {
		return Answer{}, err
	}
	if h.batcher.Full() {
		return Answer{}, fail(http.StatusServiceUnavailable, "the stream is full: send again later; nothing was accepted")
	}
	lease := h.memory.Lease()
	lease.NoWait = true
	defer lease.Release()
	body := collect.NewBuffer(lease)
	body.Spools = true
	defer body.Free()
	if err := h.read(w, r, body); err != nil {
		return Answer{}, err
	}
	lines, err := split(body.Bytes(), func(n int) error {
		return h.pressure(lease.Grow(r.Context(), int64(n)))
	})
	if err != nil {
		return Answer{}, as(err, http.StatusBadRequest)
	}
	answer := h.count(lines)
	if answer == (Answer{}) {
		return answer, nil
	}
	return answer, h.add(r, name, lines, answer.Accepted)
}

// as gives an error a status if it has none.
func as(err error, status int) error {
	if f := (*failure)(nil); errors.As(err, &f) {
		return err
	}
	return &failure{status, err}
}

// logType checks everything but the body.
func (h *Handler) logType(r *http.Request) (string, error) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), Prefix)
	if !ok {
		return "", fail(http.StatusNotFound, "no such path: post to %s{type}", Prefix)
	}
	if r.Method != http.MethodPost {
		return "", fail(http.StatusMethodNotAllowed, "method %s: use POST", r.Method)
	}
	if !h.authorized(r) {
		return "", fail(http.StatusUnauthorized, "no valid token: send the header Authorization: Bearer TOKEN")
	}
	name, err := url.PathUnescape(rest)
	if err != nil {
		return "", fail(http.StatusBadRequest, "log type in the path: %w", err)
	}
	if _, err := ikada.TypeOf(name); err != nil {
		return "", fail(http.StatusBadRequest, "log type in the path: %w", err)
	}
	return name, nil
}

func (h *Handler) authorized(r *http.Request) bool {
	if len(h.tokens) == 0 {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	match := 0
	for _, t := range h.tokens {
		match |= subtle.ConstantTimeCompare(t[:], sum[:])
	}
	return match == 1 && strings.EqualFold(scheme, "Bearer")
}

// compression recognises a compressed body, which cannot be JSON.
func compression(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		return "gzip"
	case bytes.HasPrefix(body, []byte("\x28\xb5\x2f\xfd")):
		return "zstd"
	}
	return ""
}

// stall is how long nothing may come of a body: it holds memory.
const stall = time.Minute

// patient reads a body for as long as something comes.
type patient struct {
	io.ReadCloser
	on *http.ResponseController
}

func (p patient) Read(b []byte) (int, error) {
	_ = p.on.SetReadDeadline(time.Now().Add(stall)) // where there is no socket, there is none
	return p.ReadCloser.Read(b)
}

// read reads and decompresses the body.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, into *collect.Buffer) error {
	on := http.NewResponseController(w)
	src := http.MaxBytesReader(nil, patient{r.Body, on}, h.opts.MaxBody)
	defer func() { _ = on.SetReadDeadline(time.Time{}) }()
	var err error
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		if err = into.ReadAll(r.Context(), src, h.opts.MaxBody); err != nil {
			break
		}
		if kind := compression(into.Bytes()); kind != "" {
			return fail(http.StatusUnsupportedMediaType, "the body is compressed with %[1]s, which no header tells: send Content-Encoding: %[1]s", kind)
		}
	default:
		err = collect.Inflate(r.Context(), strings.TrimPrefix(encoding, "x-"), src, into, h.opts.MaxBody)
	}
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return fail(http.StatusRequestEntityTooLarge, "body is larger than %d bytes: send it in pieces", h.opts.MaxBody)
	}
	if errors.Is(err, collect.ErrEncoding) {
		return fail(http.StatusUnsupportedMediaType, "Content-Encoding: %w, or none", err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fail(http.StatusRequestTimeout, "nothing came of the body for %s: send it again; nothing was accepted", stall)
	}
	if errors.Is(err, collect.ErrSpool) {
		h.log.ErrorContext(r.Context(), "a body cannot be taken", "from", r.RemoteAddr, "error", err)
		return fail(http.StatusServiceUnavailable, "%w; send again later; nothing was accepted", err)
	}
	if err = h.pressure(err); err != nil {
		return as(fmt.Errorf("read the body: %w", err), http.StatusBadRequest)
	}
	return nil
}

// pressure gives errors of the memory limit their status.
func (h *Handler) pressure(err error) error {
	switch {
	case errors.Is(err, collect.ErrTooLarge):
		return fail(http.StatusRequestEntityTooLarge, "%w: send it in pieces", err)
	case errors.Is(err, collect.ErrNoMemory):
		return fail(http.StatusTooManyRequests, "%w: send again later; nothing was accepted", err)
	}
	return err
}

// count tells how many lines will be records and how many be quarantined.
func (h *Handler) count(lines []byte) (a Answer) {
	for line := range bytes.Lines(lines) {
		switch {
		case len(bytes.TrimSpace(line)) == 0:
		case len(line) > h.batcher.MaxEntry() || h.check(line) != nil:
			a.Quarantined++
		default:
			a.Accepted++
		}
	}
	return a
}

// add waits until the lines are durable. A sender that hears nothing, or 503,
// cannot know whether they became so, nor which of them, and is told how to
// repeat: safely only what bore a key, as the id of any other chunk is random.
func (h *Handler) add(r *http.Request, name string, lines []byte, events int) error {
	ctx, cancel := context.WithTimeout(r.Context(), h.opts.Wait)
	defer cancel()
	key := r.Header.Get("Idempotency-Key")
	err := h.batcher.Add(ctx, collect.Chunk{
		Tag:     name,
		ID:      []byte(key),
		Format:  batch.JSON,
		Payload: lines,
		Origin:  "http " + r.RemoteAddr,
		Events:  events,
	})
	if err == nil {
		return nil
	}
	advice := "send again with the same body and Idempotency-Key, and it is stored once"
	if key == "" {
		advice = "the request had no Idempotency-Key, so sending it again may double what was stored; one that has such a key can be sent again, and is stored once"
	}
	return fail(http.StatusServiceUnavailable, "not known to be stored: %w; %s", err, advice)
}
