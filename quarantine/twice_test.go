package quarantine_test

import (
	"context"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/quarantine"
)

// TestRetriesAtOnceSendARecordOnce: a retry of many records may take longer than
// the stream knows a chunk. What another has put back meanwhile is passed over.
func TestRetriesAtOnceSendARecordOnce(t *testing.T) {
	w := onDuckDB(t)
	w.Send(of, "{\"s\":\"\x8e\xa6 1\"}", "{\"s\":\"\x8e\xa6 2\"}", "{\"s\":\"\x8e\xa6 3\"}")
	w.Load()
	if found, err := w.store().List(t.Context(), quarantine.Filter{}); err != nil || len(found) != 3 {
		t.Fatalf("the quarantine has %d records, %v; want 3", len(found), err)
	}
	all := quarantine.Retry{Charset: "shift_jis"}
	sent := map[string]int{}
	count := func(_ context.Context, _ string, id []byte, _ batch.Format, _ []byte) error {
		sent[string(id)]++
		return nil
	}
	first, second := w.store(), w.store()
	second.Send = count
	first.Send = func(ctx context.Context, tag string, id []byte, format batch.Format, payload []byte) error {
		if len(sent) == 0 {
			if _, err := second.Retry(ctx, quarantine.Retry{Filter: all.Filter, Charset: all.Charset}, func(int64, int64) {}); err != nil {
				t.Error(err)
			}
			return nil // the stream knows this one
		}
		return count(ctx, tag, id, format, payload)
	}
	got, err := first.Retry(t.Context(), all, func(int64, int64) {})
	if err != nil || got.PutBack != 1 || got.StillBad != 0 {
		t.Errorf("got %+v, %v; want one put back, and two that another had put back", got, err)
	}
	for id, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if len(sent) != 3 {
		t.Errorf("%d records of %s were sent, want 3", len(sent), ikada.Quarantine)
	}
}
