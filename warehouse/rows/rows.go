// Package rows reads archive files row by row, for the loads that must look at
// every value: it decides per value, by its lexical kind, whether the field's
// column holds it without loss, and gathers the rest for _rest. No value is
// dropped or changed.
package rows

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Row is one row. Its values are JSON as the archive has it; they are valid
// until the next row is read.
type Row struct {
	ID, Time, Hour, Dup []byte // the system columns; Hour and Dup may be nil
	// Values holds a value for each of the table's columns: nil if the row
	// has none, or null, or one that the column does not hold.
	Values [][]byte
	// Rest is an object of the fields that have no column or do not fit it, or nil.
	Rest []byte
	// Line is the row's line itself.
	Line []byte
}

// AddRest adds a member to Rest; the key has its quotes.
func (r *Row) AddRest(key, value []byte) {
	rest := append(bytes.TrimSuffix(r.Rest, []byte{'}'}), ',')
	if r.Rest == nil {
		rest = append(r.Rest, '{')
	}
	r.Rest = append(append(append(append(rest, key...), ':'), value...), '}')
}

// Check reads all of an archive file as stored and compares it with what the
// manifest says of it. A warehouse may accept a damaged file in silence.
func Check(stored io.Reader, f warehouse.File) error {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.Copy(sum, stored)
	if err != nil {
		return fmt.Errorf("check archive file %s: %w", f.Key, err)
	}
	return Compare(f, n, sum.Sum32())
}

// Compare compares a file's size and CRC-32C with what the manifest says.
func Compare(f warehouse.File, size int64, crc32c uint32) error {
	const remedy = "restore it from a backup; `ikada audit --deep` tells of all files like this"
	switch {
	case size != f.Size:
		return fmt.Errorf("archive file %s has %d bytes, its manifest says %d: %s: %w", f.Key, size, f.Size, remedy, ikada.ErrCorrupt)
	case crc32c != f.CRC32C:
		return fmt.Errorf("archive file %s has CRC-32C %08x, its manifest says %08x: %s: %w", f.Key, crc32c, f.CRC32C, remedy, ikada.ErrCorrupt)
	}
	return nil
}

// Reader reads the rows of one archive file.
type Reader struct {
	key     string
	file    *gzip.Reader
	in      *bufio.Reader
	long    []byte // a line longer than in's buffer
	line    int64
	columns []warehouse.Column
	fields  map[string]int // by key, quoted as the archive has it
	plain   map[string]int // by key
	row     Row
	rest    []byte
	text    bytes.Buffer
	dec     jsontext.Decoder
}

// Places of the system columns, beside those of a table's columns.
const (
	noColumn = -1 - iota
	idColumn
	timeColumn
	hourColumn
	dupColumn
)

// NewReader reads the archive file with the given key and stored bytes.
func NewReader(key string, stored io.Reader, columns []warehouse.Column) (*Reader, error) {
	file, err := gzip.NewReader(stored)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", key, ikada.ErrCorrupt, err)
	}
	r := newReader(key, columns)
	r.file, r.in = file, bufio.NewReaderSize(file, 256<<10)
	return r, nil
}

func newReader(key string, columns []warehouse.Column) *Reader {
	r := &Reader{
		key: key, columns: columns,
		fields: make(map[string]int, len(columns)),
		plain:  map[string]int{"_id": idColumn, "_time": timeColumn, "_hour": hourColumn, "_dup": dupColumn},
		row:    Row{Values: make([][]byte, len(columns))},
	}
	for i, c := range columns {
		r.plain[c.Field] = i
	}
	return r
}

// Next returns the next row; io.EOF ends them. A line that is no row gives a
// *warehouse.LoadError, and reading can go on behind it.
func (r *Reader) Next() (*Row, error) {
	line, err := r.readLine()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("read %s, line %d: %w: %w", r.key, r.line+1, ikada.ErrCorrupt, err)
	}
	r.line++
	if err := r.split(line); err != nil {
		refused := r.Refuse("", err)
		refused.Err = ikada.ErrCorrupt
		return nil, refused
	}
	return &r.row, nil
}

