package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
)

const of ikada.LogType = "app.access"

var hour = ikada.HourOf(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC))

// deflate makes a segment.
func deflate(t *testing.T, raw []byte) (bundle.Extent, []byte) {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(raw)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return bundle.Extent{
		Length: int64(out.Len()), Raw: int64(len(raw)), CRC32: crc32.ChecksumIEEE(raw), CRC32C: crc32.Checksum(out.Bytes(), bundle.Castagnoli),
	}, out.Bytes()
}

// original is a file of a manifest, which is not stored any more.
func original(t *testing.T, n int, raw string) manifest.File {
	t.Helper()
	e, data := deflate(t, []byte(raw))
	var m bundle.Member
	m.Add(e, data)
	return manifest.File{
		Key: fmt.Sprintf("%s/%s/%012d-1.json.gz", of, hour.Path(), n), Size: m.Size(), Raw: m.Raw(), Rows: int64(bytes.Count([]byte(raw), []byte("\n"))), CRC32C: m.CRC32C(),
	}
}

// compacted stores a file of two pieces: the first is of one source, the second of two.
func compacted(t *testing.T, b bucket.Bucket, number int) *Record {
	t.Helper()
	texts := []string{"{\"a\":1}\n{\"a\":2}\n", "{\"a\":3}\n", "{\"a\":4}\n"}
	var m bundle.Member
	c := &Compaction{Hour: hour}
	at := int64(len(header))
	for _, raw := range []string{texts[0], texts[1] + texts[2]} {
		e, data := deflate(t, []byte(raw))
		m.Add(e, data)
		c.Pieces = append(c.Pieces, Piece{Offset: at, Length: e.Length, Raw: e.Raw, CRC32: e.CRC32, CRC32C: e.CRC32C})
		at += e.Length
	}
	for i, raw := range texts {
		s := Source{Manifest: manifest.Key(of, uint64(i+1), ikada.Plain), File: original(t, i+1, raw), Piece: min(i, 1)}
		if i > 0 {
			s.CRC32, s.CRC32C = crc32.ChecksumIEEE([]byte(raw)), crc32.Checksum(Stored([]byte(raw)), bundle.Castagnoli)
		}
		if i == 2 {
			s.Skip = int64(len(texts[1]))
		}
		c.Sources = append(c.Sources, s)
		c.Replaces = append(c.Replaces, s.File.Key)
	}
	c.File = manifest.File{Key: CompactedKey(of, hour, 1, ikada.Plain, number), Size: m.Size(), Raw: m.Raw(), Rows: 4, CRC32C: m.CRC32C()}
	if err := b.Create(context.Background(), c.File.Key, m.Body()...); err != nil {
		t.Fatal(err)
	}
	return &Record{Version: Version, Type: of, Day: DayOf(hour), Number: number, Created: time.Now().UnixNano(), Compaction: c}
}

