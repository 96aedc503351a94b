package duckdb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// plain converts a value of the driver to one that warehouse.Rows may return.
// A number that int64 and float64 may not hold becomes a json.Number, and
// bytes become base64.
func plain(v any, isJSON bool) any {
	switch v := v.(type) {
	case nil, bool, int64, float64:
		return v
	case string:
		if isJSON {
			return decode(v)
		}
		return v
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return json.Number(strconv.FormatUint(v, 10))
	case *big.Int:
		return json.Number(v.String())
	case duckdb.Decimal:
		return json.Number(v.String())
	case float32:
		return float64(v)
	case time.Time:
		return v.UTC()
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	}
	return fmt.Sprint(v)
}

// decode reads JSON text; numbers keep their digits.
func decode(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text // such as a NaN, which DuckDB writes but JSON does not have
	}
	return v
}
