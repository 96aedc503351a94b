package mem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// loading is a load at work. What it read is added at its end, all or nothing.
type loading struct {
	w     *Warehouse
	of    ikada.LogType
	table *table
	rows  []map[string]any
	aside *rescue.Aside // nil until a row is refused
	bad   []map[string]any
	// quarantined counts the rows that are in bad, in one piece or several.
	quarantined int64
	leaveOut    bool             // rows that are refused are only counted
	settle      *rescue.Settling // of rows that are loaded once more
	archive     bucket.Bucket
}

// Load loads a job. It looks at every value, whatever the job says.
func (w *Warehouse) Load(ctx context.Context, job warehouse.Job) (warehouse.Result, error) {
	if err := ctx.Err(); err != nil {
		return warehouse.Result{}, fmt.Errorf("load into the table of %q: %w", job.Type, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.tables[job.Type]
	if !ok {
		return warehouse.Result{}, fmt.Errorf("load into the table of %q: %w", job.Type, ikada.ErrNotFound)
	}
	l := &loading{w: w, of: job.Type, table: t, archive: w.archive}
	result, done := warehouse.Result{}, map[string]warehouse.LedgerEntry{}
	size, started := int64(0), time.Now()
	for _, m := range job.Manifests {
		if in(w.ledger, m.Key) || in(done, m.Key) {
			result.Skipped++
			continue
		}
		rows, bad := len(l.rows), l.quarantined
		if err := l.read(ctx, m); err != nil {
			return warehouse.Result{}, fmt.Errorf("load manifest %s into table %s: %w", m.Key, t.info.Name, err)
		}
		done[m.Key] = entry(job, m, l.rows[rows:], l.quarantined-bad)
		size += m.Bytes
	}
	for key, e := range done {
		e.Loaded = time.Now().UTC()
		e.Took = e.Loaded.Sub(started)
		w.ledger[key] = e
		result.Rest += e.Rest
	}
	result.Rows, result.Quarantined = int64(len(l.rows)), l.quarantined
	t.rows = append(t.rows, l.rows...)
	if len(l.bad) > 0 {
		quarantine := w.tables[ikada.Quarantine]
		quarantine.rows = append(quarantine.rows, l.bad...)
	}
	if len(done) > 0 {
		t.info.Rows += result.Rows
		t.info.Bytes += size
		t.info.Loaded = time.Now().UTC()
	}
	return result, nil
}

// read reads a manifest's files.
func (l *loading) read(ctx context.Context, m warehouse.Manifest) error {
	before := int64(len(l.rows)) + l.quarantined
	for _, f := range m.Files {
		if err := l.file(ctx, f); err != nil {
			return err
		}
	}
	if n := int64(len(l.rows)) + l.quarantined - before; n != m.Rows {
		return fmt.Errorf("it has %d rows but says %d: %w", n, m.Rows, ikada.ErrCorrupt)
	}
	return nil
}

func (l *loading) file(ctx context.Context, f warehouse.File) error {
	data, err := l.archive.Get(ctx, f.Key, 0, -1, nil)
	if err != nil {
		return fmt.Errorf("archive file %s: %w", f.Key, err)
	}
	if err := rows.Check(bytes.NewReader(data), f); err != nil {
		return err
	}
	r, err := rows.NewReader(f.Key, bytes.NewReader(data), l.table.info.Columns)
	if err != nil {
		return err
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = l.row(row)
		}
		if refused := rescue.Refused(err); refused != nil {
			refused.File, refused.Line = f.Key, r.Lines()
			err = l.setAside(refused, r.Line())
		}
		if err != nil {
			return err
		}
	}
	if r.Lines() != f.Rows {
		return fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", f.Key, r.Lines(), f.Rows, ikada.ErrCorrupt)
	}
	return nil
}

// row adds a row, or returns a *warehouse.LoadError.
func (l *loading) row(row *rows.Row) error {
	columns := l.table.info.Columns
	values, err := collect(row, columns)
	if err != nil {
		return err
	}
	if err := l.w.refuse(l.of, values); err != nil {
		return err
	}
	l.rows = append(l.rows, values)
	return nil
}

// refuse does what Narrow says.
func (w *Warehouse) refuse(of ikada.LogType, values map[string]any) error {
	column := w.narrow[of]
	switch v := values[column].(type) {
	case string:
		return &warehouse.LoadError{Column: column, Reason: "text is out of range"}
	case int64:
		if v > math.MaxInt16 {
			return &warehouse.LoadError{Column: column, Reason: fmt.Sprintf("%d is out of range", v)}
		}
	}
	return nil
}

// setAside makes rows of the quarantine of a row.
func (l *loading) setAside(refused *warehouse.LoadError, raw []byte) (err error) {
	if l.leaveOut {
		l.quarantined++
		return nil
	}
	if l.aside == nil {
		if l.aside, err = rescue.New(l.of, refused); err != nil {
			return err
		}
	}
	t, exists := l.w.tables[ikada.Quarantine]
	if !exists {
		t = &table{info: warehouse.Table{Type: ikada.Quarantine, Name: ikada.Quarantine.TableName(), Created: time.Now().UTC()}}
		l.w.tables[ikada.Quarantine] = t
	}
	t.info.Columns = warehouse.Grow(t.info.Columns, rescue.Columns(t.info, true))
	for i := range t.info.Columns {
		t.info.Columns[i].MaxBytes = 0
	}
	at := time.Now()
	if l.settle != nil {
		if refused, at, err = l.settle.Refuse(refused, raw, at); err != nil {
			return err
		}
	}
	parser := rows.NewParser(t.info.Columns)
	for line := range l.aside.Lines(refused, raw, at) {
		row, err := parser.Parse(line)
		if err != nil {
			return fmt.Errorf("a row of the quarantine: %w", err)
		}
		values, err := collect(row, t.info.Columns)
		if err == nil {
			err = l.w.refuse(ikada.Quarantine, values)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", warehouse.ErrQuarantineRefused, err)
		}
		l.bad = append(l.bad, values)
	}
	l.quarantined++
	return nil
}

func collect(row *rows.Row, columns []warehouse.Column) (map[string]any, error) {
	values := make(map[string]any)
	system, err := row.System()
	if err != nil {
		return nil, &warehouse.LoadError{Reason: err.Error()}
	}
	for i, v := range system {
		if v != nil {
			values[warehouse.SystemColumns[i].Name] = v
		}
	}
	for i, raw := range row.Values {
		if raw == nil {
			continue
		}
		v, err := rows.Value(columns[i].Type, raw)
		if err != nil {
			return nil, &warehouse.LoadError{Column: columns[i].Name, Reason: err.Error()}
		}
		values[columns[i].Name] = v
	}
	return values, nil
}
