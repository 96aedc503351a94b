package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// What routing costs without segments: one object has all log types mixed, so
// a router has to inflate it, look at each line, and deflate it again.

// splitBuffer is how much of one file is deflated at once: enough to find the
// compressor's tables in the cache.
const splitBuffer = 512 << 10

// writeMixed writes the rows of bundles into one object, line by line in random
// order. A line bears its log type, as it has to.
func writeMixed(path, data string, bundles []stored) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewWriterLevel(f, 1)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(z, 256<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for _, one := range bundles {
		segments, err := readRows(data, one)
		if err != nil {
			return err
		}
		type line struct {
			logType string
			row     []byte
		}
		var lines []line
		for _, s := range segments {
			for row := range bytes.Lines(s.raw) {
				lines = append(lines, line{s.logType, row})
			}
		}
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		for _, l := range lines {
			fmt.Fprintf(out, `{"tag":"%s",`, l.logType) // a failure stays: Flush returns it
			_, _ = out.Write(l.row[1:])
		}
	}
	return errors.Join(out.Flush(), z.Close())
}

// splitter is the files that a mixed object is split into.
type splitter struct {
	dir   string
	files map[string]*splitFile // by log type and hour
	rows  int64
}

type splitFile struct {
	file *os.File
	gzip *gzip.Writer
	raw  []byte
}

// split inflates a mixed object, splits it by log type and hour, and deflates
// each part into a file. It returns how many rows there were.
func split(mixed, dir string) (int64, error) {
	in, err := os.Open(mixed)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	z, err := gzip.NewReader(in)
	if err != nil {
		return 0, err
	}
	s := splitter{dir: dir, files: map[string]*splitFile{}}
	lines, rest := make([]byte, 1<<20), 0
	for {
		n, readErr := io.ReadFull(z, lines[rest:])
		if readErr != nil && readErr != io.EOF && !errors.Is(readErr, io.ErrUnexpectedEOF) {
			return 0, readErr
		}
		have := lines[:rest+n]
		for end := bytes.IndexByte(have, '\n') + 1; end > 0; end = bytes.IndexByte(have, '\n') + 1 {
			if err := s.add(have[:end]); err != nil {
				return 0, err
			}
			have = have[end:]
		}
		rest = copy(lines, have)
		if readErr != nil {
			return s.rows, s.close()
		}
	}
}

var (
	timeMember = []byte(`"_time":"`)
	hourLength = len("2026-11-23T03")
)

// add takes a line: {"tag":"TYPE","_id":"…","_time":"2026-11-23T03…
func (s *splitter) add(line []byte) error {
	const tag = len(`{"tag":"`)
	end := tag + bytes.IndexByte(line[tag:], '"')
	at := bytes.Index(line, timeMember) + len(timeMember)
	var buf [128]byte
	key := append(buf[:0], line[tag:end]...)
	key = append(key, '-')
	key = append(key, line[at:at+hourLength]...)
	f := s.files[string(key)]
	if f == nil {
		var err error
		if f, err = s.open(string(key)); err != nil {
			return err
		}
	}
	s.rows++
	if f.raw = append(f.raw, line...); len(f.raw) < splitBuffer {
		return nil
	}
	_, err := f.gzip.Write(f.raw)
	f.raw = f.raw[:0]
	return err
}

func (s *splitter) open(key string) (*splitFile, error) {
	file, err := os.Create(filepath.Join(s.dir, key+".json.gz"))
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewWriterLevel(file, 1)
	if err != nil {
		return nil, err
	}
	f := &splitFile{file: file, gzip: z}
	s.files[key] = f
	return f, nil
}

// close ends and syncs all files.
func (s *splitter) close() error {
	var errs []error
	for _, f := range s.files {
		_, err := f.gzip.Write(f.raw)
		errs = append(errs, err, f.gzip.Close(), f.file.Sync(), f.file.Close())
	}
	return errors.Join(errs...)
}

// cat copies files into one and syncs it.
func cat(to string, from []string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buf := make([]byte, 128<<10)
	for _, path := range from {
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		// Through a buffer, as cat does: without the shortcuts of os.File.
		_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, buf)
		if err := errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return out.Sync()
}
