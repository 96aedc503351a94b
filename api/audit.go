package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/internal/when"
)

// AuditStatus is what the last audit found that Ikada made by itself.
type AuditStatus struct {
	At      time.Time `json:"at,omitzero"` // zero: none was made yet
	Since   time.Time `json:"since,omitzero"`
	Holds   bool      `json:"holds"`
	Gaps    int64     `json:"gaps"`
	GapRows int64     `json:"gap_rows"`
	Error   string    `json:"error,omitempty"` // why the last could not be made
}

// auditor serves GET /v1/audit?since=TIME&type=T&deep=true. One audit at a time
// is enough for all who ask.
func (s *server) auditor() http.Handler {
	busy := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, err := auditOptions(r)
		if err != nil {
			s.fail(w, http.StatusBadRequest, err.Error())
			return
		}
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		default:
			w.Header().Set("Retry-After", "10")
			s.fail(w, http.StatusTooManyRequests, "an audit is under way: ask again when it is done")
			return
		}
		report, err := s.Audit(r.Context(), o)
		switch {
		case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // the caller is gone
		case err != nil:
			s.fail(w, http.StatusInternalServerError, err.Error())
		default:
			s.writeJSON(w, http.StatusOK, report)
		}
	})
}

func auditOptions(r *http.Request) (o audit.Options, err error) {
	q := r.URL.Query()
	o.Type = ikada.LogType(q.Get("type"))
	if o.Since, err = when.Parse("since", q.Get("since"), time.Now()); err != nil {
		return o, err
	}
	if deep := q.Get("deep"); deep != "" {
		if o.Deep, err = strconv.ParseBool(deep); err != nil {
			return o, fmt.Errorf("deep %q: want true or false", deep)
		}
	}
	return o, nil
}
