package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Progress is how far something is that takes long.
type Progress struct {
	Done int64  `json:"done"`
	Of   int64  `json:"of,omitempty"` // 0: nobody knows
	Unit string `json:"unit"`         // "rows"
}

// jobLine is a line of the answer of what takes long or changes something: lines with its
// progress, and one with its result or its error.
type jobLine struct {
	Progress *Progress `json:"progress,omitempty"`
	Result   any       `json:"result,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// job serves POST requests whose JSON body is what do wants.
func job[In, Out any](s *server, do func(ctx context.Context, in In, tell func(Progress)) (Out, error)) http.Handler {
	return s.sameOrigin(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := readBody(w, r, &in); err != nil {
			s.fail(w, http.StatusBadRequest, err.Error())
			return
		}
		out := newLines(w)
		result, err := do(r.Context(), in, func(p Progress) { _ = out.write(jobLine{Progress: &p}) }) // a caller that is gone ends the context
		last := jobLine{Result: result}
		if err != nil {
			last = jobLine{Error: err.Error()}
		}
		if err := errors.Join(out.write(last), out.flush()); err != nil {
			s.Log.DebugContext(r.Context(), "answer "+r.URL.Path, "error", err) // the caller is gone
		}
	})
}

// readBody reads a request's JSON, strictly. An empty body is {}.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSQL))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the request: %w", err)
	}
	return nil
}
