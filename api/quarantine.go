package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ikada-io/ikada/internal/when"
	"github.com/ikada-io/ikada/quarantine"
)

// Quarantined is a list of records that were set aside.
type Quarantined struct {
	Records []quarantine.Record `json:"records"`
}

// RetryRequest says what to put back: records by their ids, or all that the
// filter chooses.
type RetryRequest struct {
	IDs   []string  `json:"ids,omitempty"`
	Type  string    `json:"type,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	As    string    `json:"as,omitempty"`
	// Charset is that of their texts, if it is not UTF-8.
	Charset string `json:"charset,omitempty"`
	Try     bool   `json:"try,omitempty"`
}

func (s *server) quarantine(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/quarantine", s.quarantineList)
	mux.HandleFunc("GET /v1/quarantine/{id}", s.quarantineShow)
	mux.Handle("POST /v1/quarantine/retry", job(s, func(ctx context.Context, in RetryRequest, tell func(Progress)) (quarantine.Result, error) {
		r := quarantine.Retry{Filter: quarantine.Filter{Type: in.Type, Since: in.Since, Until: in.Until}, IDs: in.IDs, As: in.As, Charset: in.Charset, Try: in.Try}
		return s.Quarantine.Retry(ctx, r, func(done, of int64) { tell(Progress{Done: done, Of: of, Unit: "records"}) })
	}))
}

func (s *server) quarantineList(w http.ResponseWriter, r *http.Request) {
	f, err := quarantineFilter(r.URL.Query())
	if err != nil {
		s.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	answer(s, w, func() (Quarantined, error) {
		records, err := s.Quarantine.List(r.Context(), f)
		return Quarantined{Records: append([]quarantine.Record{}, records...)}, err
	})
}

func (s *server) quarantineShow(w http.ResponseWriter, r *http.Request) {
	answer(s, w, func() (quarantine.Record, error) { return s.Quarantine.Get(r.Context(), r.PathValue("id")) })
}

func quarantineFilter(q url.Values) (f quarantine.Filter, err error) {
	f.Type, f.PutBack = q.Get("type"), q.Get("put_back") == "true"
	if f.Since, err = when.Parse("since", q.Get("since"), time.Now()); err != nil {
		return f, err
	}
	if f.Until, err = when.Parse("until", q.Get("until"), time.Now()); err != nil {
		return f, err
	}
	if text := q.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 0 {
			return f, fmt.Errorf("limit %q is no number of records: want 1 or more, or 0 for all", text)
		}
	}
	return f, nil
}
