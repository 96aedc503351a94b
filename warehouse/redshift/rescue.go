package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// errFound: rows that Redshift refuses were found. They are remembered, and the
// load without them may go.
var errFound = errors.New("refused rows were found")

const (
	// maxErrors is the greatest MAXERROR: so many refused rows a single COPY tells.
	maxErrors = 100_000
	// sieveBytes bounds the raw bytes of the rows that are tried at once.
	sieveBytes = 64 << 20
)

// blamesRows reports whether a COPY was refused for its data: only then does
// Redshift name its table of load errors.
func blamesRows(err error) bool {
	var failed *copyError
	return errors.As(err, &failed) && strings.Contains(failed.Error(), "load_error")
}

// prepareAside makes the quarantine's table ready for rows.
func (l *loading) prepareAside(ctx context.Context, why error) (err error) {
	if l.aside != nil {
		return nil
	}
	aside, err := rescue.New(l.job.Type, why)
	if err != nil {
		return err
	}
	if !errors.Is(why, errPutBack) {
		l.w.log.Warn("rows are refused and go to the quarantine", "table", l.table.Name, "error", why)
	}
	table, err := l.w.describe(ctx, ikada.Quarantine)
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return err
	}
	if err := l.w.Extend(ctx, ikada.Quarantine, rescue.Columns(table, err == nil)); err != nil {
		return err
	}
	l.aside = aside
	return nil
}

// stageAside lets the staging take bad rows.
func (l *loading) stageAside(ctx context.Context) error {
	table, err := l.w.describe(ctx, ikada.Quarantine)
	if err != nil {
		return err
	}
	columns, err := l.w.currentColumns(ctx, table)
	if err != nil {
		return err
	}
	s := l.staging
	s.quarantine, s.parser, s.at = l.w.newStaging(columns), rows.NewParser(columns), l.started
	return nil
}

// setAside stages a row for the quarantine.
func (s *staging) setAside(ctx context.Context, bad *warehouse.LoadError, raw []byte) error {
	s.bad[bad.File]++
	at := s.at
	if s.settle != nil {
		var err error
		if bad, at, err = s.settle.Refuse(bad, raw, at); err != nil {
			return err
		}
	}
	for line := range s.aside.Lines(bad, raw, at) {
		row, err := s.parser.Parse(line)
		if err != nil {
			return fmt.Errorf("a row of the quarantine: %w", err)
		}
		written, _, err := s.quarantine.writer.Write(row)
		if err != nil {
			return fmt.Errorf("a row of the quarantine: %w", err)
		}
		if err := s.quarantine.put(ctx, bad.File, bad.Line, written); err != nil {
			return err
		}
	}
	return nil
}

// sieve finds the rows that Redshift refuses of those that are staged: by what
// it tells, else by trying. It returns errFound if there are any.
func (l *loading) sieve(ctx context.Context, why error) error {
	if err := l.prepareAside(ctx, why); err != nil {
		return err
	}
	told := rescue.Refused(why)
	if q := l.staging.quarantine; told != nil && q != nil && strings.HasPrefix(told.File, l.w.scratch.URL(q.folder)) {
		return fmt.Errorf("%w: %w", warehouse.ErrQuarantineRefused, why)
	}
	found, err := l.askErrors(ctx)
	if err != nil {
		return err
	}
	if e := told; e != nil && l.aside.Add(&warehouse.LoadError{File: e.File, Line: e.Line, Column: e.Column, Reason: e.Reason}) {
		found++
	}
	if found == 0 {
		l.w.log.Info("COPY does not tell which rows it refuses, trying parts of them", "table", l.table.Name)
		if found, err = l.tryParts(ctx); err != nil {
			return err
		}
	}
	if found == 0 {
		return why
	}
	l.w.log.Info("refused rows were found", "table", l.table.Name, "rows", found)
	return errFound
}

// askErrors lets Redshift look at all staged rows without loading any, and
// reads what it notes. The files have names of their own, so nothing else is
// noted for them.
func (l *loading) askErrors(ctx context.Context) (found int, err error) {
	sql, err := l.staging.copySQL(ctx, l.table.Name)
	if err != nil {
		return 0, err
	}
	failed := l.w.db.alone(ctx, l.w.opts.LoadTimeout, sql+" NOLOAD MAXERROR "+integer(maxErrors))
	if ctx.Err() != nil || again(failed) {
		return 0, failed
	}
	told, err := l.w.db.read(ctx, "SELECT file_name, line_number, column_name, error_message FROM sys_load_error_detail WHERE file_name LIKE "+
		literal(l.w.scratch.URL(l.staging.folder)+"%"))
	if err != nil {
		return 0, fmt.Errorf("read what COPY refused: %w", err)
	}
	for _, r := range told {
		e := loadError(r, nil)
		var ok bool
		if e.File, e.Line, ok = l.staging.origin(e.File, e.Line); ok && l.aside.Add(e) {
			found++
		}
	}
	return found, nil
}

// tryParts finds the rows by transactions that copy some of them and fail on purpose.
func (l *loading) tryParts(ctx context.Context) (int, error) {
	columns := l.staging.writer.Columns()
	s := rescue.Sieve{
		Most:  sieveBytes,
		Probe: func(some []rescue.Row) (error, error) { return l.probe(ctx, columns, some) },
		Found: func(row rescue.Row, why error) {
			reason, _, _ := strings.Cut(why.Error(), "\n")
			l.aside.Add(&warehouse.LoadError{File: row.File, Line: row.Line, Reason: reason})
		},
	}
	for _, f := range l.files {
		in := readArchive(ctx, l.archive, f, nil)
		reader, err := rows.NewReader(f.Key, in, columns)
		if err != nil {
			return 0, err
		}
		for reader.Lines() < f.Rows {
			row, err := reader.Next()
			if rescue.Refused(err) != nil || err == nil && l.aside.Known(f.Key, reader.Lines()) != nil {
				continue // set aside without any help
			}
			if err == nil {
				err = s.Add(f.Key, reader.Lines(), row.Line)
			}
			if err != nil {
				return 0, err
			}
		}
	}
	err := s.Finish()
	return s.Bad(), err
}

// probe copies rows and rolls back.
func (l *loading) probe(ctx context.Context, columns []warehouse.Column, some []rescue.Row) (refusal, err error) {
	s := l.w.newStaging(columns)
	defer s.discard(ctx)
	parser := rows.NewParser(columns)
	for _, r := range some {
		row, err := parser.Parse(r.Raw)
		if err != nil {
			continue
		}
		line, _, err := s.writer.Write(row)
		if err != nil {
			continue // set aside without any help
		}
		if err := s.put(ctx, r.File, r.Line, line); err != nil {
			return nil, err
		}
	}
	if err := s.flush(ctx); err != nil {
		return nil, err
	}
	copies, err := s.copy(ctx, l.table.Name)
	if err != nil || len(copies) == 0 {
		return nil, err
	}
	end := guard{name: "probe", expr: "pg_last_copy_count()", want: -1} // which it never is
	err = l.w.db.transact(ctx, l.w.opts.LoadTimeout, append(copies, end.statement()))
	var wrong *guardError
	switch {
	case errors.As(err, &wrong) && wrong.name == end.name:
		return nil, nil
	case blamesRows(err):
		return err, nil
	}
	return nil, err
}
