// Package api is what a running Ikada answers over HTTP besides the log input:
// status, metrics, queries, live events, and a page that shows them.
//
//	GET  /                        the page
//	GET  /healthz                 200 while the process lives
//	GET  /readyz                  200 while it takes logs, else 503 with the reason
//	GET  /metrics                 for Prometheus
//	GET  /v1/status               Status as JSON
//	POST /v1/query                SQL → newline-delimited JSON
//	GET  /v1/tail/{type}          live events of a log type, newline-delimited JSON
//	GET  /v1/audit                whether conservation holds, as JSON
//	GET  /v1/plans/{n}/explain    what plan n decided, as text
//	GET  /v1/types                all log types
//	GET  /v1/types/{type}         one log type: its columns and drifts
//	GET  /v1/loads                what was loaded, or which loads failed
//	GET  /v1/quarantine           records that were set aside: ?type=, since=, until=, put_back=true, limit=
//	GET  /v1/quarantine/{id}      one of them, with its bytes
//	POST /v1/quarantine/retry     put records back
//	POST /v1/replay               archived rows into a table again, or all that was not loaded
//	POST /v1/compact              small archive files into few
//	POST /v1/logs/{type}          the log input, which another handler serves
//
// Where tokens are configured, /v1 and /metrics want one of them as a bearer
// token. The page itself holds nothing secret and asks its user for a token.
//
// Every error is {"error": "…"}, but for /readyz, whose reason is text.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/quarantine"
	"github.com/ikada-io/ikada/replay"
	"github.com/ikada-io/ikada/warehouse"
)

// Options are the parts of the pipeline that the API shows. What is nil is
// answered with 404.
type Options struct {
	// Logs serves /v1/logs/.
	Logs http.Handler
	// Status tells how the pipeline does. It is called for each request.
	Status func(ctx context.Context) Status
	// Query runs a statement that only reads, and gives at most limit rows; 0: all.
	Query func(ctx context.Context, sql string, limit int64) (warehouse.Rows, error)
	// Explain writes what a plan decided. Its error wraps ikada.ErrNotFound
	// if there is no such plan.
	Explain func(ctx context.Context, n uint64, w io.Writer) error
	// History tells of log types and of loads.
	History History
	// Quarantine shows what was set aside, and puts it back.
	Quarantine *quarantine.Store
	// Audit shows whether conservation holds.
	Audit func(ctx context.Context, o audit.Options) (*audit.Report, error)
	// Replay brings archived rows into a table again, LoadAll everything that
	// was not loaded yet, and Compact binds small archive files into few.
	Replay  func(ctx context.Context, q replay.Request, tell func(rows, of int64)) (*replay.Report, error)
	LoadAll func(ctx context.Context, tell func(manifests, of int64)) (*LoadedAll, error)
	Compact func(ctx context.Context, t ikada.LogType, tell func(files int64)) (*compact.Report, error)
	// NoWarehouse says why there are neither Query nor History nor what else
	// needs tables. It is the answer to whoever asks for them.
	NoWarehouse string
	// Tail is the source of live events.
	Tail *Tail
	// Tokens are accepted as bearer tokens. None: everyone may call.
	Tokens []config.Secret
	// Ready returns why no logs are taken, or nil. Nil: always ready.
	Ready func() error
	// Version is that of the program.
	Version string
	// Log takes what a caller cannot be told. Nil: nothing is logged.
	Log *slog.Logger
}

type server struct {
	Options
}

// New returns the handler of all routes.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	s.page(mux)

	// A token is wanted wherever data goes in or out, whatever the route.
	guarded := http.NewServeMux()
	if o.Logs != nil {
		guarded.Handle("/v1/logs/", o.Logs)
		guarded.Handle("/v1/logs", o.Logs) // says what lacks, where a redirect would lose a body in silence
	}
	if o.Status != nil {
		guarded.HandleFunc("GET /v1/status", s.status)
		guarded.Handle("GET /metrics", s.metrics())
	}
	if o.Query != nil {
		guarded.Handle("POST /v1/query", s.sameOrigin(s.query))
	}
	if o.Audit != nil {
		guarded.Handle("GET /v1/audit", s.auditor())
	}
	if o.Tail != nil {
		guarded.HandleFunc("GET /v1/tail/{type}", s.tail)
	}
	if o.Quarantine != nil {
		s.quarantine(guarded)
	}
	if o.Replay != nil {
		s.replays(guarded)
	}
	if o.Explain != nil {
		guarded.HandleFunc("GET /v1/plans/{n}/explain", s.explain)
	}
	s.historyRoutes(guarded)
	if o.NoWarehouse != "" {
		s.noWarehouse(guarded)
	}
	mux.Handle("/v1/", authorize(o.Tokens, s.uniform(guarded)))
	mux.Handle("/metrics", authorize(o.Tokens, s.uniform(guarded)))
	return s.uniform(mux)
}

// noWarehouse answers where the routes would be that need tables.
func (s *server) noWarehouse(mux *http.ServeMux) {
	for _, path := range []string{"query", "types", "types/", "loads", "quarantine", "quarantine/", "replay", "compact"} {
		mux.HandleFunc("/v1/"+path, func(w http.ResponseWriter, _ *http.Request) { s.fail(w, http.StatusNotFound, s.NoWarehouse) })
	}
}

func healthz(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "ok\n") }

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	if s.Ready != nil {
		if err := s.Ready(); err != nil {
			w.Header().Set("Retry-After", "1")
			plainText(w, http.StatusServiceUnavailable, err.Error()+"\n")
			return
		}
	}
	plainText(w, http.StatusOK, "ok\n")
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, http.StatusOK, s.Status(r.Context()))
}

// explain answers with the whole text or with an error.
func (s *server) explain(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseUint(r.PathValue("n"), 10, 64)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "plan "+strconv.Quote(r.PathValue("n"))+" is no number: want /v1/plans/12/explain")
		return
	}
	var text bytes.Buffer
	switch err := s.Explain(r.Context(), n, &text); {
	case errors.Is(err, ikada.ErrNotFound):
		s.fail(w, http.StatusNotFound, err.Error())
	case err != nil:
		s.fail(w, http.StatusInternalServerError, err.Error())
	default:
		plainText(w, http.StatusOK, text.String())
	}
}

func (s *server) writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.Log.Debug("answer", "error", err) // the caller is gone
	}
}

// answer answers with a report, or with its error.
func answer[T any](s *server, w http.ResponseWriter, report func() (T, error)) {
	found, err := report()
	switch {
	case errors.Is(err, ikada.ErrNotFound):
		s.fail(w, http.StatusNotFound, err.Error())
	case err != nil:
		s.fail(w, http.StatusInternalServerError, err.Error())
	default:
		s.writeJSON(w, http.StatusOK, found)
	}
}

func plainText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text)
}
