package rows

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ikada-io/ikada/warehouse"
)

// Value converts a JSON value that fits the type: to bool, int64, float64,
// string (text, and JSON as it stands) or time.Time; nil stays nil.
func Value(t warehouse.Type, value []byte) (any, error) {
	if value == nil {
		return nil, nil
	}
	switch t {
	case warehouse.Bool:
		return value[0] == 't', nil
	case warehouse.BigInt:
		return strconv.ParseInt(string(value), 10, 64)
	case warehouse.Double:
		return strconv.ParseFloat(string(value), 64)
	case warehouse.Text:
		text, err := jsontext.AppendUnquote(nil, value)
		return string(text), err
	case warehouse.Timestamp:
		return Time(value)
	case warehouse.JSON:
		return string(value), nil
	}
	return nil, fmt.Errorf("no value for a column of type %d", t)
}

// Time converts quoted RFC 3339 text to a time in UTC, cut to microseconds, as
// warehouses hold it. The archive keeps what is finer.
func Time(value []byte) (time.Time, error) {
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}, err
	}
	t = t.UTC()
	return t.Add(-time.Duration(t.Nanosecond() % 1000)), nil
}

// System returns the row's values for the system columns, in the order of
// warehouse.SystemColumns.
func (r *Row) System() ([5]any, error) {
	var out [5]any
	for i, value := range [...][]byte{r.ID, r.Time, r.Hour, r.Dup, r.Rest} {
		v, err := Value(warehouse.SystemColumns[i].Type, value)
		if err != nil {
			return out, fmt.Errorf("%s: %w", warehouse.SystemColumns[i].Name, err)
		}
		out[i] = v
	}
	return out, nil
}