// Refuse makes an error of the last line that was read: it can't be loaded.
func (r *Reader) Refuse(column string, why error) *warehouse.LoadError {
	return &warehouse.LoadError{File: r.key, Line: r.line, Column: column, Reason: why.Error()}
}

// Key is that of the archive file.
func (r *Reader) Key() string { return r.key }

// Line is the last line that was read, valid until the next is.
func (r *Reader) Line() []byte { return r.row.Line }

// Lines returns how many rows were read.
func (r *Reader) Lines() int64 { return r.line }

// NewParser returns a reader of lines that are given to Parse one by one.
func NewParser(columns []warehouse.Column) *Reader { return newReader("", columns) }

// Parse reads one line.
func (r *Reader) Parse(line []byte) (*Row, error) {
	err := r.split(line)
	return &r.row, err
}

// readLine returns a line without its end, of whatever length.
func (r *Reader) readLine() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = r.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			r.long = append(r.long, line...)
			line, err = r.in.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	if err == io.EOF && len(line) > 0 {
		err = nil // the last line has no end
	}
	return bytes.TrimSuffix(line, []byte{'\n'}), err
}

var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true)}

// split sorts a line's values into the row.
func (r *Reader) split(line []byte) error {
	clear(r.row.Values)
	r.row = Row{Values: r.row.Values, Line: line}
	r.rest = r.rest[:0]
	r.text = *bytes.NewBuffer(line) // the decoder reads a bytes.Buffer in place
	r.dec.Reset(&r.text, lenient...)
	if r.dec.PeekKind() != '{' {
		return fmt.Errorf("the line is no JSON object")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		key, err := r.value(line)
		if err != nil {
			return err
		}
		value, err := r.value(line)
		if err != nil {
			return err
		}
		if err := r.place(key, value); err != nil {
			return err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more follows the JSON object")
	}
	if r.row.ID == nil || r.row.Time == nil {
		return fmt.Errorf("the row has no _id or no _time")
	}
	if len(r.rest) > 0 {
		r.rest = append(r.rest, '}')
		r.row.Rest = r.rest
	}
	return nil
}

// value reads the next value and returns it as a part of the line.
func (r *Reader) value(line []byte) ([]byte, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(r.dec.InputOffset())
	return line[end-len(v) : end], nil
}

// place puts a field where it belongs.
func (r *Reader) place(key, value []byte) error {
	at, err := r.columnOf(key)
	if err != nil {
		return err
	}
	kind := warehouse.KindOf(value)
	if kind == ikada.KindNull {
		return nil // a null is no value: every column is null without it
	}
	switch at {
	case noColumn:
		r.addRest(key, value)
	case idColumn:
		r.row.ID = value
	case timeColumn:
		r.row.Time = value
	case hourColumn:
		r.row.Hour = value
	case dupColumn:
		r.row.Dup = value
	default:
		if r.row.Values[at] != nil || !r.columns[at].Type.Fits(kind) {
			r.addRest(key, value)
		} else {
			r.row.Values[at] = value
		}
	}
	return nil
}

// maxKeys bounds the keys that are remembered, since rows may have ever new ones.
const maxKeys = 8192

// columnOf returns the place of a key, given with its quotes.
func (r *Reader) columnOf(key []byte) (int, error) {
	if at, ok := r.fields[string(key)]; ok {
		return at, nil
	}
	name, err := jsontext.AppendUnquote(nil, key)
	if err != nil {
		return 0, err
	}
	at, ok := r.plain[string(name)]
	if !ok {
		at = noColumn
	}
	if len(r.fields) >= maxKeys {
		clear(r.fields)
	}
	r.fields[string(key)] = at
	return at, nil
}

// addRest adds a member; the last brace is missing until the row is complete.
func (r *Reader) addRest(key, value []byte) {
	c := byte(',')
	if len(r.rest) == 0 {
		c = '{'
	}
	r.rest = append(append(append(append(r.rest, c), key...), ':'), value...)
}
