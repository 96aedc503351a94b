package kinesisrecord

import (
	"bytes"
	"crypto/md5"
	"google.golang.org/protobuf/encoding/protowire"
)

// kplMagic begins an aggregate of the Kinesis Producer Library; the MD5 of the
// protobuf message between them ends it. Source: AWS,
// "KPL Aggregated Record Format" (awslabs/amazon-kinesis-producer).
var kplMagic = []byte{0xF3, 0x89, 0x9A, 0xC2}

// deaggregate returns the records of an aggregate. Where the checksum or the
// message is wrong the data is no aggregate: it only begins like one.
func deaggregate(data []byte) (records [][]byte, ok bool) {
	body, ok := bytes.CutPrefix(data, kplMagic)
	if !ok || len(body) < md5.Size {
		return nil, false
	}
	message, sum := body[:len(body)-md5.Size], body[len(body)-md5.Size:]
	if is := md5.Sum(message); !bytes.Equal(is[:], sum) {
		return nil, false
	}
	const recordsField, dataField = 3, 3
	ok = eachBytes(message, recordsField, func(record []byte) bool {
		return eachBytes(record, dataField, func(b []byte) bool {
			records = append(records, b)
			return true
		})
	})
	return records, ok
}

// eachBytes calls f with every value of a field of bytes, and reports whether
// the message could be read.
func eachBytes(message []byte, field protowire.Number, f func([]byte) bool) bool {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return false
		}
		message = message[size:]
		if n == field && kind == protowire.BytesType {
			value, size := protowire.ConsumeBytes(message)
			if size < 0 || !f(value) {
				return false
			}
			message = message[size:]
			continue
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return false
		}
		message = message[size:]
	}
	return true
}
