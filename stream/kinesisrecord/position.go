package kinesisrecord

import (
	"fmt"
	"strings"

	"github.com/ikada-io/ikada"
)

// positionDigits is the width of a position. Sequence numbers have 56 digits,
// or few at the beginning of some test servers' shards.
const positionDigits = 64

// Position returns a sequence number as a position: with zeros in front, so that
// positions compare as text.
func Position(sequenceNumber string) (ikada.Position, error) {
	n := len(sequenceNumber)
	if n == 0 || n > positionDigits || strings.Trim(sequenceNumber, "0123456789") != "" {
		return "", fmt.Errorf("sequence number %.80q: want 1 to %d digits", sequenceNumber, positionDigits)
	}
	return ikada.Position(strings.Repeat("0", positionDigits-n) + sequenceNumber), nil
}
