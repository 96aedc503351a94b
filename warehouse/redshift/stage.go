package redshift

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

// stageBytes bounds a staged file, as compressed; it is made in memory.
const stageBytes = 16 << 20

// staging is the files of a careful load, on their way to COPY. Row by row
// they are the archive's, but every value is one that its column holds.
type staging struct {
	w      *Warehouse
	folder string
	most   int // bytes of a staged file
	writer *rowWriter
	parts  []part
	out    bytes.Buffer
	zip    *gzip.Writer
	rows   int64            // of the file at hand
	rest   map[string]int64 // rows with a _rest, by archive file
}

// part is a staged file: rows of one archive file.
type part struct {
	key     string
	archive string
	before  int64 // rows of the archive file before the first
}

func (w *Warehouse) newStaging(columns []warehouse.Column) *staging {
	s := &staging{
		w: w, folder: "redshift/staging/" + strings.ToLower(rand.Text()) + "/", most: stageBytes,
		writer: newRowWriter(columns), rest: map[string]int64{},
	}
	s.zip, _ = gzip.NewWriterLevel(&s.out, gzip.BestSpeed) // the level is a known one
	return s
}

// add stages an archive file. A file that is not what its manifest says is
// found out at its end.
func (s *staging) add(ctx context.Context, f warehouse.File) error {
	in := readArchive(ctx, s.w.archive, f, nil)
	reader, err := rows.NewReader(f.Key, in, s.writer.columns)
	if err != nil {
		return cmp.Or(in.err, err)
	}
	before := int64(0)
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cmp.Or(in.err, err) // what could not be fetched is not damaged
		}
		line, rest, err := s.writer.write(row, f.Key, reader.Lines())
		if err != nil {
			return fmt.Errorf("archive file %s, line %d: %w: %w", f.Key, reader.Lines(), ikada.ErrCorrupt, err)
		}
		if rest {
			s.rest[f.Key]++
		}
		if _, err := s.zip.Write(line); err != nil {
			return err
		}
		s.rows++
		if s.out.Len() >= s.most {
			if err := s.flush(ctx, f.Key, before); err != nil {
				return err
			}
			before = reader.Lines()
		}
	}
	if err := in.check(); err != nil {
		return err
	}
	if reader.Lines() != f.Rows {
		return fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", f.Key, reader.Lines(), f.Rows, ikada.ErrCorrupt)
	}
	return s.flush(ctx, f.Key, before)
}

// flush stores what was written as a file.
func (s *staging) flush(ctx context.Context, archive string, before int64) error {
	if s.rows == 0 {
		return nil
	}
	if err := s.zip.Close(); err != nil {
		return err
	}
	p := part{key: fmt.Sprintf("%s%06d.json.gz", s.folder, len(s.parts)), archive: archive, before: before}
	s.parts = append(s.parts, p)
	if err := s.w.scratch.Create(ctx, p.key, s.out.Bytes()); err != nil {
		return fmt.Errorf("stage %s: %w", p.key, err)
	}
	s.out.Reset()
	s.zip.Reset(&s.out)
	s.rows = 0
	return nil
}

// manifest stores the manifest of the staged files and returns its URL.
func (s *staging) manifest(ctx context.Context) (string, error) {
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
	return s.w.scratch.URL(key), nil
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

// origin returns the archive file and the line that a staged file's line is of.
func (s *staging) origin(url string, line int64) (key string, of int64, ok bool) {
	for _, p := range s.parts {
		if s.w.scratch.URL(p.key) == url {
			if line > 0 {
				line += p.before
			}
			return p.archive, line, true
		}
	}
	return "", 0, false
}

// copyStaged returns the statements that load the job by way of staged files.
func (l *loading) copyStaged(ctx context.Context) ([]statement, error) {
	widths, err := l.w.readWidths(ctx, l.table) // someone may have changed them
	if err != nil {
		return nil, err
	}
	columns := make([]warehouse.Column, len(l.table.Columns))
	copy(columns, l.table.Columns)
	for i, c := range columns {
		if c.Type == warehouse.Text {
			columns[i].MaxBytes = widths[c.Name]
		}
	}
	l.staging = l.w.newStaging(columns)
	for _, f := range l.files {
		if err := l.staging.add(ctx, f); err != nil {
			return nil, err
		}
	}
	if len(l.staging.parts) == 0 {
		return nil, nil
	}
	manifest, err := l.staging.manifest(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range warehouse.SystemColumns {
		names = append(names, c.Name)
	}
	for _, c := range columns {
		names = append(names, c.Name)
	}
	// Keys of staged rows are the columns' names, which 'auto' finds.
	sql := l.w.copySQL(l.w.names.of(l.table.Name), names, manifest, "auto")
	return []statement{{sql: sql, copy: true}, copied(l.expected)}, nil
}
