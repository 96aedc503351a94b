package quarantine_test

import (
	"strings"
	"testing"

	"github.com/ikada-io/ikada/quarantine"
)

// TestTheListTellsTheTrueBytes: of records in one part and in several, whose last
// part is full or short, and of every padding.
func TestTheListTellsTheTrueBytes(t *testing.T) {
	w := onDuckDB(t)
	var records []string
	for _, size := range []int{10, 11, 12, 47_999, 48_000, 48_001, 95_999, 96_000, 96_001, 501_658} {
		records = append(records, `{"s":"`+strings.Repeat("x", size-len(`{"s":"`)))
	}
	w.Send(of, records...)
	w.Load()
	found, err := w.store().List(t.Context(), quarantine.Filter{})
	if err != nil || len(found) != len(records) {
		t.Fatalf("the quarantine has %d records, %v; want %d", len(found), err, len(records))
	}
	got := map[int64]bool{}
	for _, r := range found {
		got[r.Bytes] = true
		whole, err := w.store().Get(t.Context(), r.ID)
		if err != nil || whole.Bytes != r.Bytes || int64(len(whole.Data)) != r.Bytes {
			t.Errorf("the list says %d bytes of %s; there are %d, said to be %d, %v", r.Bytes, r.ID, len(whole.Data), whole.Bytes, err)
		}
	}
	for _, sent := range records {
		if !got[int64(len(sent))] {
			t.Errorf("no record of %d bytes in %v", len(sent), got)
		}
	}
	for _, all := range []bool{false, true} {
		some, err := w.store().List(t.Context(), quarantine.Filter{PutBack: all, Limit: 3})
		if err != nil || len(some) != 3 {
			t.Errorf("all %t: got %d records, %v; want 3", all, len(some), err)
		}
	}
}
