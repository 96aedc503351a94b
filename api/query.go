package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada/warehouse"
)

// maxSQL bounds a query's text.
const maxSQL = 1 << 20

// ndjson is newline-delimited JSON.
const ndjson = "application/x-ndjson"

// query runs a statement and streams what it gives: a line with the columns, a
// line for each row, and a line with their number, by which a caller knows that
// it has them all. Once rows are on their way an error is a line too. With ?limit=N
// no more rows come (10,000 without it, 0 for all), and the last line says whether there were more.
func (s *server) query(w http.ResponseWriter, r *http.Request) {
	sql, code, err := readSQL(w, r)
	if err != nil {
		s.fail(w, code, err.Error())
		return
	}
	limit, err := readLimit(r)
	if err != nil {
		s.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	ask := limit
	if limit > 0 {
		ask++ // one more tells that there is more
	}
	rows, err := s.Query(r.Context(), sql, ask)
	if err != nil {
		s.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	defer func() {
		if err := rows.Close(); err != nil && r.Context().Err() == nil {
			s.Log.WarnContext(r.Context(), "close a query", "error", err)
		}
	}()
	first, err := rows.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		s.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if err := sendRows(newLines(w), rows, limit, first, err); err != nil {
		s.Log.DebugContext(r.Context(), "answer a query", "error", err) // the caller is gone
	}
}

type columnsLine struct {
	Columns []string `json:"columns"`
}

type rowLine struct {
	Row []any `json:"row"`
}

type rowsLine struct {
	Rows int64 `json:"rows"`
	More bool  `json:"more,omitempty"` // the limit cut the result
}

// sendRows sends all of a result, of which the first row (or the error that
// came instead) was read already, but for what is beyond the limit. Its own
// error means that nobody listens.
func sendRows(out *lines, rows warehouse.Rows, limit int64, row []any, err error) error {
	if err := out.write(columnsLine{rows.Columns()}); err != nil {
		return err
	}
	var n int64
	for ; err == nil && (limit == 0 || n < limit); n++ {
		if err := out.write(rowLine{sayable(row)}); err != nil {
			return err
		}
		row, err = rows.Next()
	}
	var last any = rowsLine{Rows: n, More: err == nil}
	if err != nil && !errors.Is(err, io.EOF) {
		last = failure{err.Error()}
	}
	if err := out.write(last); err != nil {
		return err
	}
	return out.flush()
}

// sayable replaces what JSON has no word for: NaN and the infinities become text.
func sayable(row []any) []any {
	for i, v := range row {
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			row[i] = fmt.Sprint(f)
		}
	}
	return row
}

// defaultLimit protects the server, which holds a result in memory.
const defaultLimit = 10_000

// readLimit takes the greatest number of rows from the address; 0: no limit.
func readLimit(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.ParseInt(text, 10, 64)
	if err != nil || limit < 0 || limit == math.MaxInt64 {
		return 0, fmt.Errorf("limit %q is no number of rows: want 1 or more, or 0 for all", text)
	}
	return limit, nil
}

// readSQL takes the statement from the body: SQL, or {"sql": "…"}.
func readSQL(w http.ResponseWriter, r *http.Request) (string, int, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSQL))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return "", http.StatusRequestEntityTooLarge, fmt.Errorf("query is longer than %d bytes: shorten it", maxSQL)
	}
	if err != nil {
		return "", http.StatusBadRequest, fmt.Errorf("read query: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	sql := string(body)
	if kind == "application/json" || bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		var q struct {
			SQL string `json:"sql"`
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&q); err != nil {
			return "", http.StatusBadRequest, fmt.Errorf(`read query: %w: want SQL, or {"sql": "…"}`, err)
		}
		sql = q.SQL
	}
	if strings.TrimSpace(sql) == "" {
		return "", http.StatusBadRequest, errors.New(`query is empty: send SQL as the body, or {"sql": "…"}`)
	}
	return sql, 0, nil
}

// lines writes JSON values, each on a line, and lets them go in gulps: by size,
// or when the last gulp was a while ago.
type lines struct {
	w       *http.ResponseController
	buf     bytes.Buffer
	enc     *json.Encoder
	out     io.Writer
	flushed time.Time
}

const (
	gulp      = 64 << 10
	gulpEvery = 100 * time.Millisecond
)

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Cache-Control", "no-store")
	l := &lines{w: http.NewResponseController(w), out: w}
	l.enc = json.NewEncoder(&l.buf)
	l.enc.SetEscapeHTML(false)
	return l
}

func (l *lines) write(v any) error {
	if err := l.enc.Encode(v); err != nil {
		return fmt.Errorf("write a row as JSON: %w", err)
	}
	if l.buf.Len() < gulp && time.Since(l.flushed) < gulpEvery {
		return nil
	}
	return l.flush()
}

// line writes a line that is JSON already, without its end.
func (l *lines) line(text []byte) {
	l.buf.Write(text)
	l.buf.WriteByte('\n')
}

func (l *lines) pending() int { return l.buf.Len() }

func (l *lines) flush() error {
	l.flushed = time.Now()
	if _, err := l.buf.WriteTo(l.out); err != nil {
		return err
	}
	return l.w.Flush()
}
