package redshiftstandin

import (
	"math/big"
	"strconv"
	"strings"
)

// decimalValue converts to a DECIMAL, whose further digits are cut off, or
// rounded with ROUNDEC. A number without quotes goes through a double, as the
// guide warns: 20.4 may become 20.39999 (COPY from JSON format).
func (l *loading) decimalValue(t dataType, s string, bare bool) (string, *fieldError) {
	bad := &fieldError{code: loadDecimal, message: "Invalid digit, Value '" + s + "', Type: Decimal"}
	if !anyNumber.MatchString(s) {
		return "", bad
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if n, err := strconv.Atoi(s[i+1:]); err != nil || n > 400 || n < -400 {
			return "", bad
		}
	}
	value, ok := new(big.Rat).SetString(s)
	if !ok {
		return "", bad
	}
	if bare && !wholeNumber.MatchString(s) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return "", bad
		}
		value.SetFloat64(f)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	value.Mul(value, new(big.Rat).SetInt(scale))
	if l.roundDecimal {
		half := big.NewRat(1, 2)
		if value.Sign() < 0 {
			half.Neg(half)
		}
		value.Add(value, half)
	}
	digits := new(big.Int).Quo(value.Num(), value.Denom())
	if most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Length)), nil); new(big.Int).Abs(digits).Cmp(most) >= 0 {
		return "", &fieldError{code: loadRange, message: "Numeric data overflow (result precision)"}
	}
	return new(big.Rat).SetFrac(digits, scale).FloatString(t.Scale), nil
}
