// Package kinesisrecord reads what producers put on a Kinesis stream and turns
// it into parts of a batch, which package record makes rows of:
//
//   - Ikada's own batches, which keep their dedupe keys (Seal writes them);
//   - JSON events of fluent-plugin-kinesis, of Fluent Bit and of its older Go
//     plugin, one or many in a record, with newlines or without, compressed
//     (gzip, zlib, zstd, snappy) or not, aggregated as the KPL does or not;
//   - CloudWatch Logs subscriptions;
//   - lines of text that are no JSON.
//
// A record is never refused. What cannot be read becomes a part of format
// batch.Bad with the reason and the bytes, and nothing behind it is held up: not
// the next record, and not the next event of the same one.
//
// Foreign producers send no ids: two equal payloads may well be two events, so a
// part's key comes from its place in the stream (source, sequence number, number
// of the part) and never from its content alone. It recognises a record that is
// delivered again. A record that its producer put twice has two sequence
// numbers, and stays twice.
package kinesisrecord

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/stream"
)

// Record is one record of a Kinesis stream.
type Record struct {
	// Source names stream and shard, the same at each delivery:
	// "main/shardId-000000000000". Sequence numbers are unique within it.
	Source         string
	SequenceNumber string
	PartitionKey   string
	Arrival        time.Time // ApproximateArrivalTimestamp
	Data           []byte
}

// Options tune a Decoder. The zero value of each gives its default.
type Options struct {
	// TypeKey is the field that holds an event's log type; "tag". Events without
	// it are of DefaultType; "kinesis".
	TypeKey     string
	DefaultType string
	// TimeKey is the field that holds an event's time; "time". Where it is
	// missing or holds no time, the fields that package record knows are asked.
	TimeKey string
	// MessageKey is the field that a line of text becomes; "message".
	MessageKey string
	// CloudWatchPrefix stands before the log types of CloudWatch Logs, which are
	// made of the log groups; "cloudwatch.".
	CloudWatchPrefix string
	// Snappy says that producers compress with bare snappy blocks, which have no
	// mark of their own. (The framed format is always recognised.)
	Snappy bool
	// MaxInflated bounds the bytes that one record may inflate to; 256 MiB. What
	// goes beyond is quarantined as it came. The decoder takes about twice as
	// much memory for such a record, so a small process wants a smaller limit.
	MaxInflated int64
	// MaxEvents bounds the events of one record; 1,000,000. The rest of the
	// record is quarantined.
	MaxEvents int
}

// maxEvent bounds the bytes of one event, as collect does.
const maxEvent = stream.MaxMessage

// maxWaste bounds what is inflated of a record in vain, in limits: an aggregate
// may hold many bombs.
const maxWaste = 4

// Decoder turns records into parts. It is not safe for concurrent use.
type Decoder struct {
	opts  Options
	timed bool // events are written with the time that was found
	inflater
	parts
	rec    *Record
	notes  notes
	noting visitor // notes.take, made once
	events int
	left   int64 // bytes that the record may still inflate to
	wasted int64 // bytes inflated in vain
	line   []byte
	name   []byte
	body   []byte
	others []byte // the default type
}

// NewDecoder returns a decoder.
func NewDecoder(opts Options) *Decoder {
	opts.TypeKey = cmp.Or(opts.TypeKey, "tag")
	opts.DefaultType = cmp.Or(opts.DefaultType, "kinesis")
	opts.TimeKey = cmp.Or(opts.TimeKey, defaultTimeKey)
	opts.MessageKey = cmp.Or(opts.MessageKey, "message")
	opts.CloudWatchPrefix = cmp.Or(opts.CloudWatchPrefix, "cloudwatch.")
	opts.MaxInflated = cmp.Or(opts.MaxInflated, 256<<20)
	opts.MaxEvents = cmp.Or(opts.MaxEvents, 1_000_000)
	d := &Decoder{opts: opts, timed: opts.TimeKey != defaultTimeKey, others: []byte(opts.DefaultType)}
	d.notes = notes{typeKey: opts.TypeKey}
	if d.timed {
		d.notes.timeKey = opts.TimeKey
	}
	d.noting = d.notes.take
	return d
}

// Decode returns the parts of a record, the same ones each time. They are valid
// until the next call. There is none for a record without anything but white
// space, and for a control message of CloudWatch Logs.
func (d *Decoder) Decode(r *Record) []batch.Part {
	d.rec, d.events, d.left, d.wasted = r, 0, d.opts.MaxInflated, 0
	d.inflater.reset()
	d.parts.reset()
	if body, ok := sealed(r.Data); ok {
		return d.unseal(body)
	}
	if message, ok := aggregated(r.Data); ok {
		d.aggregate(message)
	} else {
		d.payload(r.Data)
	}
	return d.finish()
}

// payload reads what one producer's call put: a record, or one of those that
// the KPL aggregated.
func (d *Decoder) payload(b []byte) {
	before := len(d.memory)
	text, rest, err := d.plain(b, d.left, d.opts.Snappy)
	d.wasted += int64(d.spent)
	if d.wasted > maxWaste*d.opts.MaxInflated {
		d.left = 0
	}
	if err != nil {
		d.next()
		d.bad(b, 0, len(b), err)
		return
	}
	d.left -= int64(len(d.memory) - before)
	d.text(text)
	if len(rest) > 0 {
		d.next()
		d.bad(rest, 0, len(rest), errBehind)
	}
}

// finish returns the parts with their keys.
func (d *Decoder) finish() []batch.Part {
	origin := origin(d.rec)
	id := []byte(d.rec.Source + "/" + d.rec.SequenceNumber)
	format := batch.JSON
	if d.timed {
		format = batch.JSONEntries
	}
	out := d.list(format)
	for i := range out {
		p := &out[i]
		p.Arrival, p.Origin = d.rec.Arrival.UnixNano(), origin
		p.Key = batch.KeyOf(p.Tag, id, p.Payload, i)
	}
	return out
}

// origin says where a record is from, for rows of the quarantine.
func origin(r *Record) string {
	key := strings.ToValidUTF8(r.PartitionKey, "\uFFFD")
	return fmt.Sprintf("kinesis %s %s, partition key %.64s", r.Source, r.SequenceNumber, key)
}
