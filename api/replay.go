package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/replay"
)

// ReplayRequest says what to replay: a range of a log type's archive hours, or
// everything that was not loaded yet.
type ReplayRequest struct {
	replay.Request
	All bool `json:"all,omitempty"`
}

// ReplayResult is what a replay did; All is set where it was asked for.
type ReplayResult struct {
	*replay.Report
	All *LoadedAll `json:"all,omitempty"`
}

// LoadedAll tells what was loaded of what was not.
type LoadedAll struct {
	Types     int           `json:"types"`
	Manifests int64         `json:"manifests"`
	Rows      int64         `json:"rows"`
	Bytes     int64         `json:"bytes"` // raw
	Took      time.Duration `json:"took_ns"`
}

// CompactRequest says what to compact; all log types if Type is empty.
type CompactRequest struct {
	Type ikada.LogType `json:"type,omitempty"`
}

func (s *server) replays(mux *http.ServeMux) {
	mux.Handle("POST /v1/replay", job(s, func(ctx context.Context, in ReplayRequest, tell func(Progress)) (r ReplayResult, err error) {
		if in.All {
			if in.Request != (replay.Request{}) {
				return r, errors.New("all stands alone: it loads what was not loaded yet, of all log types")
			}
			r.All, err = s.LoadAll(ctx, func(done, of int64) { tell(Progress{Done: done, Of: of, Unit: "manifests"}) })
			return r, err
		}
		r.Report, err = s.Replay(ctx, in.Request, func(rows, of int64) { tell(Progress{Done: rows, Of: of, Unit: "rows"}) })
		return r, err
	}))
	mux.Handle("POST /v1/compact", job(s, func(ctx context.Context, in CompactRequest, tell func(Progress)) (*compact.Report, error) {
		return s.Compact(ctx, in.Type, func(files int64) { tell(Progress{Done: files, Unit: "files"}) })
	}))
}
