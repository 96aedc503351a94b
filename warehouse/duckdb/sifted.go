package duckdb

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// insertSifted inserts what fits by one statement, as a direct load does, and
// the other rows carefully. Files of manifests without a misfit go as they are;
// the others are sifted into two.
func (l *loading) insertSifted(ctx context.Context, conn *sql.Conn) error {
	readable := l.table.info
	readable.Columns = warehouse.Readable(readable.Columns)
	var fast []string
	var careful []part
	want, i := int64(0), 0
	for _, m := range l.manifests {
		s, sifts := newSieve(readable.Columns, m.Misfits)
		for _, f := range m.Files {
			path := l.files.paths[i]
			i++
			switch {
			case len(m.Misfits) == 0:
				fast, want = append(fast, path), want+f.Rows
			case !sifts:
				careful = append(careful, part{path: path, File: f})
			default:
				fine, coarse, err := l.sift(ctx, s, part{path: path, File: f})
				if err != nil {
					return err
				}
				if fine.Rows > 0 {
					fast, want = append(fast, fine.path), want+fine.Rows
				}
				if coarse.Rows > 0 {
					careful = append(careful, coarse)
				}
			}
		}
	}
	if len(fast) > 0 {
		if err := l.readJSON(ctx, conn, readable, fast, want); err != nil {
			return err
		}
	}
	return l.appendParts(ctx, conn, careful)
}

// part is an archive file, or some of its lines. A row of a part that is
// refused ends the sifted load; the careful one then reads whole files, and tells its line.
type part struct {
	path string
	warehouse.File
}

// sift cuts a file in two: lines for the fast way, and others.
func (l *loading) sift(ctx context.Context, s *sieve, p part) (fine, coarse part, err error) {
	in, err := os.Open(p.path)
	if err != nil {
		return fine, coarse, fmt.Errorf("archive file %s: %w", p.Key, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	z, err := gzip.NewReader(in)
	if err != nil {
		return fine, coarse, fmt.Errorf("archive file %s: %w: %w", p.Key, ikada.ErrCorrupt, err)
	}
	fineFile, err := l.newPart(".json")
	if err != nil {
		return fine, coarse, err
	}
	coarseFile, err := l.newPart(".json.gz")
	if err != nil {
		return fine, coarse, errors.Join(err, fineFile.Close())
	}
	defer func() { err = errors.Join(err, fineFile.Close(), coarseFile.Close()) }()
	fine, coarse = part{path: fineFile.Name(), File: p.File}, part{path: coarseFile.Name(), File: p.File}
	fine.Rows, coarse.Rows, err = s.split(ctx, z, fineFile, coarseFile)
	switch {
	case err != nil:
		return fine, coarse, fmt.Errorf("archive file %s: %w", p.Key, err)
	case fine.Rows+coarse.Rows != p.Rows:
		return fine, coarse, fmt.Errorf("archive file %s has %d rows, its manifest says %d: %w", p.Key, fine.Rows+coarse.Rows, p.Rows, ikada.ErrCorrupt)
	case coarse.Rows == 0:
		return p, coarse, nil
	case fine.Rows == 0:
		return fine, p, nil
	}
	return fine, coarse, nil
}

// newPart makes a file that is removed with the load's others.
func (l *loading) newPart(suffix string) (*os.File, error) {
	f, err := os.CreateTemp(l.w.temp, siftedPattern+suffix)
	if err != nil {
		return nil, fmt.Errorf("sift: %w", err)
	}
	l.files.fetched = append(l.files.fetched, f.Name())
	return f, nil
}

// split writes each line where it belongs. It returns how many are fine, and
// how many are not.
func (s *sieve) split(ctx context.Context, from io.Reader, fine, coarse io.Writer) (fineRows, others int64, err error) {
	in := bufio.NewReaderSize(from, 256<<10)
	passed := bufio.NewWriterSize(fine, 256<<10)
	held, err := gzip.NewWriterLevel(coarse, gzip.BestSpeed)
	if err != nil {
		return 0, 0, err
	}
	var long []byte
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = long[:0]
			for errors.Is(err, bufio.ErrBufferFull) {
				long = append(long, line...)
				line, err = in.ReadSlice('\n')
			}
			long = append(long, line...)
			line = long
		}
		if len(line) > 0 {
			if s.passes(line) {
				fineRows++
				_, _ = passed.Write(line) // a bufio.Writer keeps its first error
			} else {
				others++
				if _, err := held.Write(line); err != nil {
					return 0, 0, err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", ikada.ErrCorrupt, err)
		}
		if (fineRows+others)%4096 == 0 && ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
	}
	return fineRows, others, errors.Join(passed.Flush(), held.Close())
}
