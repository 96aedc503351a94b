package redshift

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Object ids of the types whose text is read; others stay text.
const (
	oidBool        = 16
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidFloat4      = 700
	oidFloat8      = 701
	oidDate        = 1082
	oidTimestamp   = 1114
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
	case oidDate:
		return moment("2006-01-02", text)
	case oidTimestamp:
		return moment("2006-01-02 15:04:05", text)
	case oidTimestamptz:
		return moment("2006-01-02 15:04:05Z07", text)
	case oidSuper:
		return decodeSuper(text), nil
	}
	return text, nil
}

// moment reads a time; what package time can't hold (BC, infinity) stays text.
func moment(layout, text string) (any, error) {
	t, err := time.Parse(layout, text)
	if err != nil && strings.Count(text, ":") == 3 { // an offset with minutes
		t, err = time.Parse("2006-01-02 15:04:05Z07:00", text)
	}
	if err != nil {
		return fmt.Sprint(text), nil
	}
	return t.UTC(), nil
}
