package redshiftstandin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// job is a call of ExecuteStatement or BatchExecuteStatement.
type job struct {
	api   *dataAPI
	in    *apiRequest
	batch bool
	sqls  []string
	id    string

	// What follows is guarded by the API's mutex.
	status, failure  string
	created, updated time.Time
	aborted          bool
	session          *session
	parts            []part
}

// part is one statement of a job, and the sink of its result.
type part struct {
	status, failure string
	query           int64
	cols            []column
	records         [][]*string
	tag             string
	started, ended  time.Time
}

func (p *part) columns(c []column)   { p.cols = c }
func (p *part) row(values []*string) { p.records = append(p.records, values) }
func (p *part) done(tag string)      { p.tag = tag }
func (p *part) notice(string)        {}
func (p *part) hasResult() bool      { return p.cols != nil }

// run runs the statements: a batch is one transaction.
func (j *job) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := j.api.server.newSession(ctx, j.user(), j.stop)
	if err != nil {
		j.end(err, 0)
		return
	}
	defer s.close()
	j.api.mu.Lock()
	j.session, j.status = s, "STARTED"
	j.api.mu.Unlock()
	if j.batch {
		s.begin()
		s.tx.block = true
	}
	for i := range j.sqls {
		if err := j.runPart(ctx, s, i); err != nil {
			if j.batch {
				err = &batchError{i + 1, err}
			}
			j.end(err, i+1)
			return
		}
	}
	if j.batch {
		err = s.execute(ctx, "COMMIT", []token{{kind: word, text: "commit", raw: "COMMIT"}}, &part{})
	}
	j.end(err, len(j.sqls))
}

// batchError tells which statement of a batch failed, in Redshift's words.
type batchError struct {
	number int
	cause  error
}

func (e *batchError) Error() string {
	return fmt.Sprintf("Query #%d failed with %v", e.number, e.cause)
}
func (e *batchError) Unwrap() error { return e.cause }

// runPart runs one statement.
func (j *job) runPart(ctx context.Context, s *session, i int) error {
	p := part{status: "STARTED", started: time.Now(), query: s.server.next()}
	s.givenID = p.query
	j.set(i, p)
	tokens, err := s.lex(j.sqls[i])
	if err == nil {
		statements := split(tokens)
		switch {
		case len(statements) != 1:
			err = syntaxError("the Data API takes one statement at a time, not %d", len(statements))
		case statements[0][0].is("begin", "start", "commit", "end", "rollback", "abort"):
			err = notImitated("%s over the Data API", strings.ToUpper(statements[0][0].text))
		case j.isAborted():
			err = errorf(codeCancelled, "Query cancelled on user's request")
		default:
			err = s.execute(ctx, j.sqls[i], statements[0], &p)
		}
	}
	p.status, p.ended = "FINISHED", time.Now()
	if err != nil {
		p.status, p.failure = "FAILED", apiMessage(err)
	}
	j.set(i, p)
	return err
}

func (j *job) user() string {
	if j.in.DBUser != "" {
		return j.in.DBUser
	}
	return "IAMR:stand-in"
}

// stop cancels what runs.
func (j *job) stop() {
	j.api.mu.Lock()
	defer j.api.mu.Unlock()
	j.aborted = true
	if j.session != nil {
		j.session.interrupt("Query cancelled on user's request")
	}
}

func (j *job) set(i int, p part) {
	j.api.mu.Lock()
	defer j.api.mu.Unlock()
	j.parts[i], j.updated = p, time.Now()
}

func (j *job) isAborted() bool {
	j.api.mu.Lock()
	defer j.api.mu.Unlock()
	return j.aborted
}

// end notes the outcome; statements from next on were not run.
func (j *job) end(err error, next int) {
	j.api.mu.Lock()
	defer j.api.mu.Unlock()
	j.status, j.session, j.updated = "FINISHED", nil, time.Now()
	if err == nil {
		return
	}
	j.status, j.failure = "FAILED", apiMessage(err)
	if j.aborted {
		j.status = "ABORTED"
	}
	for i := next; i < len(j.parts); i++ {
		j.parts[i].status = "ABORTED"
	}
}

