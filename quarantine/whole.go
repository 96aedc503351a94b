package quarantine

import (
	"cmp"
	"context"
	"slices"
)

// data puts a record's bytes together, of all pieces that are there.
func (s Store) data(ctx context.Context, r Record) ([]byte, error) {
	if r.there == nil {
		return s.ofParts(ctx, r)
	}
	data := make([]byte, 0, r.Bytes)
	for _, piece := range r.there {
		more, err := s.ofParts(ctx, piece)
		if err != nil {
			return nil, err
		}
		data = append(data, more...)
	}
	return data, nil
}

// join makes one record of the pieces of each whole, at the place of the first
// that is found.
func join(found []Record) []Record {
	var joined []Record
	at := map[string]int{}
	for _, r := range found {
		if r.Whole == "" {
			joined = append(joined, r)
			continue
		}
		i, known := at[r.Whole]
		if !known {
			i = len(joined)
			at[r.Whole] = i
			joined = append(joined, Record{})
		}
		joined[i].there = append(joined[i].there, r)
	}
	for _, i := range at {
		joined[i] = whole(joined[i].there)
	}
	return joined
}

// whole returns the record that came in pieces. It has the id of the first one
// that is there.
func whole(pieces []Record) Record {
	slices.SortStableFunc(pieces, func(a, b Record) int { return cmp.Compare(a.piece, b.piece) })
	// A whole that was sent again so late that nobody knew it has its pieces twice.
	pieces = slices.CompactFunc(pieces, func(a, b Record) bool { return a.piece == b.piece })
	r := pieces[0]
	r.Bytes, r.Withheld, r.there = 0, 0, pieces
	next := int64(1)
	for _, p := range pieces {
		for ; next < p.piece; next++ {
			r.Missing = append(r.Missing, next)
		}
		next++
		r.Bytes, r.Withheld = r.Bytes+p.Bytes, r.Withheld+p.Withheld
	}
	for ; next <= r.Pieces; next++ {
		r.Missing = append(r.Missing, next)
	}
	return r
}
