// Package kinesisrecord reads what log producers put on a Kinesis stream:
// fluent-plugin-kinesis, Fluent Bit and its older Go plugin, the Kinesis
// Producer Library's aggregation, subscriptions of CloudWatch Logs, and
// Ikada's own batches. One record becomes parts of a batch, one a log type.
//
// Nothing a producer sends is an error: what cannot be read becomes a part of
// its own, for the quarantine, with the reason and the bytes. So no record can
// hold up its shard.
package kinesisrecord

import (
	"bytes"
	"cmp"
	"errors"
	"time"

	"github.com/ikada-io/ikada/batch"
)

// Options say how records name their log type and time. The zero value of each
// gives its default.
type Options struct {
	// TypeKey and TimeKey are the top-level fields that bear an event's log
	// type and time; "tag" and "time". They stay in the event.
	TypeKey, TimeKey string
	// DefaultType is the log type of events that bear none; "kinesis".
	DefaultType string
	// Snappy says that the producers compress by snappy (Fluent Bit's
	// compression snappy): nothing in the bytes tells.
	Snappy bool
	// MaxInflated bounds what one record decompresses to; 64 MiB.
	MaxInflated int64
}

// Decoder decodes records. It is not safe for concurrent use.
type Decoder struct {
	opts  Options
	inner inflater
	parts []batch.Part
	size  int             // of the payload at hand
	open  map[partKey]int // index in parts

	lastValue []byte // of the field that names the log type
	lastType  string

	arrival int64
	origin  string
}

// partKey is what the events of one part have in common.
type partKey struct {
	logType string
	timed   bool // entries with a time of their own
}

// New returns a decoder.
func New(opts Options) *Decoder {
	opts.TypeKey = cmp.Or(opts.TypeKey, "tag")
	opts.TimeKey = cmp.Or(opts.TimeKey, "time")
	opts.DefaultType = cmp.Or(opts.DefaultType, "kinesis")
	opts.MaxInflated = cmp.Or(opts.MaxInflated, 64<<20)
	return &Decoder{opts: opts, open: map[partKey]int{}}
}

// Decode reads the data of one record, which came at a time and from somewhere.
// It makes no part of a record without events: an empty one, or a control
// message of CloudWatch Logs. Parts of Ikada's own batches keep their keys; others
// have none: two records with the same bytes may well be two events.
func (d *Decoder) Decode(data []byte, arrival time.Time, origin string) []batch.Part {
	d.parts, d.arrival, d.origin = nil, arrival.UnixNano(), origin
	clear(d.open)
	d.inner.left = d.opts.MaxInflated
	if records, ok := deaggregate(data); ok {
		for _, r := range records {
			d.payload(r)
		}
	} else {
		d.payload(data)
	}
	return d.parts
}

// payload reads a record, or one of an aggregate.
func (d *Decoder) payload(data []byte) {
	plain, err := d.inner.inflate(data, d.opts.Snappy)
	switch {
	case errors.Is(err, errNotCompressed):
		plain = data
	case err != nil:
		d.bad(err.Error(), data)
		return
	}
	if own, ok := bytes.CutPrefix(plain, magic); ok {
		d.own(own)
		return
	}
	if d.cloudWatch(plain) {
		return
	}
	d.size = len(plain)
	d.events(plain)
}

// magic begins Ikada's own records: a batch, plain or compressed with it.
var magic = []byte("\x89IKD")

// AppendOwn appends a batch as a record that Decode knows.
func AppendOwn(dst, batched []byte) []byte { return append(append(dst, magic...), batched...) }

// own takes the parts of a batch as they are.
func (d *Decoder) own(data []byte) {
	before := len(d.parts)
	for p, err := range batch.Parts(data) {
		if err != nil {
			d.parts = d.parts[:before]
			d.bad(err.Error(), data)
			return
		}
		d.parts = append(d.parts, p)
	}
}

// bad makes a part of bytes that are no event.
func (d *Decoder) bad(reason string, raw []byte) {
	d.parts = append(d.parts, batch.Part{
		Tag: d.opts.DefaultType, Format: batch.Bad, Arrival: d.arrival, Origin: d.origin,
		Payload: batch.AppendBad(nil, reason, 1, 1, raw),
	})
}

// event adds an event to the part of its log type. at is its time in
// nanoseconds, 0 if it is to be found in the event.
func (d *Decoder) event(logType string, at int64, text []byte) {
	key := partKey{logType, at != 0}
	i, ok := d.open[key]
	if !ok {
		i = len(d.parts)
		d.open[key] = i
		p := batch.Part{Tag: logType, Format: batch.JSON, Arrival: d.arrival, Origin: d.origin}
		if key.timed {
			p.Format = batch.JSONEntries
		}
		if len(d.parts) == 0 { // mostly the only one
			p.Payload = make([]byte, 0, d.size+d.size/4)
		}
		d.parts = append(d.parts, p)
	}
	d.parts[i].Payload = appendLine(d.parts[i].Payload, at, text)
}
