package quarantine_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/quarantine"
)

// sendPieces sends pieces of something, of so many, each from somewhere else.
func (w *world) sendPieces(whole batch.Key, all [][]byte, numbers ...int) {
	for _, i := range numbers {
		w.AppendPart(batch.Part{
			Tag: string(of), Format: batch.Bad, Origin: batch.PieceOrigin("http "+string('a'+rune(i)), whole),
			Payload: batch.AppendBad(nil, "too large", i, len(all), all[i-1]),
		})
	}
	w.Route()
	w.Load()
}

// TestPiecesAreOneRecord: they are listed as one, and any of their ids gives the
// whole, in whatever order they came and however often.
func TestPiecesAreOneRecord(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{"DuckDB": onDuckDB, "Redshift": onRedshift} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			w.Send(of, `{"s":`)
			w.Load()
			w.wantRecords(5) // while the table has no pieces yet
			pieces := [][]byte{bytes.Repeat([]byte("1"), 100_001), bytes.Repeat([]byte("2"), 100_001), []byte("3")}
			w.sendPieces(batch.Key{1}, pieces, 1, 3)
			w.sendPieces(batch.Key{2}, pieces, 3, 2, 1)
			w.sendPieces(batch.Key{3}, pieces, 2)
			w.sendPieces(batch.Key{1}, pieces, 3)
			got := w.wantRecords(5, 100_002, 200_003, 100_001)
			w.wantMissing(got, 100_002, 2)
			w.wantMissing(got, 200_003)
			w.wantMissing(got, 100_001, 1, 3)
			w.sendPieces(batch.Key{1}, pieces, 2)
			w.wantRecords(5, 200_003, 200_003, 100_001)
			for id, want := range w.piecesIDs() {
				r, err := w.store().Get(t.Context(), id)
				if err != nil || r.Whole != want || r.Pieces != 3 || r.Reason != "too large" || r.Bytes != int64(len(r.Data)) {
					t.Errorf("%s: got %+v with %d bytes, %v", id, r.Whole, len(r.Data), err)
				}
				if len(r.Missing) == 0 && !bytes.Equal(r.Data, slices.Concat(pieces...)) {
					t.Errorf("%s: the %d bytes of the whole are others than were sent", id, len(r.Data))
				}
			}
		})
	}
}

// TestPiecesAreNotPutBack: they would come in pieces again.
func TestPiecesAreNotPutBack(t *testing.T) {
	w := onDuckDB(t)
	w.sendPieces(batch.Key{1}, [][]byte{[]byte(`{"s":`), []byte(`1}`)}, 1, 2)
	retry := func(r quarantine.Retry) {
		t.Helper()
		got, err := w.store().Retry(t.Context(), r, func(int64, int64) {})
		if err != nil || got.PutBack != 0 || got.StillBad != 1 || got.Examples[0].Reason != "too large" {
			t.Errorf("got %+v, %v; want one that is bad still: too large", got, err)
		}
	}
	retry(quarantine.Retry{Filter: quarantine.Filter{Type: string(of)}, Try: true})
	var ids []string
	for id := range w.piecesIDs() {
		ids = append(ids, id)
	}
	retry(quarantine.Retry{IDs: ids, Try: true})
}

// TestARowBehindTheFirstIsNoRecord: the last row of a record is read for its bytes
// alone.
func TestARowBehindTheFirstIsNoRecord(t *testing.T) {
	w := onDuckDB(t)
	w.AppendPart(bad("broken", string(make([]byte, 100_000))))
	w.Route()
	w.Load()
	first := w.wantRecords(100_000)[0].ID
	last := first[:len(first)-1] + "2"
	if _, err := w.store().Get(t.Context(), last); !errors.Is(err, ikada.ErrNotFound) {
		t.Errorf("record %s: %v", last, err)
	}
}

// wantRecords lists all records, and wants those of so many bytes each.
func (w *world) wantRecords(sizes ...int64) []quarantine.Record {
	w.T.Helper()
	day := 24 * time.Hour
	found, err := w.store().List(w.T.Context(), quarantine.Filter{Since: pipetest.Arrival.Add(-day), Until: pipetest.Arrival.Add(day)})
	w.Check(err)
	var got []int64
	for _, r := range found {
		got = append(got, r.Bytes)
	}
	slices.Sort(got)
	slices.Sort(sizes)
	if !slices.Equal(got, sizes) {
		w.T.Fatalf("records of %d bytes, want %d", got, sizes)
	}
	return found
}

// wantMissing wants what is missing of the record of so many bytes.
func (w *world) wantMissing(all []quarantine.Record, size int64, missing ...int64) {
	w.T.Helper()
	for _, r := range all {
		if r.Bytes == size && (r.Pieces != 3 || !slices.Equal(r.Missing, missing)) {
			w.T.Errorf("of %d bytes, in %d pieces, %d are missing; want %d", r.Bytes, r.Pieces, r.Missing, missing)
		}
	}
}

// piecesIDs returns the ids of the pieces, each with what it is a piece of.
func (w *world) piecesIDs() map[string]string {
	w.T.Helper()
	rows, err := w.Warehouse.Query(w.T.Context(), `SELECT "_id", "whole" FROM "_quarantine" WHERE "part" = 1 AND "piece" IS NOT NULL`, 0)
	w.Check(err)
	ids := map[string]string{}
	for {
		values, err := rows.Next()
		if err != nil {
			break
		}
		ids[values[0].(string)] = values[1].(string)
	}
	w.Check(rows.Close())
	return ids
}
