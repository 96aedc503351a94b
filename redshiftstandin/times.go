package redshiftstandin

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// layoutOf turns a DATEFORMAT or TIMEFORMAT into a layout of package time.
func layoutOf(format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); {
		rest := format[i:]
		found := false
		for _, p := range layoutParts {
			if len(rest) >= len(p[0]) && strings.EqualFold(rest[:len(p[0])], p[0]) {
				b.WriteString(p[1])
				i += len(p[0])
				found = true
				break
			}
		}
		switch {
		case found:
		case strings.IndexByte(" -/:.,T", rest[0]) >= 0:
			b.WriteByte(rest[0])
			i++
		default:
			return "", notImitated("the date or time format %q", format)
		}
	}
	return b.String(), nil
}

var layoutParts = [][2]string{
	{"YYYY", "2006"}, {"MM", "01"}, {"DD", "02"}, {"HH24", "15"}, {"HH12", "03"}, {"HH", "03"}, {"MI", "04"}, {"SS", "05"},
	{"OF", "-07"}, {"AM", "PM"}, {"PM", "PM"},
}

// autoTime is the part of 'auto' that is imitated: ISO 8601 and its like, to
// microseconds. Redshift's 'auto' knows more, but no epoch numbers.
var autoTime = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[T ]+(\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?)?\s*(Z|UTC|[-+]\d{2}(?::?\d{2})?)?$`)

// timestampValue converts to a TIMESTAMP or TIMESTAMPTZ.
func timestampValue(format, s string, zoned bool) (string, *fieldError) {
	bad := &fieldError{code: loadTimestamp, message: "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"}
	var t time.Time
	switch format {
	case "epochsecs", "epochmillisecs":
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || math.Abs(n) > 1e14 {
			return "", bad
		}
		if format == "epochsecs" {
			t = time.UnixMicro(int64(math.Round(n * 1e6))).UTC()
		} else {
			t = time.UnixMicro(int64(math.Round(n * 1e3))).UTC()
		}
	case "auto", "":
		m := autoTime.FindStringSubmatch(s)
		if m == nil || format == "" && m[2] == "" {
			return "", bad
		}
		var ok bool
		if t, ok = parseAuto(m, zoned); !ok {
			return "", bad
		}
	default:
		layout, err := layoutOf(format)
		if err != nil {
			return "", bad
		}
		if t, err = time.Parse(layout, s); err != nil {
			return "", bad
		}
	}
	if y := t.Year(); y < 1 || y > 9999 {
		return "", bad
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999") + map[bool]string{true: "+00"}[zoned], nil
}

// parseAuto reads what autoTime matched. A TIMESTAMP has no zone, and what
// becomes of an offset there is not documented: it is refused, but for UTC.
func parseAuto(m []string, zoned bool) (time.Time, bool) {
	value, layout := m[1], "2006-01-02"
	if m[2] != "" {
		value, layout = value+" "+m[2], layout+" 15:04"
	}
	if m[3] != "" {
		value, layout = value+m[3], layout+":05"
	}
	switch offset := strings.ReplaceAll(m[4], ":", ""); {
	case offset == "" || offset == "Z" || offset == "UTC":
	case !zoned && strings.Trim(offset, "+-0") != "":
		return time.Time{}, false
	case len(offset) == 3:
		value, layout = value+offset+"00", layout+"-0700"
	default:
		value, layout = value+offset, layout+"-0700"
	}
	t, err := time.Parse(layout, value)
	return t, err == nil
}

// dateValue converts to a DATE.
func dateValue(format, s string) (string, *fieldError) {
	layout := "2006-01-02"
	if format == "auto" {
		if m := autoTime.FindStringSubmatch(s); m != nil {
			s = m[1]
		}
	} else if format != "" {
		var err error
		if layout, err = layoutOf(format); err != nil {
			return "", &fieldError{code: loadDate, message: err.Error()}
		}
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return "", &fieldError{code: loadDate, message: "Invalid Date Format - length must be 10 or more"}
	}
	return t.Format("2006-01-02"), nil
}
