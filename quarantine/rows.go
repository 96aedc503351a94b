package quarantine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse"
)

// Bounds of the rows that are put back by one transaction.
const (
	maxPieces = 500
	maxBytes  = 8 << 20
)

// split tells rows that loads have set aside, by log type, from other records.
func split(all []Record) (rows, records []Record) {
	for _, r := range all {
		if r.Origin == refusedByLoad && r.File != "" {
			rows = append(rows, r)
		} else {
			records = append(records, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b Record) int { return strings.Compare(a.Type, b.Type) })
	return rows, records
}

// putBackRows brings rows into the tables that they were meant for.
func (s Store) putBackRows(ctx context.Context, rows []Record, r Retry, result *Result, tell func(done int)) error {
	if r.Try {
		result.Refused += int64(len(rows))
		return nil
	}
	for done := 0; done < len(rows); {
		n := batchOf(rows[done:])
		if err := s.putBackSome(ctx, rows[done:done+n], r, result); err != nil {
			return fmt.Errorf("put back rows of %s, after %d others: %w", rows[done].Type, result.PutBack, err)
		}
		done += n
		tell(done)
	}
	return nil
}

// batchOf returns how many of the rows make a transaction: they are of one log type.
func batchOf(rows []Record) (n int) {
	pieces, bytes := int64(0), int64(0)
	for n < len(rows) && rows[n].Type == rows[0].Type {
		pieces, bytes = pieces+rows[n].parts, bytes+rows[n].Bytes
		if n > 0 && (pieces > maxPieces || bytes > maxBytes) {
			break
		}
		n++
	}
	return n
}

func (s Store) putBackSome(ctx context.Context, rows []Record, r Retry, result *Result) error {
	if r.As != "" && r.As != rows[0].Type {
		for _, c := range rows {
			result.still(c.ID, fmt.Errorf("it is a row of %q and goes back into its own table only", c.Type))
		}
		return nil
	}
	data, err := s.lines(ctx, rows)
	if err != nil {
		return err
	}
	job := warehouse.PutBackJob{Type: ikada.LogType(rows[0].Type)}
	for _, c := range rows {
		raw, ok := data[c.ID]
		if !ok {
			continue // somebody else has put it back
		}
		key, err := s.manifestOf(ctx, job.Type, c.File)
		if err != nil {
			result.still(c.ID, err)
			continue
		}
		job.Rows = append(job.Rows, warehouse.AsideRow{ID: c.ID, Manifest: key, File: c.File, Line: c.Line, Raw: raw})
	}
	done, err := s.Warehouse.PutBack(ctx, job)
	if err != nil {
		return err
	}
	result.PutBack += done.Rows
	for _, still := range done.Refused {
		result.Refused++
		result.example(still.ID, still.Reason)
	}
	return nil
}

// lines returns the archive lines of rows by their ids, without those that are
// not in the quarantine any more.
func (s Store) lines(ctx context.Context, rows []Record) (map[string][]byte, error) {
	var ids []string
	for _, r := range rows {
		for k := range r.parts {
			ids = append(ids, partID(r.ID, k))
		}
	}
	pieces := make(map[string]string, len(ids))
	for some := range slices.Chunk(ids, maxPieces) {
		quoted := make([]string, len(some))
		for i, id := range some {
			quoted[i] = literal(id)
		}
		sql := `SELECT "_id", "data" FROM "` + ikada.Quarantine.TableName() + `" WHERE "_id" IN (` + strings.Join(quoted, ", ") + ")"
		if err := s.each(ctx, sql, func(v []any) { pieces[text(v[0])] = text(v[1]) }); err != nil {
			return nil, err
		}
	}
	lines := make(map[string][]byte, len(rows))
	for _, r := range rows {
		line, there := []byte(nil), true
		for k := range r.parts {
			encoded, ok := pieces[partID(r.ID, k)]
			piece, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, fmt.Errorf("record %s of the quarantine, part %d of %d: %w", r.ID, k+1, r.parts, err)
			}
			line, there = append(line, piece...), there && ok
		}
		if there {
			lines[r.ID] = line
		}
	}
	return lines, nil
}

// manifestOf returns the manifest that a row's archive file is of.
func (s Store) manifestOf(ctx context.Context, of ikada.LogType, file string) (string, error) {
	if name, err := plan.ParseArchiveKey(file); err == nil {
		return manifest.Key(of, name.Plan, name.Class), nil
	}
	if s.Archive == nil {
		return "", errors.New("nobody can tell which manifest its archive file " + file + " is of")
	}
	source, err := s.Archive.Source(ctx, file)
	return source.Manifest, err
}
