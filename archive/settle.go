package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

// ErrBusy: somebody is about to end a record. Come again later.
var ErrBusy = errors.New("another process is changing this day of the archive")

// patience is how old a record without an end is before the process that made
// it counts as gone.
const patience = 10 * time.Minute

// Settle brings a record to its end that its maker left without one: done, if
// its file is there and whole, else void. No record follows one without an end.
func (m *Map) Settle(ctx context.Context, e *Entry, now time.Time) (void string, err error) {
	if e.Ended || e.Compaction == nil {
		return e.Void, nil
	}
	f := e.Compaction.File
	void, err = m.whole(ctx, f.Key, f.Size, f.CRC32C)
	if err != nil {
		return "", fmt.Errorf("settle record %d of %q, %s: %w", e.Number, e.Type, e.Day, err)
	}
	if void != "" && now.Sub(time.Unix(0, e.Created)) < patience {
		return "", fmt.Errorf("record %d of %q, %s: %w", e.Number, e.Type, e.Day, ErrBusy)
	}
	return m.End(ctx, e.Record, void)
}

// whole says what a file lacks, or nothing.
func (m *Map) whole(ctx context.Context, key string, size int64, sum uint32) (lacks string, err error) {
	const some = 8 << 20
	var buf []byte
	got, at := uint32(0), int64(0)
	for {
		buf, err = m.bucket.Get(ctx, key, at, some, buf[:0])
		if errors.Is(err, ikada.ErrNotFound) {
			return "its file was not written", nil
		}
		if err != nil {
			return "", err
		}
		got, at = crc32.Update(got, bundle.Castagnoli, buf), at+int64(len(buf))
		if len(buf) < some {
			break
		}
	}
	if at != size || got != sum {
		return "its file is another one", nil
	}
	return "", nil
}
