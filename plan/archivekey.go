package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
)

// archiveSuffix ends the keys of archive files, hardSuffix those of hard rows.
const (
	archiveSuffix = ".json.gz"
	hardSuffix    = ".hard"
)

// ArchiveName is what the key of an archive file says.
type ArchiveName struct {
	Folder string     // a log type's PathName
	Hour   ikada.Hour // the first hour of its partition
	Hours  int        // that the partition covers: 1, or 24 of a log type that is partitioned by day
	Class  ikada.Class
	Plan   uint64
	K      int // the file's number in its plan, from 1
	Amend  int // the amendment that took something from it; 0 without
}

// ArchiveKey returns the key of a plan's k-th archive file, k from 1:
// "app.access/dt=2026-11-23/hh=05/000000000012-1.json.gz", or "….hard.json.gz".
func ArchiveKey(t ikada.LogType, hour ikada.Hour, class ikada.Class, n uint64, k int) string {
	return ArchiveName{Folder: t.PathName(), Hour: hour, Hours: 1, Class: class, Plan: n, K: k}.Key()
}

// DayArchiveKey is ArchiveKey for a log type that is partitioned by day. It has
// no hour: "app.access/dt=2026-11-23/000000000012-1.json.gz".
func DayArchiveKey(t ikada.LogType, day ikada.Hour, class ikada.Class, n uint64, k int) string {
	return ArchiveName{Folder: t.PathName(), Hour: FirstHour(day), Hours: 24, Class: class, Plan: n, K: k}.Key()
}

// FirstHour returns the first hour of an hour's day, in UTC.
func FirstHour(h ikada.Hour) ikada.Hour {
	if of := h % 24; of < 0 {
		return h - of - 24
	} else {
		return h - of
	}
}

// Key is the inverse of ParseArchiveKey.
func (a ArchiveName) Key() string {
	partition := a.Hour.Path()
	if a.Hours == 24 {
		partition, _, _ = strings.Cut(partition, "/")
	}
	suffix := archiveSuffix
	if a.Amend > 0 {
		suffix = ".a" + strconv.Itoa(a.Amend) + suffix
	}
	if a.Class == ikada.Hard {
		suffix = hardSuffix + suffix
	}
	return fmt.Sprintf("%s/%s/%012d-%d%s", a.Folder, partition, a.Plan, a.K, suffix)
}

// ParseArchiveKey returns what the key of an archive file says. It takes those
// keys alone that a plan makes.
func ParseArchiveKey(key string) (ArchiveName, error) {
	a, ok := parseArchiveKey(key)
	if !ok || a.Folder == "" || a.Plan > maxNumber || a.Key() != key {
		return ArchiveName{}, fmt.Errorf("archive key %q: want TYPE/dt=YYYY-MM-DD/hh=HH/N-K.json.gz, or without hh=HH", key)
	}
	return a, nil
}

func parseArchiveKey(key string) (a ArchiveName, ok bool) {
	parts := strings.Split(key, "/")
	layout := "dt=2006-01-02"
	switch len(parts) {
	case 3:
		a.Hours = 24
	case 4:
		a.Hours = 1
		layout += "/hh=15"
	default:
		return a, false
	}
	name := parts[len(parts)-1]
	at, err := time.Parse(layout, strings.Join(parts[1:len(parts)-1], "/"))
	if err != nil {
		return a, false
	}
	a.Folder, a.Hour = parts[0], ikada.HourOf(at)
	name, ok = strings.CutSuffix(name, archiveSuffix)
	if !ok {
		return a, false
	}
	if stem, amend, cut := strings.Cut(name, ".a"); cut {
		if a.Amend, err = strconv.Atoi(amend); err != nil || a.Amend < 1 {
			return a, false
		}
		name = stem
	}
	if stem, hard := strings.CutSuffix(name, hardSuffix); hard {
		name, a.Class = stem, ikada.Hard
	}
	number, k, _ := strings.Cut(name, "-")
	if a.Plan, err = strconv.ParseUint(number, 10, 64); err != nil {
		return a, false
	}
	a.K, err = strconv.Atoi(k)
	return a, err == nil && a.K > 0
}

// amendedKey returns the key of an archive file from which the k-th amendment
// took something.
func amendedKey(key string, k int) string {
	return fmt.Sprintf("%s.a%d%s", strings.TrimSuffix(key, archiveSuffix), k, archiveSuffix)
}
