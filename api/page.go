package api

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

// contentPolicy lets the page use its own files and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page serves the status page: "/" and "/page/…".
func (s *server) page(mux *http.ServeMux) {
	files := http.FileServerFS(pageFiles)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		if r.URL.Path == "/" {
			http.ServeFileFS(w, r, pageFiles, "page/index.html")
			return
		}
		if info, err := fs.Stat(pageFiles, r.URL.Path[1:]); err != nil || info.IsDir() {
			s.fail(w, http.StatusNotFound, "the page has no file "+r.URL.Path)
			return
		}
		files.ServeHTTP(w, r)
	})
	mux.Handle("GET /{$}", handler)
	mux.Handle("GET /page/", handler)
}
