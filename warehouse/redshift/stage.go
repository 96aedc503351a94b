package redshift

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
	"github.com/ikada-io/ikada/warehouse/rescue"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// stageBytes bounds a staged file, as compressed; it is made in memory.
const stageBytes = 16 << 20

// staging is the files of a careful load, on their way to COPY. Row by row
// they are the archive's, but every value is one that its column holds.
type staging struct {
	w       *Warehouse
	archive bucket.Bucket
	folder  string
	most    int // bytes of a staged file
	writer  *rules.Writer
	parts   []part
	out     bytes.Buffer
	zip     *gzip.Writer
	file    string           // archive file of the rows at hand
	runs    []stretch        // their lines in it
	rows    int64            // staged in all
	url     string           // of the manifest, "" if it is not stored yet
	rest    map[string]int64 // rows with a _rest, by archive file
	bad     map[string]int64 // rows set aside, by archive file

	leaveOut   bool             // refused rows are only counted
	settle     *rescue.Settling // of rows that are loaded once more
	aside      *rescue.Aside    // the rows that are known to be refused
	quarantine *staging         // the rows that are set aside; nil: a bad row is an error
	parser     *rows.Reader     // of the quarantine's rows
	at         time.Time
}

// part is a staged file: rows of one archive file.
type part struct {
	key     string
	archive string
	runs    []stretch
}

// stretch is lines of an archive file that follow each other: few are set aside.
type stretch struct{ first, n int64 }

func (w *Warehouse) newStaging(columns []warehouse.Column) *staging {
	s := &staging{
		w: w, archive: w.archive, folder: "redshift/staging/" + strings.ToLower(rand.Text()) + "/", most: stageBytes,
		writer: rules.NewWriter(columns), rest: map[string]int64{}, bad: map[string]int64{},
	}
	s.zip, _ = gzip.NewWriterLevel(&s.out, gzip.BestSpeed) // the level is a known one
	return s
}

// add stages an archive file. A file that is not what its manifest says is
// found out at its end.
func (s *staging) add(ctx context.Context, f warehouse.File) error {
	in := readArchive(ctx, s.archive, f, nil)
	reader, err := rows.NewReader(f.Key, in, s.writer.Columns())
	if err != nil {
		return cmp.Or(in.err, err)
	}
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if in.err != nil {
			return in.err // what could not be fetched is not damaged
		}
		if err == nil {
			err = s.row(ctx, reader, row)
		}
		if bad := rescue.Refused(err); bad != nil && s.leaveOut {
			s.bad[f.Key]++
			continue
		} else if bad != nil && s.quarantine != nil {
			err = s.setAside(ctx, bad, reader.Line())
		}
		if err != nil {
			return err
		}
	}
	if err := in.check(); err != nil {
		return err
	}
	if reader.Lines() != f.Rows {
		return fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", f.Key, reader.Lines(), f.Rows, ikada.ErrCorrupt)
	}
	return s.flush(ctx)
}

// row stages a row. An error of it alone is a *warehouse.LoadError.
func (s *staging) row(ctx context.Context, reader *rows.Reader, row *rows.Row) error {
	if known := s.aside.Known(reader.Key(), reader.Lines()); known != nil {
		return known
	}
	line, rest, err := s.writer.Write(row)
	if err != nil {
		return reader.Refuse("", err)
	}
	if rest {
		s.rest[reader.Key()]++
	}
	return s.put(ctx, reader.Key(), reader.Lines(), line)
}

// put adds a line that was written.
func (s *staging) put(ctx context.Context, file string, number int64, line []byte) error {
	if s.file != file {
		if err := s.flush(ctx); err != nil {
			return err
		}
		s.file = file
	}
	if _, err := s.zip.Write(line); err != nil {
		return err
	}
	if last := len(s.runs) - 1; last >= 0 && s.runs[last].first+s.runs[last].n == number {
		s.runs[last].n++
	} else {
		s.runs = append(s.runs, stretch{number, 1})
	}
	s.rows++
	if s.out.Len() < s.most {
		return nil
	}
	return s.flush(ctx)
}

// flush stores what was written as a file.
func (s *staging) flush(ctx context.Context) error {
	if len(s.runs) == 0 {
		return nil
	}
	if err := s.zip.Close(); err != nil {
		return err
	}
	p := part{key: fmt.Sprintf("%s%06d.json.gz", s.folder, len(s.parts)), archive: s.file, runs: s.runs}
	s.parts, s.runs = append(s.parts, p), nil
	if err := s.w.scratch.Create(ctx, p.key, s.out.Bytes()); err != nil {
		return fmt.Errorf("stage %s: %w", p.key, err)
	}
	s.out.Reset()
	s.zip.Reset(&s.out)
	return nil
}

