package replay_test

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/replay"
)

// oddTimes are times as senders have them, and the archive hours they belong
// to: their own, but for clocks that can't be right, whose rows go to the hour of
// their arrival.
var oddTimes = []struct{ name, time, hour string }{
	{"now", `"2026-11-20T09:29:59Z"`, "2026-11-20T09"},
	{"three days late", `"2026-11-17T23:59:59.999999999Z"`, "2026-11-17T23"},
	{"a year late", `"2025-11-20T00:00:00Z"`, "2025-11-20T00"},
	{"in the year 2000", `"2000-01-01T00:00:00Z"`, "2000-01-01T00"},
	{"a minute ahead, in the next day", `"2026-11-21T00:00:00Z"`, "2026-11-21T00"},
	{"a year ahead", `"2027-11-21T09:29:59Z"`, "2027-11-21T09"},
	{"more than a year ahead", `"2027-11-21T09:30:01Z"`, "2026-11-20T09"},
	{"in the year 9999", `"9999-12-31T23:59:59Z"`, "2026-11-20T09"},
	{"a clock that was never set", `"1970-01-01T00:00:12Z"`, "2026-11-20T09"},
	{"an offset to the day before", `"2026-11-20T03:00:00+09:00"`, "2026-11-19T18"},
	{"an offset to the day after", `"2026-11-20T20:30:00-0700"`, "2026-11-21T03"},
	{"an offset of half an hour", `"2026-11-20T12:15:00+05:30"`, "2026-11-20T06"},
	{"milliseconds", `1763596800000`, "2025-11-20T00"},
}

func sendOddTimes(w *pipetest.World) {
	for round := range 3 {
		for i, odd := range oddTimes {
			w.Append(of, fmt.Sprintf(`{"time":%s,"case":%d,"round":%d}`, odd.time, i, round))
		}
		w.Route()
	}
}

// TestLateAndEarlyEvents: each lands in its hour, and what goes by hours later
// finds it there.
func TestLateAndEarlyEvents(t *testing.T) {
	w := pipetest.New(t)
	sendOddTimes(w)
	w.Load()
	before := rows(w)
	if len(before) != 3*len(oddTimes) {
		t.Fatalf("%d rows, want %d", len(before), 3*len(oddTimes))
	}
	perHour := map[string]int64{}
	for i, odd := range oddTimes {
		perHour[odd.hour] += 3
		found := 0
		for key := range w.Objects(w.Archive, "app.access/dt="+strings.Replace(odd.hour, "T", "/hh=", 1)+"/") {
			found += strings.Count(text(w, key), fmt.Sprintf(`"case":%d,`, i))
		}
		if found != 3 {
			t.Errorf("%s: %d rows are in the files of %s, want 3", odd.name, found, odd.hour)
		}
	}
	for _, when := range []string{"", "compacted"} {
		if when == "compacted" {
			// Two years later, when the hours of the future are past, too.
			_, err := compact.New(w.View, w.Manifests, w.Warehouse, compact.Options{Now: func() time.Time { return pipetest.Arrival.AddDate(2, 0, 0) }}).
				Once(ctx, "", func(int64) {})
			w.Check(err)
			if n := len(objects(w)); n != len(perHour) {
				t.Errorf("%d files are left, want one for each of %d hours", n, len(perHour))
			}
		}
		for hour, n := range perHour {
			from := at(hour + ":00:00Z")
			report := mustRun(w, replay.Request{Type: of, From: from, To: from.Add(time.Hour)})
			if report.Deleted != n || report.Inserted != n {
				t.Errorf("%s %s: %d rows were deleted, %d inserted; want %d", when, hour, report.Deleted, report.Inserted, n)
			}
		}
		if after := rows(w); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: the table was\n%v, and is\n%v", when, before, after)
		}
	}
}

// A compaction leaves hours alone that are not over.
func TestHoursOfTheFutureAreNotCompacted(t *testing.T) {
	w := pipetest.New(t)
	sendOddTimes(w)
	w.Load()
	compacted(w)
	for key := range w.Objects(w.Archive, "app.access/dt=2027-11-21/") {
		if strings.Contains(key, "/c0") {
			t.Errorf("%s was made", key)
		}
	}
}

// TestMoreHoursThanABundleHas: rows beyond 64 hours of a bundle go to their
// arrival's hour, and say so.
func TestMoreHoursThanABundleHas(t *testing.T) {
	w := pipetest.New(t)
	var records []string
	for i := range 100 {
		records = append(records, fmt.Sprintf(`{"time":%q,"n":%d}`, pipetest.Arrival.Add(-time.Duration(i)*time.Hour).Format(time.RFC3339), i))
	}
	w.Send(of, records...)
	w.Load()
	before := rows(w)
	moved := 0
	for _, row := range before {
		if row["_hour"] != nil {
			moved++
		}
	}
	if moved != 36 {
		t.Errorf("%d rows have an _hour, want 36", moved)
	}
	hour := pipetest.Arrival.Truncate(time.Hour)
	if report := mustRun(w, replay.Request{Type: of, From: hour, To: hour.Add(time.Hour)}); report.Deleted != 37 || report.Inserted != 37 {
		t.Errorf("the hour of arrival: %+v, want 37 rows", report)
	}
	if report := mustRun(w, replay.Request{Type: of, From: hour.AddDate(0, 0, -10), To: hour}); report.Deleted != 63 || report.Inserted != 63 {
		t.Errorf("the hours before: %+v, want 63 rows", report)
	}
	if after := rows(w); !reflect.DeepEqual(after, before) {
		t.Error("the table has changed")
	}
}

// objects are the keys of files that hold rows.
func objects(w *pipetest.World) (keys []string) {
	for key, size := range w.Objects(w.Archive, "") {
		if _, _, err := archive.ParseKey(key); err == nil && size > int64(len(archive.Empty())) {
			keys = append(keys, key)
		}
	}
	return keys
}

func text(w *pipetest.World, key string) string {
	w.T.Helper()
	data, err := w.Archive.Get(ctx, key, 0, -1, nil)
	w.Check(err)
	z, err := gzip.NewReader(bytes.NewReader(data))
	w.Check(err)
	raw, err := io.ReadAll(z)
	w.Check(err)
	return string(raw)
}

// TestPartitionedByDay: the files of such a log type have the rows of a day.
func TestPartitionedByDay(t *testing.T) {
	w := pipetest.New(t)
	w.ByDay = func(ikada.LogType) bool { return true }
	sendOddTimes(w)
	w.Load()
	before := rows(w)
	day := replay.Request{Type: of, From: at("2026-11-20"), To: at("2026-11-21")}
	for _, when := range []string{"", "compacted"} {
		if when == "compacted" {
			compacted(w)
			if n := len(w.Objects(w.Archive, "app.access/_map/2026-11-20/")); n == 0 {
				t.Error("the day was not compacted")
			}
		}
		// Now, two clocks that can't be right and one that was never set, and half an hour's offset.
		if report := mustRun(w, day); report.Deleted != 15 || report.Inserted != 15 || (when == "compacted") != (report.Compacted == 1) {
			t.Errorf("%s: got %+v", when, report)
		}
		if after := rows(w); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: the table was\n%v, and is\n%v", when, before, after)
		}
		part := day
		part.To = at("2026-11-20T12:00:00Z")
		if report, err := run(w, part); err == nil || !strings.Contains(err.Error(), "partitioned by day") {
			t.Errorf("%s, half of it: got %+v, %v", when, report, err)
		}
	}
}
