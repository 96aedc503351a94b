package archive

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
)

const dayForm = "2006-01-02"

// A record is TYPE/_map/DAY/NNNNNN.record. Beside it are .end, once it is done or
// void, and .swept, once nothing is left of the files that it took out.
const (
	mapFolder    = "_map"
	recordSuffix = ".record"
	endSuffix    = ".end"
	sweptSuffix  = ".swept"
	fileSuffix   = ".json.gz"
)

// Folder returns the prefix of the records of a log type's day; folder is the
// type's PathName.
func Folder(folder, day string) string { return folder + "/" + mapFolder + "/" + day + "/" }

// RecordKey returns the key of record n of a day.
func RecordKey(folder, day string, n int) string { return stem(folder, day, n) + recordSuffix }

// EndKey returns the key of a record's end.
func EndKey(folder, day string, n int) string { return stem(folder, day, n) + endSuffix }

// SweptKey returns the key of the mark that nothing is left of a record's old files.
func SweptKey(folder, day string, n int) string { return stem(folder, day, n) + sweptSuffix }

func stem(folder, day string, n int) string { return fmt.Sprintf("%s%06d", Folder(folder, day), n) }

// CompactedKey returns the key of the file that record n makes. hours is 1, or 24
// where the log type is partitioned by day.
func CompactedKey(t ikada.LogType, hour ikada.Hour, hours int, class ikada.Class, n int) string {
	partition := hour.Path()
	if hours == 24 {
		partition, _, _ = strings.Cut(partition, "/")
	}
	suffix := fileSuffix
	if class == ikada.Hard {
		suffix = ".hard" + fileSuffix
	}
	return fmt.Sprintf("%s/%s/c%06d%s", t.PathName(), partition, n, suffix)
}

// partKey names source i of record n, as View knows it.
func partKey(folder, day string, n, i int) string {
	return fmt.Sprintf("%s.%d%s", stem(folder, day, n), i, fileSuffix)
}

// parsePart is the inverse of partKey.
func parsePart(key string) (folder, day string, n, i int, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[1] != mapFolder {
		return "", "", 0, 0, false
	}
	numbers := strings.Split(strings.TrimSuffix(parts[3], fileSuffix), ".")
	if len(numbers) != 2 {
		return "", "", 0, 0, false
	}
	n, err := strconv.Atoi(numbers[0])
	if err != nil {
		return "", "", 0, 0, false
	}
	if i, err = strconv.Atoi(numbers[1]); err != nil || partKey(parts[0], parts[2], n, i) != key {
		return "", "", 0, 0, false
	}
	return parts[0], parts[2], n, i, true
}

// ParseKey returns the folder (a log type's PathName) and the first hour of an
// archive file's key: "app.access/dt=2026-11-23/hh=05/000000000012-1.json.gz", or,
// of a log type that is partitioned by day, without hh=05.
func ParseKey(key string) (folder string, first ikada.Hour, err error) {
	parts := strings.Split(key, "/")
	layout := map[int]string{3: "dt=2006-01-02", 4: "dt=2006-01-02/hh=15"}[len(parts)]
	if layout != "" && parts[0] != "" && strings.HasSuffix(key, fileSuffix) {
		partition := strings.Join(parts[1:len(parts)-1], "/")
		at, err := time.Parse(layout, partition)
		if err == nil && at.Format(layout) == partition {
			return parts[0], ikada.HourOf(at), nil
		}
	}
	return "", 0, fmt.Errorf("archive key %q: want TYPE/dt=YYYY-MM-DD/hh=HH/….json.gz, or without hh=HH", key)
}

// Hours returns how many hours a file covers whose key ParseKey takes: 1, or 24
// of a log type that is partitioned by day.
func Hours(key string) int {
	if strings.Count(key, "/") == 2 {
		return 24
	}
	return 1
}

// DayOf returns the day of an hour, as records have it.
func DayOf(h ikada.Hour) string { return h.Time().Format(dayForm) }

func isDay(s string) bool {
	t, err := time.Parse(dayForm, s)
	return err == nil && t.Format(dayForm) == s
}

// number reads the number of a record from the name of an object beside it.
func number(name string) (n int, suffix string, ok bool) {
	if len(name) < 6 {
		return 0, "", false
	}
	digits, suffix := name[:6], name[6:]
	n, err := strconv.Atoi(digits)
	return n, suffix, err == nil && n > 0
}
