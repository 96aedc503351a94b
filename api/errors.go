package api

import "net/http"

// fail answers with an error, which says what to do.
func (s *server) fail(w http.ResponseWriter, code int, text string) {
	s.writeJSON(w, code, failure{text})
}

// failure is what every error looks like.
type failure struct {
	Error string `json:"error"`
}

// uniform has what no route takes answered as every other error is.
func (s *server) uniform(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, route := mux.Handler(r)
		if route != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := &head{header: http.Header{}}
		refuse.ServeHTTP(said, r)
		switch said.code {
		case http.StatusMethodNotAllowed:
			allow := said.header.Get("Allow")
			w.Header().Set("Allow", allow)
			s.fail(w, said.code, r.Method+" "+r.URL.Path+": want "+allow)
		case http.StatusNotFound:
			s.fail(w, said.code, r.URL.Path+" is no address of this Ikada")
		default: // such as one that leads to another address
			mux.ServeHTTP(w, r)
		}
	})
}

// head keeps the head of an answer, and drops its text.
type head struct {
	header http.Header
	code   int
}

// Header returns the headers.
func (h *head) Header() http.Header { return h.header }

// WriteHeader keeps the code.
func (h *head) WriteHeader(code int) { h.code = code }

// Write drops a part of the text.
func (h *head) Write(text []byte) (int, error) { return len(text), nil }

// sameOrigin keeps other sites' pages in a browser from asking what only listens
// on localhost.
func (s *server) sameOrigin(h http.HandlerFunc) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fail(w, http.StatusForbidden, "a page of another site may not ask this: ask from Ikada's own page, or without a browser")
	}))
	return protection.Handler(h)
}
