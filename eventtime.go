package ikada

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// TimeRank tells how good a source of the event time a field of a JSON record
// is: the higher the better, 0 for none.
func TimeRank(name string) uint8 {
	switch strings.ToLower(name) {
	case "time":
		return 3
	case "timestamp":
		return 2
	case "@timestamp":
		return 1
	}
	return 0
}

// FieldTime is the event time that a JSON record tells by its own fields, whoever
// reads it. The zero value is one of no field.
type FieldTime struct {
	ns   int64
	rank uint8
}

// Betters reports whether a field of this rank would be a better source.
func (f *FieldTime) Betters(rank uint8) bool { return rank > f.rank }

// Note takes the value of a better source, as JSON text, if it is a time.
func (f *FieldTime) Note(rank uint8, value []byte) {
	if ns, ok := ParseTimeValue(value); ok {
		f.ns, f.rank = ns, rank
	}
}

// At returns the time of an event that arrived at a time: false if no field tells
// it, or the best one that does is not plausible.
func (f *FieldTime) At(arrival int64) (ns int64, ok bool) {
	return f.ns, f.rank > 0 && PlausibleTime(f.ns, arrival)
}

// Event times outside of these bounds come from a clock that was never set or
// from a wrong unit. Such records go to their arrival hour.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

const newest = int64(366 * 24 * time.Hour) // beyond the arrival

// PlausibleTime reports whether an event that arrived then may be of this time.
func PlausibleTime(t, arrival int64) bool { return t >= oldest && t-arrival <= newest }

// ParseTimeValue reads a JSON text or number as a time: see ParseTime and ParseEpoch.
func ParseTimeValue(value []byte) (ns int64, ok bool) {
	switch {
	case len(value) > 2 && value[0] == '"':
		return ParseTime(value[1 : len(value)-1])
	case len(value) > 0 && (value[0] == '-' || value[0]-'0' <= 9): // of another value it would make an error, which costs
		return ParseEpoch(value)
	}
	return 0, false
}

// MaxSeconds is the greatest time whose nanoseconds fit 64 bits: the year 2262.
const MaxSeconds = math.MaxInt64 / 1_000_000_000

// ParseEpoch turns a number of seconds, or of milli-, micro- or nanoseconds as
// its size tells, into nanoseconds since the Unix epoch.
func ParseEpoch(text []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		switch {
		case n < 0, n > MaxSeconds && n < 1e11:
			return 0, false
		case n <= MaxSeconds:
			return n * 1e9, true
		case n < 1e14:
			return n * 1e6, true
		case n < 1e17:
			return n * 1e3, true
		}
		return n, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < 0 || f >= MaxSeconds {
		return 0, false
	}
	return FloatSeconds(f), true
}

// FloatSeconds turns seconds since the Unix epoch into nanoseconds.
func FloatSeconds(f float64) int64 {
	sec, frac := math.Modf(f)
	return int64(sec)*1e9 + int64(frac*1e6)*1e3 // a double tells microseconds at best
}

// ParseTimestamp reads an RFC 3339 date and time and returns nanoseconds since
// the Unix epoch and the number of fractional digits (at most 9).
func ParseTimestamp(s []byte) (ns int64, digits int, ok bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, 0, false
	}
	year, month, day := number(s[0:4]), number(s[5:7]), number(s[8:10])
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	if year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, 0, false
	}
	s = s[19:]
	fraction := 0
	if s[0] == '.' {
		digits = countDigits(s[1:])
		if digits == 0 || digits > 9 {
			return 0, 0, false
		}
		fraction = number(s[1 : 1+digits])
		for range 9 - digits {
			fraction *= 10
		}
		s = s[1+digits:]
	}
	offset, ok := parseOffset(s)
	if !ok {
		return 0, 0, false
	}
	sec := int64(daysSinceEpoch(year, month, day))*86400 + int64(hour*3600+minute*60+second-offset)
	if year < 1678 || year > 2261 { // beyond nanoseconds in 64 bits
		return math.MinInt64, digits, true
	}
	return sec*1e9 + int64(fraction), digits, true
}

// ParseTime reads a time as senders of logs write it: RFC 3339; the same with a
// space for the T or before the offset, with an offset without its colon
// (Fluentd's %z) or without any, which is UTC; or a number, as ParseEpoch.
func ParseTime(s []byte) (ns int64, ok bool) {
	if ns, _, ok = ParseTimestamp(s); ok {
		return ns, true
	}
	if n := countDigits(s); n > 0 && (n == len(s) || s[n] == '.' && n+1+countDigits(s[n+1:]) == len(s)) {
		return ParseEpoch(s)
	}
	const date = len("2006-01-02T15:04:05")
	if len(s) < date || len(s) > 40 || s[10] != 'T' && s[10] != ' ' {
		return 0, false
	}
	offset := date
	if offset < len(s) && s[offset] == '.' {
		offset += 1 + countDigits(s[offset+1:])
	}
	var b [48]byte
	full := append(b[:0], s[:offset]...)
	full[10] = 'T'
	switch zone := bytes.TrimPrefix(s[offset:], []byte{' '}); {
	case len(zone) == 0 || string(zone) == "UTC":
		full = append(full, 'Z')
	case len(zone) == len("+0900"):
		full = append(append(append(full, zone[:3]...), ':'), zone[3:]...)
	default:
		full = append(full, zone...)
	}
	ns, _, ok = ParseTimestamp(full)
	return ns, ok
}

// parseOffset reads "Z" or "±HH:MM" and returns seconds east of UTC.
func parseOffset(s []byte) (int, bool) {
	if len(s) == 1 && s[0] == 'Z' {
		return 0, true
	}
	if len(s) != 6 || s[3] != ':' || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, m := number(s[1:3]), number(s[4:6])
	if h < 0 || h > 15 || m < 0 || m > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -(h*3600 + m*60), true
	}
	return h*3600 + m*60, true
}

// number reads decimal digits, or returns -1.
func number(s []byte) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch counts days from 1970-01-01 in the proleptic Gregorian
// calendar, by counting years from March so that leap days come last.
func daysSinceEpoch(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yearOfEra := year % 400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// countDigits counts the digits that s begins with.
func countDigits(s []byte) int {
	for i, c := range s {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(s)
}