func gunzip(t *testing.T, data []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMapFollowsRecords(t *testing.T) {
	ctx := context.Background()
	b := mem.New()
	m := New(b)
	r := compacted(t, b, 1)
	m1 := &manifest.Manifest{Ikada: manifest.Detail{Files: []manifest.File{r.Compaction.Sources[0].File, original(t, 9, "{}\n")}}}
	where := func() []Located {
		t.Helper()
		located, err := m.Files(ctx, m1)
		if err != nil {
			t.Fatal(err)
		}
		return located
	}
	if err := m.Add(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := m.Add(ctx, r); !errors.Is(err, ikada.ErrExists) {
		t.Errorf("the same number again: %v, want ErrExists", err)
	}
	if got := where(); got[0].Place.Moved() {
		t.Errorf("a compaction that is not at its end counts: %+v", got)
	}
	day, err := m.Day(ctx, "app.access", "2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	if n, open := day.Next(); n != 2 || open == nil || open.Number != 1 {
		t.Errorf("next is %d, open %v; want 2, and record 1", n, open)
	}
	if was, err := m.End(ctx, r, ""); was != "" || err != nil {
		t.Errorf("end: %q, %v", was, err)
	}
	if was, err := m.End(ctx, r, "too late"); was != "" || err != nil {
		t.Errorf("a second end: %q, %v; want the first one", was, err)
	}
	if got := where(); !got[0].Place.Moved() || got[0].Place.Object != r.Compaction.File || got[1].Place.Record != 0 {
		t.Errorf("got %+v", got)
	}
	x := &Record{Type: of, Day: DayOf(hour), Number: 2, Created: 1, Expiry: &Expiry{Reason: "older than 1 day", Files: []Expired{{File: r.Compaction.File}}}}
	if err := m.Add(ctx, x); err != nil {
		t.Fatal(err)
	}
	if got := where(); got[0].Place.Moved() || got[0].Place.Expired.IsZero() || got[0].Place.Reason != "older than 1 day" {
		t.Errorf("got %+v, want expired", got)
	}
	if day, err = New(b).Day(ctx, "app.access", "2026-11-23"); err != nil || len(day.Entries) != 2 || len(day.Objects()) != 0 {
		t.Errorf("another reader: %+v, %v", day, err)
	}
}

func TestVoidDoesNotCount(t *testing.T) {
	ctx := context.Background()
	b := mem.New()
	m := New(b)
	r := compacted(t, b, 1)
	if err := m.Add(ctx, r); err != nil {
		t.Fatal(err)
	}
	if _, err := m.End(ctx, r, "its files are damaged"); err != nil {
		t.Fatal(err)
	}
	day, err := m.Day(ctx, "app.access", "2026-11-23")
	if err != nil || day.Entries[0].Void != "its files are damaged" || day.Find(r.Compaction.Sources[0].File.Key).Record != 0 {
		t.Errorf("got %+v, %v", day, err)
	}
}

func TestViewGivesParts(t *testing.T) {
	ctx := context.Background()
	b := mem.New()
	v := NewView(b)
	r := compacted(t, b, 1)
	if err := errors.Join(v.Map.Add(ctx, r), func() error { _, err := v.Map.End(ctx, r, ""); return err }()); err != nil {
		t.Fatal(err)
	}
	day, err := v.Map.Day(ctx, "app.access", "2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"{\"a\":1}\n{\"a\":2}\n", "{\"a\":3}\n", "{\"a\":4}\n"} {
		source := r.Compaction.Sources[i].File
		part, err := day.Part(source, day.Find(source.Key))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := v.Get(ctx, part.Key, 0, -1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(whole)) != part.Size || crc32.Checksum(whole, bundle.Castagnoli) != part.CRC32C || gunzip(t, whole) != want {
			t.Errorf("part %d: %d bytes %q; want %+v", i, len(whole), gunzip(t, whole), part)
		}
		if i == 0 && (part.Size != source.Size || part.CRC32C != source.CRC32C) {
			t.Errorf("a source alone in its piece is %+v, was %+v", part, source)
		}
		var pieces []byte
		for off := int64(0); ; off += 7 {
			some, err := v.Get(ctx, part.Key, off, 7, nil)
			if err != nil {
				t.Fatal(err)
			}
			if pieces = append(pieces, some...); len(some) < 7 {
				break
			}
		}
		if !bytes.Equal(pieces, whole) {
			t.Errorf("part %d in pieces of 7 bytes is another", i)
		}
		if info, err := v.Stat(ctx, part.Key); err != nil || info.Size != part.Size || info.Key != part.Key {
			t.Errorf("stat: %+v, %v", info, err)
		}
	}
	changed := r.Compaction.Sources[0].File
	changed.CRC32C++
	if _, err := day.Part(changed, day.Find(changed.Key)); !errors.Is(err, ikada.ErrCorrupt) {
		t.Errorf("another file under the same key: %v", err)
	}
	if got := gunzip(t, Empty()); got != "" {
		t.Errorf("the empty file holds %q", got)
	}
}

func TestParseKey(t *testing.T) {
	for _, key := range []string{"", "a", "a/dt=2026-11-23/hh=05/", "a/dt=2026-11-31/hh=05/1.json.gz", "a/dt=2026-11-23/hh=24/1.json.gz", "a/_map/2026-11-23/000001.record", "/dt=2026-11-23/hh=05/1.json.gz"} {
		if folder, h, err := ParseKey(key); err == nil {
			t.Errorf("%q: got %q, %d", key, folder, h)
		}
	}
	if folder, h, err := ParseKey("app.access/dt=2026-11-23/000000000012-1.json.gz"); folder != "app.access" || h != hour-5 || err != nil {
		t.Errorf("got %q, %d, %v", folder, h, err)
	}
	if folder, h, err := ParseKey(original(t, 1, "").Key); folder != "app.access" || h != hour || err != nil {
		t.Errorf("got %q, %d, %v", folder, h, err)
	}
}

func FuzzDecode(f *testing.F) {
	t := new(testing.T)
	data, err := compacted(t, mem.New(), 1).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}\n00000000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// What a fuzzer makes has no right checksum: give it one.
		if end := len(data) - sumSize; end > 0 {
			data = fmt.Appendf(data[:end:end], "%08x\n", crc32.Checksum(data[:end], bundle.Castagnoli))
		}
		r, err := Decode(data)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		day := &Day{Folder: r.Type.PathName(), Date: r.Day, Entries: make([]Entry, r.Number%10)}
		if r.Number > 9 {
			return
		}
		for i := range day.Entries {
			day.Entries[i] = Entry{Record: &Record{Expiry: &Expiry{}}, Ended: true}
		}
		day.Entries[r.Number-1] = Entry{Record: r, Ended: true}
		day.fold()
		if r.Compaction != nil {
			for _, s := range r.Compaction.Sources {
				_, _ = day.Part(s.File, day.Find(s.File.Key))
			}
		}
	})
}