// manifest stores the manifest of the staged files, once, and returns its URL.
func (s *staging) manifest(ctx context.Context) (string, error) {
	if s.url != "" {
		return s.url, nil
	}
	urls := make([]string, len(s.parts))
	for i, p := range s.parts {
		urls[i] = s.w.scratch.URL(p.key)
	}
	data, err := manifestFile(urls)
	if err != nil {
		return "", err
	}
	key := s.folder + "manifest"
	if err := s.w.scratch.Create(ctx, key, data); err != nil {
		return "", fmt.Errorf("stage %s: %w", key, err)
	}
	s.url = s.w.scratch.URL(key)
	return s.url, nil
}

// remove deletes the staged files, whatever became of the context.
func (s *staging) remove(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, s.w.scratch.Delete(ctx, p.key))
	}
	errs = append(errs, s.w.scratch.Delete(ctx, s.folder+"manifest"))
	return errors.Join(errs...)
}

// discard removes the staged files, and those of the quarantine.
func (s *staging) discard(ctx context.Context) {
	failed := s.remove(ctx)
	if s.quarantine != nil {
		failed = errors.Join(failed, s.quarantine.remove(ctx))
	}
	if failed != nil { // a day's rule of the bucket removes them
		s.w.log.Warn("staged files are left", "error", failed)
	}
}

// origin returns the archive file and the line that a staged file's line is of.
func (s *staging) origin(url string, line int64) (key string, of int64, ok bool) {
	for _, p := range s.parts {
		if s.w.scratch.URL(p.key) != url {
			continue
		}
		for _, r := range p.runs {
			if line >= 1 && line <= r.n {
				return p.archive, r.first + line - 1, true
			}
			line -= r.n
		}
		return p.archive, 0, true
	}
	return "", 0, false
}

// copyStaged returns the statements that load the job by way of staged files.
func (l *loading) copyStaged(ctx context.Context) ([]statement, error) {
	columns, err := l.w.currentColumns(ctx, l.table)
	if err != nil {
		return nil, err
	}
	l.staging = l.w.newStaging(columns)
	l.staging.archive, l.staging.leaveOut, l.staging.settle, l.staging.aside = l.archive, l.leaveOut, l.settle, l.aside
	l.settle.Begin()
	if l.aside != nil && !l.leaveOut {
		if err := l.stageAside(ctx); err != nil {
			return nil, err
		}
	}
	for _, f := range l.files {
		if err := l.staging.add(ctx, f); err != nil {
			return nil, err
		}
	}
	copies, err := l.staging.copy(ctx, l.table.Name)
	if err != nil || l.staging.quarantine == nil {
		return copies, err
	}
	if err := l.staging.quarantine.flush(ctx); err != nil {
		return nil, err
	}
	more, err := l.staging.quarantine.copy(ctx, ikada.Quarantine.TableName())
	return append(copies, more...), err
}

// currentColumns returns a table's columns, and how wide they are now: someone
// may have changed that.
func (w *Warehouse) currentColumns(ctx context.Context, t warehouse.Table) ([]warehouse.Column, error) {
	widths, err := w.readWidths(ctx, t)
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(t.Columns)
	for i, c := range columns {
		if c.Type == warehouse.Text {
			columns[i].MaxBytes = widths[c.Name]
		}
	}
	return columns, nil
}

// copy returns the statements that load the staged files into a table.
func (s *staging) copy(ctx context.Context, table string) ([]statement, error) {
	if len(s.parts) == 0 {
		return nil, nil
	}
	sql, err := s.copySQL(ctx, table)
	return []statement{{sql: sql, copy: true}, copied(s.rows)}, err
}

func (s *staging) copySQL(ctx context.Context, table string) (string, error) {
	manifest, err := s.manifest(ctx)
	var names []string
	for _, c := range warehouse.SystemColumns {
		names = append(names, c.Name)
	}
	for _, c := range s.writer.Columns() {
		names = append(names, c.Name)
	}
	// Keys of staged rows are the columns' names, which 'auto' finds.
	return s.w.copySQL(s.w.names.of(table), names, manifest, "auto"), err
}
