package kinesisrecord

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The Kinesis Producer Library joins many records in one: four bytes, a message
// in protobuf, and the MD5 of the message. (MD5 is no secret here: it tells an
// aggregate from data that happens to begin alike.)
const (
	aggregateMagic = "\xf3\x89\x9a\xc2"

	aggregateRecords = 3 // AggregatedRecord.records
	recordData       = 3 // Record.data
)

// aggregated returns the message of an aggregated record.
func aggregated(b []byte) ([]byte, bool) {
	if len(b) < len(aggregateMagic)+md5.Size || string(b[:len(aggregateMagic)]) != aggregateMagic {
		return nil, false
	}
	message := b[len(aggregateMagic) : len(b)-md5.Size]
	sum := md5.Sum(message)
	return message, bytes.Equal(sum[:], b[len(b)-md5.Size:])
}

var errNoRecords = errors.New("the KPL aggregate holds no record")

// aggregate reads the records of an aggregate.
func (d *Decoder) aggregate(message []byte) {
	records, rest := 0, message
	err := fields(message, func(number protowire.Number, value []byte, behind int) error {
		if number != aggregateRecords {
			return nil
		}
		var data []byte
		if err := fields(value, func(number protowire.Number, value []byte, _ int) error {
			if number == recordData {
				data = value
			}
			return nil
		}); err != nil {
			return err
		}
		records++
		d.payload(data)
		rest = message[behind:]
		return nil
	})
	if err == nil && records == 0 {
		err, rest = errNoRecords, d.rec.Data
	}
	if err != nil {
		d.next()
		d.bad(rest, 0, len(rest), fmt.Errorf("the KPL aggregate is broken behind %d records: %w", records, err))
	}
}

// fields calls yield with each field of a message that is bytes; behind is the
// offset of what follows it. Others are skipped.
func fields(message []byte, yield func(number protowire.Number, value []byte, behind int) error) error {
	for i := 0; i < len(message); {
		number, kind, n := protowire.ConsumeTag(message[i:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		i += n
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message[i:]); n < 0 {
				return protowire.ParseError(n)
			}
			i += n
			continue
		}
		value, n := protowire.ConsumeBytes(message[i:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		i += n
		if err := yield(number, value, i); err != nil {
			return err
		}
	}
	return nil
}
