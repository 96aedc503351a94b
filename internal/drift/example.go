package drift

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

const (
	// maxRead bounds the bytes of rows that are read for the examples of one manifest.
	maxRead = 16 << 20
	// readAtOnce is asked of the bucket at once.
	readAtOnce = 256 << 10
	// maxValue bounds an example's value.
	maxValue = 200
)

// Find reads an example of each drift from the files of its manifest, the first
// that there is. It reads no more than some megabytes; what it has not found
// there has no example.
func Find(ctx context.Context, archive bucket.Bucket, files []warehouse.File, drifts []*Drift) error {
	budget := int64(maxRead)
	for _, f := range files {
		if drifts = missing(drifts); len(drifts) == 0 || budget <= 0 {
			return nil
		}
		if err := findIn(ctx, archive, f.Key, drifts, &budget); err != nil {
			return fmt.Errorf("look for examples of a drift: %w", err)
		}
	}
	return nil
}

func missing(drifts []*Drift) (left []*Drift) {
	for _, d := range drifts {
		if d.Example == nil {
			left = append(left, d)
		}
	}
	return left
}

func findIn(ctx context.Context, archive bucket.Bucket, key string, drifts []*Drift, budget *int64) error {
	// A column of JSON holds everything, so the reader changes nothing.
	columns, places := []warehouse.Column(nil), map[string]int{}
	for _, d := range drifts {
		if _, ok := places[d.Field]; !ok {
			places[d.Field] = len(columns)
			columns = append(columns, warehouse.Column{Field: d.Field, Type: warehouse.JSON})
		}
	}
	r, err := rows.NewReader(key, &objectReader{ctx: ctx, from: archive, key: key}, columns)
	if err != nil {
		return err
	}
	for *budget > 0 && len(drifts) > 0 {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		*budget -= int64(len(row.Line)) + 1
		found := false
		for _, d := range drifts {
			if value, ok := d.in(row, row.Values[places[d.Field]]); ok {
				d.Example = example(row, value, key, r.Lines())
				found = true
			}
		}
		if found {
			drifts = missing(drifts)
		}
	}
	return nil
}

// in returns the value of the field in a row if it is of the drift.
func (d *Drift) in(row *rows.Row, value []byte) ([]byte, bool) {
	if value == nil {
		if d.kinds != ikada.KindNull {
			return nil, false
		}
		name, err := jsontext.AppendQuote(nil, d.Field)
		return []byte("null"), err == nil && bytes.Contains(row.Line, append(name, ":null"...))
	}
	kind := warehouse.KindOf(value)
	if d.kinds != 0 && d.kinds&kind == 0 {
		return nil, false
	}
	if d.longer > 0 {
		text, err := jsontext.AppendUnquote(nil, value)
		return value, err == nil && len(text) > int(d.longer)
	}
	return value, true
}

func example(row *rows.Row, value []byte, key string, line int64) *Example {
	e := &Example{File: key, Line: line, Value: cut(string(value), maxValue)}
	e.Cut = len(e.Value) < len(value)
	if id, err := jsontext.AppendUnquote(nil, row.ID); err == nil {
		e.ID = string(id)
	}
	return e
}

// cut returns the beginning of a text, of whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return strings.Clone(text)
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.Clone(text[:most])
}

// objectReader reads an object bit by bit, as no more than its beginning may be wanted.
type objectReader struct {
	ctx  context.Context
	from bucket.Bucket
	key  string
	at   int64
	have []byte
	buf  []byte
	end  bool
}

func (r *objectReader) Read(p []byte) (int, error) {
	if len(r.have) == 0 {
		if r.end {
			return 0, io.EOF
		}
		var err error
		if r.buf, err = r.from.Get(r.ctx, r.key, r.at, readAtOnce, r.buf[:0]); err != nil {
			return 0, err
		}
		r.have, r.at, r.end = r.buf, r.at+int64(len(r.buf)), len(r.buf) < readAtOnce
		if len(r.have) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, r.have)
	r.have = r.have[n:]
	return n, nil
}
