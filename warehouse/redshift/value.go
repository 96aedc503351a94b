package redshift

import (
	"encoding/json"
	"strconv"
	"time"
)

// Object ids of the types whose text is read; others stay text, as dates and times
// without zone, which are no instants.
const (
	oidBool        = 16
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidFloat4      = 700
	oidFloat8      = 701
	oidTimestamptz = 1184
	oidNumeric     = 1700
	oidSuper       = 4000
)

// value reads a value as the database writes it.
func value(oid uint32, text string) (any, error) {
	switch oid {
	case oidBool:
		return text == "t", nil
	case oidInt2, oidInt4, oidInt8:
		return strconv.ParseInt(text, 10, 64)
	case oidFloat4, oidFloat8:
		return strconv.ParseFloat(text, 64) // NaN and Infinity, too
	case oidNumeric:
		return json.Number(text), nil
	case oidTimestamptz:
		return moment(text), nil
	case oidSuper:
		return decodeSuper(text), nil
	}
	return text, nil
}

// moment reads a time; what package time can't hold (BC, infinity) stays text.
func moment(text string) any {
	for _, layout := range []string{"2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00"} { // an offset may have minutes
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return text
}
