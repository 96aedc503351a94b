package redshiftstandin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of the Data API (Considerations when calling the Data API, AWS guide).
const (
	maxStatementBytes = 100 << 10
	maxBatch          = 40
)

// dataAPI serves the Redshift Data API's JSON 1.1 protocol.
type dataAPI struct {
	server *Server

	mu     sync.Mutex // guards what follows, and the jobs
	jobs   map[string]*job
	tokens map[string]*job
	last   int
}

// DataAPI returns a handler that speaks the Redshift Data API on this
// database. Signatures are not looked at.
func (s *Server) DataAPI() http.Handler {
	return &dataAPI{server: s, jobs: map[string]*job{}, tokens: map[string]*job{}}
}

// apiError is an error of the API's.
type apiError struct{ kind, message string }

func (e *apiError) Error() string { return e.kind + ": " + e.message }

func invalid(format string, args ...any) error {
	return &apiError{"ValidationException", fmt.Sprintf(format, args...)}
}

// request is what the calls are made with, all in one.
type apiRequest struct {
	SQL                     string   `json:"Sql"`
	SQLs                    []string `json:"Sqls"`
	Database                string
	ClusterIdentifier       string
	WorkgroupName           string
	DBUser                  string `json:"DbUser"`
	SecretArn               string
	StatementName           string
	ClientToken             string
	WithEvent               bool
	ResultFormat            string
	Parameters              json.RawMessage
	SessionID               string `json:"SessionId"`
	SessionKeepAliveSeconds *int
	ExecutionMode           string
	ID                      string `json:"Id"`
	NextToken               string
}

func (a *dataAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := a.call(r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		e, ok := err.(*apiError) //nolint:errorlint // made here, and never wrapped
		if !ok {
			e = &apiError{"InternalServerException", err.Error()}
		}
		w.Header().Set("X-Amzn-Errortype", e.kind)
		status := http.StatusBadRequest
		if e.kind == "InternalServerException" {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		answer = map[string]any{"__type": e.kind, "message": e.message, "Message": e.message}
	}
	_ = json.NewEncoder(w).Encode(answer) // the client is gone if it fails
}

func (a *dataAPI) call(r *http.Request) (any, error) {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "RedshiftData.")
	if !ok || r.Method != http.MethodPost {
		return nil, &apiError{"UnknownOperationException", "no target of the Redshift Data API"}
	}
	calls := map[string]func(*apiRequest) (any, error){
		"ExecuteStatement": a.execute, "BatchExecuteStatement": a.batch, "DescribeStatement": a.describe,
		"GetStatementResult": a.result, "CancelStatement": a.cancel,
	}
	do, known := calls[name]
	if !known {
		return nil, &apiError{"UnknownOperationException", "the stand-in does not imitate " + name}
	}
	var in apiRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, &apiError{"SerializationException", err.Error()}
	}
	return do(&in)
}

func (a *dataAPI) execute(in *apiRequest) (any, error) {
	if in.SQL == "" {
		return nil, invalid("Sql is missing")
	}
	return a.submit(in, []string{in.SQL}, false)
}

func (a *dataAPI) batch(in *apiRequest) (any, error) {
	if len(in.SQLs) == 0 || len(in.SQLs) > maxBatch {
		return nil, invalid("Sqls must have 1 to %d statements, not %d", maxBatch, len(in.SQLs))
	}
	if in.ExecutionMode != "" && in.ExecutionMode != "TRANSACTION" {
		return nil, invalid("the stand-in does not imitate ExecutionMode %s", in.ExecutionMode)
	}
	return a.submit(in, in.SQLs, true)
}

func (in *apiRequest) check(sqls []string) error {
	switch {
	case (in.ClusterIdentifier == "") == (in.WorkgroupName == ""):
		return invalid("one of ClusterIdentifier and WorkgroupName is required")
	case in.Database == "":
		return invalid("Database is missing")
	case len(in.ClientToken) > 64:
		return invalid("ClientToken is longer than 64 characters")
	case len(in.Parameters) > 0 && string(in.Parameters) != "null":
		return invalid("the stand-in does not imitate Parameters")
	case in.SessionID != "" || in.SessionKeepAliveSeconds != nil:
		return invalid("the stand-in does not imitate sessions that are kept")
	case in.ResultFormat != "" && in.ResultFormat != "JSON":
		return invalid("the stand-in does not imitate ResultFormat %s", in.ResultFormat)
	}
	for _, sql := range sqls {
		if len(sql) > maxStatementBytes {
			return invalid("the statement has %d bytes, more than %d", len(sql), maxStatementBytes)
		}
	}
	return nil
}

// submit starts a job, unless its token has started one already.
func (a *dataAPI) submit(in *apiRequest, sqls []string, batch bool) (any, error) {
	if err := in.check(sqls); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.tokens[in.ClientToken]; old != nil && in.ClientToken != "" {
		if !slices.Equal(old.sqls, sqls) {
			return nil, invalid("ClientToken %s was used for other statements", in.ClientToken)
		}
		return old.submitted(), nil
	}
	a.last++
	j := &job{
		api: a, in: in, batch: batch, sqls: sqls, id: fmt.Sprintf("d9b6c0c9-0747-4bf4-b142-%012x", a.last),
		status: "SUBMITTED", created: time.Now(), updated: time.Now(), parts: make([]part, len(sqls)),
	}
	for i := range j.parts {
		j.parts[i].status = "SUBMITTED"
	}
	a.jobs[j.id], a.tokens[in.ClientToken] = j, j
	a.server.running.Go(j.run)
	return j.submitted(), nil
}

// find returns a job, and which of its statements is meant, -1 for all.
func (a *dataAPI) find(id string) (*job, int, error) {
	whole, number, sub := strings.Cut(id, ":")
	j, known := a.jobs[whole]
	n := -1
	if sub {
		if _, err := fmt.Sscanf(number, "%d", &n); err != nil || !known || n < 1 || n > len(j.parts) {
			known = false
		}
		n--
	}
	if !known {
		return nil, 0, &apiError{"ResourceNotFoundException", "Query does not exist: " + id}
	}
	if !j.batch {
		n = 0
	}
	return j, n, nil
}

func (a *dataAPI) describe(in *apiRequest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j, n, err := a.find(in.ID)
	if err != nil {
		return nil, err
	}
	return j.describe(n), nil
}

func (a *dataAPI) result(in *apiRequest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j, n, err := a.find(in.ID)
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, invalid("the results of a batch are those of its statements: %s:1 and so on", in.ID)
	case j.status != "FINISHED":
		return nil, &apiError{"ResourceNotFoundException", "Query is " + j.status}
	case !j.parts[n].hasResult():
		return nil, &apiError{"ResourceNotFoundException", "Query does not have result. Please check query status with DescribeStatement."}
	}
	return j.parts[n].result(), nil
}

func (a *dataAPI) cancel(in *apiRequest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j, _, err := a.find(in.ID)
	if err != nil {
		return nil, err
	}
	if j.status == "FINISHED" || j.status == "FAILED" || j.status == "ABORTED" {
		return nil, invalid("Could not cancel a query that is already in %s state with ID: %s", j.status, j.id)
	}
	j.aborted = true
	if j.session != nil {
		j.session.interrupt("Query cancelled on user's request")
	}
	return map[string]bool{"Status": true}, nil
}
