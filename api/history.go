package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/internal/when"
)

// History tells of log types and of loads.
type History interface {
	Types(ctx context.Context, since time.Time) (history.Types, error)
	// Show's error wraps ikada.ErrNotFound if the log type has no table.
	Show(ctx context.Context, of ikada.LogType) (history.Detail, error)
	Loads(ctx context.Context, f history.Filter) (history.Loads, error)
	Failures(ctx context.Context, f history.Filter) (history.Failures, error)
}

// What a question without ?since and ?limit is of.
const (
	defaultSince = "7d"
	defaultLoads = 100
	maxLoads     = 10_000
)

func (s *server) historyRoutes(mux *http.ServeMux) {
	if s.History == nil {
		return
	}
	mux.HandleFunc("GET /v1/types", s.types)
	mux.HandleFunc("GET /v1/types/{type}", s.showType)
	mux.HandleFunc("GET /v1/loads", s.loads)
}

// types answers with all log types. ?since=7d: from when drifts are counted.
func (s *server) types(w http.ResponseWriter, r *http.Request) {
	since, err := when.Parse("since", cmp.Or(r.URL.Query().Get("since"), defaultSince), time.Now())
	if err != nil {
		s.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	answer(s, w, func() (history.Types, error) { return s.History.Types(r.Context(), since) })
}

func (s *server) showType(w http.ResponseWriter, r *http.Request) {
	answer(s, w, func() (history.Detail, error) { return s.History.Show(r.Context(), ikada.LogType(r.PathValue("type"))) })
}

// loads answers with what was loaded, or with ?failed with the loads that failed.
// ?type=T, ?since=24h, ?limit=100.
func (s *server) loads(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := history.Filter{Type: ikada.LogType(q.Get("type")), Limit: defaultLoads}
	var err error
	if f.Since, err = when.Parse("since", q.Get("since"), time.Now()); err != nil {
		s.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if text := q.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > maxLoads {
			s.fail(w, http.StatusBadRequest, fmt.Sprintf("limit=%q: want a number from 1 to %d", text, maxLoads))
			return
		}
	}
	switch failed := q.Get("failed"); {
	case !q.Has("failed") || failed == "false":
		answer(s, w, func() (history.Loads, error) { return s.History.Loads(r.Context(), f) })
	case failed == "" || failed == "true":
		answer(s, w, func() (history.Failures, error) { return s.History.Failures(r.Context(), f) })
	default:
		s.fail(w, http.StatusBadRequest, fmt.Sprintf("failed=%q: want true or false", failed))
	}
}
