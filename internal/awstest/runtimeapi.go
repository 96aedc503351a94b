package awstest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// runtimeAPI is a server of the Lambda Runtime API, version 2018-06-01, as AWS
// documents it ("Using the Lambda runtime API for custom runtimes"), for one
// execution environment.
type runtimeAPI struct {
	address string

	mu      sync.Mutex
	process int              // counts those that were started
	waiting chan *invocation // taken by the process's next
	n       int
	current *invocation
	initial error // what the function said when it could not start
	failed  chan struct{}
	asked   time.Time // when the process asked for its first invocation
}

// began forgets the process before, and returns the address for the new one.
// Each has its own: the server may not have noticed yet that the one before is
// gone, and must not give its calls to it.
func (r *runtimeAPI) began() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.waiting = time.Time{}, make(chan *invocation)
	r.process++
	return r.address + "/" + strconv.Itoa(r.process)
}

func (r *runtimeAPI) firstNext() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// invocation is one call of the function.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	done     chan struct{} // closed when answer and err hold
	answer   []byte
	err      error
}

func newRuntimeAPI(t testing.TB) *runtimeAPI {
	r := &runtimeAPI{failed: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{process}/2018-06-01/runtime/invocation/next", r.next)
	mux.HandleFunc("POST /{process}/2018-06-01/runtime/invocation/{id}/response", r.response)
	mux.HandleFunc("POST /{process}/2018-06-01/runtime/invocation/{id}/error", r.failure)
	mux.HandleFunc("POST /{process}/2018-06-01/runtime/init/error", r.initFailure)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections() // a function waits for its next call
		server.Close()
	})
	r.address = strings.TrimPrefix(server.URL, "http://")
	return r
}

// call hands a call to the function and waits for its answer.
func (r *runtimeAPI) call(ctx context.Context, c *invocation, exited <-chan struct{}) ([]byte, error) {
	r.mu.Lock()
	r.n++
	c.id = "request-" + strconv.Itoa(r.n)
	r.current = c
	waiting := r.waiting
	r.mu.Unlock()
	for {
		select {
		case waiting <- c:
			waiting = nil
		case <-c.done:
			return c.answer, c.err
		case <-r.failed:
			return nil, r.initial
		case <-exited:
			return nil, fmt.Errorf("the function's process ended in the invocation")
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (r *runtimeAPI) next(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	waiting, gone := r.waiting, req.PathValue("process") != strconv.Itoa(r.process)
	if r.asked.IsZero() && !gone {
		r.asked = time.Now()
	}
	r.mu.Unlock()
	if gone {
		return
	}
	select {
	case c := <-waiting:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:test")
		_, _ = w.Write(c.payload) // a function that died does not read it
	case <-req.Context().Done():
	}
}

func (r *runtimeAPI) response(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the function died within its answer
	}
	r.settle(w, req.PathValue("id"), body, nil)
}

func (r *runtimeAPI) failure(w http.ResponseWriter, req *http.Request) {
	r.settle(w, req.PathValue("id"), nil, readFailure(req))
}

// settle ends the call of an id. A late answer to a call that was given up is refused.
func (r *runtimeAPI) settle(w http.ResponseWriter, id string, answer []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.current; c != nil && c.id == id {
		c.answer, c.err, r.current = answer, err, nil
		close(c.done)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
}

func (r *runtimeAPI) initFailure(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.initial = fmt.Errorf("the function cannot start: %w", readFailure(req))
	r.mu.Unlock()
	select {
	case r.failed <- struct{}{}:
	default:
	}
	w.WriteHeader(http.StatusAccepted)
}

func readFailure(req *http.Request) error {
	e := new(FunctionError)
	if err := json.NewDecoder(req.Body).Decode(e); err != nil {
		e.Type, e.Message = "Unreadable", err.Error()
	}
	return e
}
