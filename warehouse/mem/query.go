package mem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// errForm: a query that this warehouse does not understand.
var errForm = errors.New("the warehouse in memory answers only SELECT * FROM table and SELECT count(*) FROM table")

var (
	reads = regexp.MustCompile(`(?is)^\s*(select|with|explain|describe|show|from|values)\b`)
	form  = regexp.MustCompile(`(?is)^\s*select\s+(\*|count\(\*\))\s+from\s+("?)([^"\s;]+)("?)\s*;?\s*$`)
)

// Query answers the two forms that the package's comment names.
func (w *Warehouse) Query(ctx context.Context, query string, limit int64) (warehouse.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if strings.Contains(strings.TrimRight(query, "; \n"), ";") {
		return nil, fmt.Errorf("query: %w", warehouse.ErrSeveral)
	}
	if !reads.MatchString(query) {
		return nil, fmt.Errorf("query: %w", warehouse.ErrNotReadOnly)
	}
	match := form.FindStringSubmatch(query)
	if match == nil {
		return nil, fmt.Errorf("query: %w", errForm)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.tables {
		if t.info.Name != match[3] {
			continue
		}
		if match[1] != "*" {
			return &result{names: []string{"count_star()"}, rows: [][]any{{int64(len(t.rows))}}}, nil
		}
		r := t.all()
		if limit > 0 {
			r.rows = r.rows[:min(int64(len(r.rows)), limit)]
		}
		return r, nil
	}
	return nil, fmt.Errorf("query: table %s: %w", match[3], ikada.ErrNotFound)
}

// all returns the table's rows.
func (t *table) all() *result {
	r := &result{}
	isJSON := map[string]bool{}
	for _, c := range warehouse.SystemColumns {
		r.names = append(r.names, c.Name)
		isJSON[c.Name] = c.Type == warehouse.JSON
	}
	for _, c := range t.info.Columns {
		r.names = append(r.names, c.Name)
		isJSON[c.Name] = c.Type == warehouse.JSON
	}
	for _, row := range t.rows {
		values := make([]any, len(r.names))
		for i, name := range r.names {
			values[i] = row[name]
			if text, ok := row[name].(string); ok && isJSON[name] {
				values[i] = decode(text)
			}
		}
		r.rows = append(r.rows, values)
	}
	return r
}

// decode reads JSON text, which was valid when it was loaded; numbers keep
// their digits.
func decode(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	return v
}

type result struct {
	names []string
	rows  [][]any
}

func (r *result) Columns() []string { return r.names }

func (r *result) Next() ([]any, error) {
	if len(r.rows) == 0 {
		return nil, io.EOF
	}
	row := r.rows[0]
	r.rows = r.rows[1:]
	return row, nil
}

func (r *result) Close() error { return nil }
