package duckdb

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/internal/pagecache"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
)

const (
	fetchedPattern = "fetched-*.json.gz"
	siftedPattern  = "sifted-*"
	fetchBytes     = 8 << 20 // asked for at once
)

// local holds archive files at hand as local files, checked.
type local struct {
	paths   []string // parallel to files
	files   []warehouse.File
	fetched []string // to be removed
}

// release deletes the files that were fetched. Those that are left are the
// archive's own, which nobody is expected to read again soon.
func (l *local) release() error {
	var errs []error
	for _, path := range l.fetched {
		errs = append(errs, os.Remove(path))
	}
	for _, path := range l.paths {
		if f, err := os.Open(path); err == nil {
			pagecache.Drop(f)
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// localize checks the manifests' files, and fetches those that are not local.
func (w *Warehouse) localize(ctx context.Context, archive bucket.Bucket, manifests []warehouse.Manifest) (*local, error) {
	l := &local{}
	for _, m := range manifests {
		for _, f := range m.Files {
			path, isLocal := localPath(archive.URL(f.Key))
			var err error
			if isLocal {
				err = checkFile(path, f)
			} else {
				path, err = w.fetch(ctx, archive, f)
				if path != "" {
					l.fetched = append(l.fetched, path)
				}
			}
			if err != nil {
				return nil, errors.Join(fmt.Errorf("manifest %s: %w", m.Key, err), l.release())
			}
			l.paths, l.files = append(l.paths, path), append(l.files, f)
		}
	}
	return l, nil
}

// localPath returns the path of an object that is a local file.
func localPath(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

// checkFile compares a file's size and checksum, which DuckDB does not look
// at: it takes a damaged file in silence.
func checkFile(path string, f warehouse.File) error {
	in, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("archive file %s: %w: %w", f.Key, ikada.ErrNotFound, err)
	}
	if err != nil {
		return fmt.Errorf("archive file %s: %w", f.Key, err)
	}
	return errors.Join(rows.Check(in, f), in.Close())
}

// fetch copies an archive file to the temp directory, checking it on the way.
// The path is not empty where a file was made, even with an error.
func (w *Warehouse) fetch(ctx context.Context, archive bucket.Bucket, f warehouse.File) (path string, err error) {
	out, err := os.CreateTemp(w.temp, fetchedPattern)
	if err != nil {
		return "", fmt.Errorf("fetch archive file %s: %w", f.Key, err)
	}
	defer func() {
		if closed := out.Close(); closed != nil && err == nil {
			err = fmt.Errorf("fetch archive file %s: %w", f.Key, closed)
		}
	}()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	var buf []byte
	size := int64(0)
	for {
		buf, err = archive.Get(ctx, f.Key, size, fetchBytes, buf[:0])
		if err != nil {
			return out.Name(), fmt.Errorf("fetch archive file %s: %w", f.Key, err)
		}
		if _, err := out.Write(buf); err != nil {
			return out.Name(), fmt.Errorf("fetch archive file %s: %w", f.Key, err)
		}
		_, _ = sum.Write(buf) // a hash never fails
		size += int64(len(buf))
		if len(buf) < fetchBytes {
			return out.Name(), rows.Compare(f, size, sum.Sum32())
		}
	}
}

// removeFetched deletes what a process that was killed left behind.
func removeFetched(temp string) error {
	var all []string
	for _, pattern := range []string{fetchedPattern, siftedPattern} {
		left, err := filepath.Glob(filepath.Join(temp, pattern))
		if err != nil {
			return err
		}
		all = append(all, left...)
	}
	return (&local{fetched: all}).release()
}
