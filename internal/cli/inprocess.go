package cli

import (
	"io"
	"net/http"
)

// NewInProcess returns a client of a handler in this very process, for commands
// that work without a running Ikada.
func NewInProcess(h http.Handler) *Client {
	return &Client{base: "http://ikada.invalid", http: &http.Client{Transport: inProcess{h}}}
}

// inProcess gives requests to a handler, and its answers back as they come.
type inProcess struct{ handler http.Handler }

// RoundTrip serves one request.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody // as a server has it
	}
	body, write := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: write, begun: make(chan *http.Response, 1)}
	w.answer = &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Body: body, ContentLength: -1}
	go func() {
		p.handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		_ = write.Close() // of a pipe: never fails
	}()
	select {
	case answer := <-w.begun:
		return answer, nil
	case <-r.Context().Done():
		_ = body.Close() // ends the handler's writes
		return nil, r.Context().Err()
	}
}

// pipeWriter is the handler's end.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	answer *http.Response
	begun  chan *http.Response
	done   bool
}

// Header returns the headers to be sent.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader begins the answer.
func (w *pipeWriter) WriteHeader(code int) {
	if w.done {
		return
	}
	w.done = true
	w.answer.StatusCode, w.answer.Status = code, http.StatusText(code)
	w.answer.Header = w.header.Clone()
	w.begun <- w.answer
}

// Write gives a part of the answer to its reader.
func (w *pipeWriter) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(data)
}

// Flush does nothing: the pipe holds nothing back.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }
