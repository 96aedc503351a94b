package kinesisrecord

import (
	"strconv"

	"github.com/ikada-io/ikada"
)

// defaultTimeKey is the field that package record asks for the time itself, so
// that events need no rewriting.
const defaultTimeKey = "time"

// notes are what matters of an event's fields. Where a key occurs twice the last
// value counts, as in its row.
type notes struct {
	typeKey string
	timeKey string // empty: package record finds the time

	logType     []byte
	time        []byte
	rank        uint8  // how good a source the time's field is
	messageType []byte // of CloudWatch Logs
}

// best is the rank of the time key: above those of package record.
const best = 100

func (n *notes) reset() {
	n.logType, n.time, n.messageType, n.rank = nil, nil, nil, 0
}

func (n *notes) take(key, value []byte) {
	switch string(key) {
	case n.typeKey:
		n.logType = value
	case "messageType":
		n.messageType = value
	}
	if n.timeKey == "" {
		return
	}
	rank := uint8(best)
	if string(key) != n.timeKey {
		rank = ikada.TimeRank(string(key))
	}
	if rank >= n.rank && rank > 0 {
		if _, ok := eventTime(value); ok {
			n.time, n.rank = value, rank
		}
	}
}

// appendTime appends the event's time as nanoseconds, or null for the arrival.
func (n *notes) appendTime(dst []byte) []byte {
	ns, ok := eventTime(n.time)
	if !ok {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, ns, 10)
}

// earliest is where a number of nanoseconds cannot be taken for another unit:
// March 1973. An earlier time comes from a clock that was never set.
const earliest = 1e17

// eventTime reads a JSON value as a time.
func eventTime(value []byte) (ns int64, ok bool) {
	ns, ok = ikada.ParseTimeValue(value)
	return ns, ok && ns >= earliest
}
