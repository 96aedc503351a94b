package declare

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
)

// Time says where a record's event time is.
type Time struct {
	Path   string // of the field
	Format string // as it was declared
	scale  int64  // nanoseconds of a unit, for numbers
	read   func(text []byte) (int64, bool)
}

// TimeFormats is what ParseTimeFormat accepts, in words.
const TimeFormats = "auto, unix, unix_ms, unix_us, unix_ns, rfc3339, or a layout of %Y %y %m %d %e %j %b %B %a %A %H %I %p %M %S %f %z %T %F %D %R and %% such as %d/%b/%Y:%H:%M:%S %z"

// NewTime reads a declared time.
func NewTime(path, format string) (*Time, error) {
	t := &Time{Path: path, Format: format}
	switch format {
	case "", "auto":
		t.Format, t.read = "auto", ikada.ParseTime
	case "rfc3339":
		t.read = func(text []byte) (int64, bool) {
			ns, _, ok := ikada.ParseTimestamp(text)
			return ns, ok
		}
	case "unix":
		t.scale = 1e9
	case "unix_ms":
		t.scale = 1e6
	case "unix_us":
		t.scale = 1e3
	case "unix_ns":
		t.scale = 1
	default:
		layouts, err := goLayouts(format)
		if err != nil {
			return nil, err
		}
		t.read = func(text []byte) (int64, bool) { return parseLayouts(layouts, text) }
	}
	if t.scale > 0 {
		t.read = t.epoch
	}
	return t, nil
}

// Read turns a value's text, without quotes, into nanoseconds since the Unix
// epoch.
func (t *Time) Read(text []byte) (ns int64, ok bool) { return t.read(bytes.TrimSpace(text)) }

// epoch reads a count of units since 1970, whole or with a fraction.
func (t *Time) epoch(text []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		if limit := ikada.MaxSeconds * (1e9 / t.scale); n > limit || n < -limit {
			return 0, false
		}
		return n * t.scale, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if seconds := f / float64(1e9/t.scale); err == nil && seconds >= 0 && seconds < ikada.MaxSeconds {
		return ikada.FloatSeconds(seconds), true
	}
	return 0, false
}

// directives are those of strptime, in Go's words.
var directives = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'j': "002", 'b': "Jan", 'h': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05", 'z': "Z0700",
	'T': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", 'R': "15:04", '%': "%",
}

// goLayouts turns a layout of strptime into those of package time: two, where
// an offset may have a colon.
func goLayouts(format string) ([]string, error) {
	var b strings.Builder
	date := false
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' {
			// What package time would take for a part of a time may not stand there.
			if c >= '0' && c <= '9' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' && c != 'Z' {
				return nil, fmt.Errorf("%q has %q outside of a directive", format, c)
			}
			b.WriteByte(c)
			continue
		}
		if i++; i == len(format) {
			return nil, fmt.Errorf("%q ends with a single %%", format)
		}
		if format[i] == 'f' { // package time takes a fraction behind the seconds by itself
			before := strings.TrimRight(b.String(), ".,")
			if len(before) == b.Len() || !strings.HasSuffix(before, "05") {
				return nil, fmt.Errorf("%q has %%f elsewhere than behind seconds and a point", format)
			}
			b.Reset()
			b.WriteString(before)
			continue
		}
		part, ok := directives[format[i]]
		if !ok {
			return nil, fmt.Errorf("%q has %%%c, which is no directive", format, format[i])
		}
		date = date || strings.IndexByte("YyFD", format[i]) >= 0
		b.WriteString(part)
	}
	if !date {
		return nil, errors.New(strconv.Quote(format) + " has no year, so it tells no date")
	}
	layouts := []string{b.String()}
	if with := strings.ReplaceAll(layouts[0], "Z0700", "Z07:00"); with != layouts[0] {
		layouts = append(layouts, with)
	}
	return layouts, nil
}

// longestTime bounds the texts that are tried: no time is longer.
const longestTime = 64

func parseLayouts(layouts []string, text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > longestTime {
		return 0, false
	}
	for _, layout := range layouts {
		at, err := time.Parse(layout, string(text))
		if err == nil && at.Year() > 1678 && at.Year() < 2262 {
			return at.UnixNano(), true
		}
	}
	return 0, false
}
