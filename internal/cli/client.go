// Package cli is what the commands share: a client of a running Ikada, and how
// results are shown on a terminal or to another program.
package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/endpoints"
)

// Client calls a running Ikada.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient returns a client of the Ikada at a URL, "http://127.0.0.1:8080". The
// token is empty if it wants none.
func NewClient(base, token string) (*Client, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("address %q of Ikada: want http://HOST:PORT", base)
	}
	return &Client{base: strings.TrimSuffix(base, "/"), token: token, http: http.DefaultClient}, nil
}

// Find returns a client of the Ikada that runs with a data directory.
func Find(dir, token string) (*Client, error) {
	at, err := endpoints.Read(dir)
	if err != nil {
		return nil, err
	}
	if at.HTTP == "" {
		return nil, fmt.Errorf("the Ikada of %s does not listen for HTTP: start it with --http", dir)
	}
	return NewClient(at.HTTP, token)
}

// URL returns where the client calls.
func (c *Client) URL() string { return c.base }

// Alive reports whether a server answers.
func (c *Client) Alive(ctx context.Context) bool {
	answer, err := c.do(ctx, http.MethodGet, "/healthz", nil)
	return err == nil && answer.Close() == nil
}

// Status asks how the pipeline does.
func (c *Client) Status(ctx context.Context) (s api.Status, err error) {
	text, err := c.get(ctx, "/v1/status")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s answers /v1/status with something else than a status: %w: does Ikada listen there?", c.base, err)
	}
	return s, nil
}

// Explain asks what a plan decided.
func (c *Client) Explain(ctx context.Context, plan uint64) ([]byte, error) {
	return c.get(ctx, "/v1/plans/"+strconv.FormatUint(plan, 10)+"/explain")
}

func (c *Client) get(ctx context.Context, path string) ([]byte, error) {
	answer, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Close() }()
	text, err := io.ReadAll(answer)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return text, nil
}

// Tail copies live events of a log type to w until ctx ends. It is an error if
// the server ends first.
func (c *Client) Tail(ctx context.Context, t ikada.LogType, w io.Writer) error {
	answer, err := c.do(ctx, http.MethodGet, "/v1/tail/"+PathSegment(string(t)), nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	switch _, err := io.Copy(w, answer); {
	case ctx.Err() != nil:
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read live events of %s: %w", c.base, err)
	}
	return fmt.Errorf("live events have ended: Ikada at %s was stopped", c.base)
}

// PathSegment escapes a name for a path. One of dots alone would be taken for a folder.
func PathSegment(name string) string {
	escaped := url.PathEscape(name)
	if strings.Trim(escaped, ".") == "" {
		escaped = strings.ReplaceAll(escaped, ".", "%2E")
	}
	return escaped
}

// do returns the body of a good answer, or its error.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", c.base, err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("no answer from Ikada: %w: %s", err, Hint(err))
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer func() { _ = answer.Body.Close() }()
	return nil, c.refusal(answer)
}

// Hint says what to do about a connection that failed.
func Hint(err error) string {
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return "name a file with its authority, or with itself if it signed itself, by the environment SSL_CERT_FILE"
	case errors.As(err, &plain):
		return "it does not speak TLS there"
	}
	return "is it running there?"
}

// refusal turns an answer that is not good into an error.
func (c *Client) refusal(answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var e struct{ Error string }
	switch {
	case answer.StatusCode == http.StatusUnauthorized && c.token != "":
		return fmt.Errorf("%s does not accept the token: give one of its http.tokens by --token or IKADA_TOKEN", c.base)
	case answer.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s wants a token: give one of its http.tokens by --token or IKADA_TOKEN", c.base)
	case json.Unmarshal(text, &e) == nil && e.Error != "":
		return errors.New(e.Error)
	}
	return fmt.Errorf("%s answers %s: does Ikada listen there?", c.base, answer.Status)
}

// Rows are a query's rows as they come.
type Rows struct {
	Columns []string
	// More tells, after the last row, that the limit cut the result.
	More bool

	body io.ReadCloser
	in   *bufio.Reader
	n    int64
}

// Query runs a statement that only reads, and gives at most limit rows; 0: all.
// Close the rows.
func (c *Client) Query(ctx context.Context, sql string, limit int64) (*Rows, error) {
	body, err := c.do(ctx, http.MethodPost, "/v1/query?limit="+strconv.FormatInt(limit, 10), strings.NewReader(sql))
	if err != nil {
		return nil, err
	}
	r := &Rows{body: body, in: bufio.NewReaderSize(body, 64<<10)}
	head, err := r.line()
	if err == nil && head.Columns == nil {
		err = errors.New("the answer does not begin with columns: does Ikada listen there?")
	}
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	r.Columns = head.Columns
	return r, nil
}

// answerLine is any line of an answer.
type answerLine struct {
	Columns []string          `json:"columns"`
	Row     []json.RawMessage `json:"row"`
	Rows    *int64            `json:"rows"`
	More    bool              `json:"more"`
	Error   string            `json:"error"`
}

func (r *Rows) line() (l answerLine, err error) {
	text, err := r.in.ReadBytes('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return l, fmt.Errorf("the answer ends too early, after %d rows: %w", r.n, err)
	}
	if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil {
		return l, fmt.Errorf("read the answer: %w", err)
	}
	if l.Error != "" {
		return l, errors.New(l.Error)
	}
	return l, nil
}

// Next returns the next row's values as JSON; io.EOF ends the rows.
func (r *Rows) Next() ([]json.RawMessage, error) {
	l, err := r.line()
	switch {
	case err != nil:
		return nil, err
	case l.Rows == nil && len(l.Row) == len(r.Columns):
		r.n++
		return l.Row, nil
	case l.Rows == nil:
		return nil, fmt.Errorf("read the answer: row %d has %d values for %d columns", r.n+1, len(l.Row), len(r.Columns))
	case *l.Rows != r.n:
		return nil, fmt.Errorf("the answer has %d rows of %d", r.n, *l.Rows)
	}
	r.More = l.More
	return nil, io.EOF
}

// Close ends the query.
func (r *Rows) Close() error { return r.body.Close() }