// apiMessage is an error as DescribeStatement tells it: without SQLSTATE.
func apiMessage(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	message := "ERROR: " + e.Message
	if e.Detail != "" {
		message += "\n  Detail: " + e.Detail
	}
	return strings.Replace(err.Error(), e.Error(), message, 1)
}

func seconds(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64))
}

func (j *job) where() map[string]any {
	m := map[string]any{"Id": j.id, "CreatedAt": seconds(j.created), "Database": j.in.Database}
	if j.in.ClusterIdentifier != "" {
		m["ClusterIdentifier"] = j.in.ClusterIdentifier
	}
	if j.in.WorkgroupName != "" {
		m["WorkgroupName"] = j.in.WorkgroupName
	}
	if j.in.DBUser != "" {
		m["DbUser"] = j.in.DBUser
	}
	return m
}

func (j *job) submitted() any { return j.where() }

// describe is the answer of DescribeStatement.
func (j *job) describe(n int) any {
	m := j.where()
	m["Status"], m["UpdatedAt"], m["Duration"] = j.status, seconds(j.updated), j.updated.Sub(j.created).Nanoseconds()
	m["ResultFormat"] = "JSON"
	if j.failure != "" {
		m["Error"] = j.failure
	}
	if !j.batch {
		j.parts[0].describe(m)
		m["QueryString"] = j.sqls[0]
		return m
	}
	var subs []any
	has := false
	for i := range j.parts {
		p := &j.parts[i]
		sub := map[string]any{
			"Id": fmt.Sprintf("%s:%d", j.id, i+1), "Status": p.status, "QueryString": j.sqls[i], "CreatedAt": seconds(j.created),
			"UpdatedAt": seconds(j.updated), "Duration": max(p.ended.Sub(p.started).Nanoseconds(), 0),
		}
		if p.failure != "" {
			sub["Error"] = p.failure
		}
		p.describe(sub)
		has = has || p.hasResult()
		if n == i {
			sub["Database"] = j.in.Database
			return sub
		}
		subs = append(subs, sub)
	}
	m["SubStatements"], m["HasResultSet"] = subs, has
	return m
}

func (p *part) describe(m map[string]any) {
	m["HasResultSet"], m["RedshiftQueryId"] = p.hasResult(), p.query
	m["ResultRows"], m["ResultSize"] = -1, -1
	if p.hasResult() {
		m["ResultRows"], m["ResultSize"] = len(p.records), len(p.records)*len(p.cols)*8
	} else if fields := strings.Fields(p.tag); len(fields) > 1 {
		if n, err := strconv.Atoi(fields[len(fields)-1]); err == nil {
			m["ResultRows"] = n
		}
	}
}

// result is the answer of GetStatementResult, always one page.
func (p *part) result() any {
	metadata := make([]any, len(p.cols))
	for i, c := range p.cols {
		metadata[i] = map[string]any{"name": c.name, "label": c.name, "typeName": shortTypes[c.typ.Name], "nullable": 1, "length": c.typ.Length}
	}
	records := make([]any, len(p.records))
	for i, r := range p.records {
		fields := make([]any, len(r))
		for k, v := range r {
			fields[k] = field(p.cols[k].typ.Name, v)
		}
		records[i] = fields
	}
	return map[string]any{"ColumnMetadata": metadata, "Records": records, "TotalNumRows": len(records)}
}

// field is a value in the form that its type has there.
func field(typ string, v *string) map[string]any {
	if v == nil {
		return map[string]any{"isNull": true}
	}
	switch typ {
	case "smallint", "integer", "bigint":
		return map[string]any{"longValue": json.Number(*v)}
	case "boolean":
		return map[string]any{"booleanValue": *v == "t"}
	case "real", "double precision":
		if f, err := strconv.ParseFloat(*v, 64); err == nil {
			return map[string]any{"doubleValue": f}
		}
	}
	return map[string]any{"stringValue": *v}
}
