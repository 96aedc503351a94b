// Package quarantine shows the records that were set aside, with the reason and
// where they came from, and puts them back once what was wrong with them is
// mended.
//
// A record that goes into the stream again stays in the table of the quarantine;
// the journal says that it was put back. A row that a load had set aside leaves
// the quarantine for its table, in one transaction.
package quarantine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Record is a record that was set aside.
type Record struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`     // when it reached Ikada
	Type   string    `json:"type"`   // the tag it came with, or the log type it was loaded for
	Reason string    `json:"reason"` // why it was set aside
	Origin string    `json:"origin"` // who sent it, or "load"
	Bytes  int64     `json:"bytes"`
	// Of a record that the warehouse refused: its line in the archive, the
	// column that it was refused for, and the row's _id.
	File   string `json:"file,omitempty"`
	Line   int64  `json:"line,omitempty"`
	Column string `json:"column,omitempty"`
	Row    string `json:"row,omitempty"`
	// Of a record that was too large for one message: what its rows have in the
	// column whole, in how many pieces it came, and which of them are not there.
	Whole   string  `json:"whole,omitempty"`
	Pieces  int64   `json:"pieces,omitempty"`
	Missing []int64 `json:"missing,omitempty"`
	// Withheld is how many bytes were not kept, as fields to be guarded may be in them.
	Withheld int64 `json:"withheld,omitempty"`
	// PutBack says that it was put back, and when.
	PutBack time.Time `json:"put_back,omitzero"`
	// Data is the record as it came, but for pieces that are missing. Not in a list.
	Data []byte `json:"data,omitempty"`

	parts int64    // its rows
	piece int64    // of a piece: which it is
	there []Record // the pieces that are there
}

// refusedByLoad is the origin of what the warehouse refused.
const refusedByLoad = "load"

// Filter chooses records. The zero value of each field chooses all.
type Filter struct {
	Type         string    // the tag or log type
	Since, Until time.Time // At is Since or later, and before Until
	PutBack      bool      // those that were put back, too
	Limit        int
}

// Store is the quarantine of a warehouse.
type Store struct {
	Warehouse warehouse.Warehouse
	// Marks is the bucket that keeps what was put back: the buffer bucket.
	Marks bucket.Bucket
	// Archive tells whose rows those of compacted files are.
	Archive *archive.View
	// Send puts records back; nil if there is no stream at hand.
	Send Sender
}

// List returns records, the latest first. Without any table of the quarantine
// there are none.
func (s Store) List(ctx context.Context, f Filter) ([]Record, error) {
	back, err := s.marked(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.read(ctx, f)
	if err != nil {
		return nil, err
	}
	kept := found[:0]
	for _, r := range found {
		r.PutBack = back[r.ID]
		if f.PutBack || r.PutBack.IsZero() {
			kept = append(kept, r)
		}
		if f.Limit > 0 && len(kept) == f.Limit {
			break
		}
	}
	return kept, nil
}

// Get returns a record with its data: the whole, where the id is that of a piece.
// The error wraps ikada.ErrNotFound if there is none.
func (s Store) Get(ctx context.Context, id string) (Record, error) {
	r, err := s.find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if r.Bytes > maxData {
		return Record{}, fmt.Errorf("record %q of the quarantine has %d bytes, too many to have at once: `ikada query` gets its rows, of \"whole\" = %s, by \"piece\" and \"part\"; \"data\" is base64", id, r.Bytes, literal(r.Whole))
	}
	if r.Data, err = s.data(ctx, r); err != nil {
		return Record{}, err
	}
	r.Bytes = int64(len(r.Data))
	return r, nil
}

// maxData bounds what a record may have in memory.
const maxData = 64 << 20

// find returns a record without its data.
func (s Store) find(ctx context.Context, id string) (Record, error) {
	found, err := s.query(ctx, `"_id" = `+literal(id))
	if err != nil {
		return Record{}, err
	}
	if len(found) == 0 {
		return Record{}, fmt.Errorf("record %q of the quarantine: %w: `ikada quarantine list` shows what there is", id, ikada.ErrNotFound)
	}
	r := found[0]
	r.PutBack, err = s.markOf(ctx, r.ID)
	return r, err
}

// read asks the table for what a filter chooses.
func (s Store) read(ctx context.Context, f Filter) ([]Record, error) {
	terms := []string{"1 = 1"}
	if f.Type != "" {
		terms = append(terms, `"type" = `+literal(f.Type))
	}
	if !f.Since.IsZero() {
		terms = append(terms, `"_time" >= `+instant(f.Since))
	}
	if !f.Until.IsZero() {
		terms = append(terms, `"_time" < `+instant(f.Until))
	}
	return s.query(ctx, strings.Join(terms, " AND "))
}

// fields are the quarantine's own, in the order in which they are asked for.
var fields = []string{"type", "reason", "origin", "parts", "file", "line", "column", "row", "withheld", "whole", "piece", "pieces"}

// query returns the records that a condition chooses, without their data; those
// in pieces whole, if it chooses any of them.
func (s Store) query(ctx context.Context, where string) ([]Record, error) {
	table, err := s.Warehouse.Table(ctx, ikada.Quarantine)
	if errors.Is(err, ikada.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the quarantine: %w", err)
	}
	names := columns(table)
	wanted := []string{`"_id"`, `"_time"`, `length(rtrim("data", '='))`, `"part"`}
	for _, f := range fields {
		wanted = append(wanted, names[f])
	}
	if names["whole"] != "NULL" {
		where = "(" + where + ` OR "whole" IN (SELECT "whole" FROM "` + table.Name + `" WHERE "whole" <> '' AND ` + where + "))"
	}
	// The last part of a record alone may be shorter than the first.
	sql := "SELECT " + strings.Join(wanted, ", ") + ` FROM "` + table.Name + `" WHERE ("part" = 1 OR "part" = "parts") AND ` + where + ` ORDER BY "_time" DESC, "_id"`
	var found []Record
	last := map[string]int64{} // bytes of last parts, by their ids
	err = s.each(ctx, sql, func(v []any) {
		r := Record{ID: text(v[0]), Bytes: number(v[2]) * 3 / 4, Type: text(v[4]), Reason: text(v[5]), Origin: text(v[6]), parts: number(v[7]), File: text(v[8]), Line: number(v[9]), Column: text(v[10]), Row: text(v[11]), Withheld: number(v[12]), Whole: text(v[13]), piece: number(v[14]), Pieces: number(v[15])}
		r.At, _ = v[1].(time.Time)
		if number(v[3]) == 1 {
			found = append(found, r)
		} else {
			last[r.ID] = r.Bytes
		}
	})
	for i := range found {
		if r := &found[i]; r.parts > 1 {
			r.Bytes = r.Bytes*(r.parts-1) + last[partID(r.ID, r.parts-1)]
		}
	}
	return join(found), err
}

// columns returns the SQL of each field: its column, or NULL if there is none.
func columns(t warehouse.Table) map[string]string {
	names := map[string]string{}
	for _, f := range fields {
		names[f] = "NULL"
	}
	for _, c := range t.Columns {
		names[c.Field] = `"` + c.Name + `"`
	}
	return names
}

// ofParts puts together what stands in rows behind each other.
func (s Store) ofParts(ctx context.Context, r Record) ([]byte, error) {
	const atOnce = 20 // parts: 1 MB
	parts := make(map[string]string, r.parts)
	for first := int64(0); first < r.parts; first += atOnce {
		var ids []string
		for k := first; k < min(first+atOnce, r.parts); k++ {
			ids = append(ids, literal(partID(r.ID, k)))
		}
		sql := `SELECT "_id", "data" FROM "` + ikada.Quarantine.TableName() + `" WHERE "_id" IN (` + strings.Join(ids, ", ") + ")"
		if err := s.each(ctx, sql, func(v []any) { parts[text(v[0])] = text(v[1]) }); err != nil {
			return nil, err
		}
	}
	var data []byte
	for k := range r.parts {
		piece, err := base64.StdEncoding.DecodeString(parts[partID(r.ID, k)])
		if err == nil && len(piece) == 0 && r.parts > 1 {
			err = fmt.Errorf("it is not in the table: %w", ikada.ErrNotFound)
		}
		if err != nil {
			return nil, fmt.Errorf("record %s of the quarantine, part %d of %d: %w", r.ID, k+1, r.parts, err)
		}
		data = append(data, piece...)
	}
	return data, nil
}

// partID returns the _id of the k-th part behind the first: the parts of a
// record are rows behind each other, so their ids count up at the end, in
// base 36.
func partID(first string, k int64) string {
	at := strings.LastIndexByte(first, '-') + 1
	if at < len(first) && first[at] == 'q' { // set aside by a load
		at++
	}
	n, err := strconv.ParseInt(first[at:], 36, 64)
	if err != nil {
		return first
	}
	return first[:at] + strconv.FormatInt(n+k, 36)
}

// each runs a query.
func (s Store) each(ctx context.Context, sql string, do func(values []any)) (err error) {
	rows, err := s.Warehouse.Query(ctx, sql, 0)
	if err != nil {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		values, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the quarantine: %w", err)
		}
		do(values)
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	}
	return 0
}

// literal quotes a string for any warehouse: a backslash, which some take for an
// escape, is spelled out.
func literal(s string) string {
	s = "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''") + "'"
	return strings.ReplaceAll(s, `\`, "' || chr(92) || '")
}

// instant writes a time as a literal.
func instant(t time.Time) string {
	return "CAST('" + t.UTC().Format("2006-01-02 15:04:05.000000") + "+00' AS TIMESTAMPTZ)"
}
