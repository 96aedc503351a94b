package kinesisrecord

import (
	"bytes"
	"errors"
	"strings"
)

var errLogEvent = errors.New("the log event of CloudWatch Logs is no object")

// cloudWatch reads a message of a CloudWatch Logs subscription, if the object is
// one: each log event becomes an event with the log group, the log stream and
// the owner beside its own fields. What tells of the delivery and not of the
// events (the message's type and the names of its filters) is dropped, and
// control messages are dropped whole.
func (d *Decoder) cloudWatch(message []byte) bool {
	var kind, logs []byte
	group := ""
	around := d.line[:0] // the fields that all events get, each behind a comma
	if _, err := object(message, 0, func(key, value []byte) {
		switch string(key) {
		case "messageType":
			kind = value
			return
		case "logEvents":
			logs = value
			return
		case "subscriptionFilters", "policyLevel":
			return
		case "logGroup":
			group = string(bytes.Trim(value, `"`))
		}
		around = append(append(append(around, ',', '"'), key...), '"', ':')
		around = append(around, value...)
	}); err != nil {
		return false
	}
	d.line = around
	if len(logs) == 0 || logs[0] != '[' {
		return false
	}
	if string(kind) == `"CONTROL_MESSAGE"` {
		return true
	}
	count := 0
	if err := array(logs, 0, func([]byte) { count++ }); err != nil || string(kind) != `"DATA_MESSAGE"` {
		return false
	}
	if count == 0 || count > d.opts.MaxEvents-d.events || int64(count)*int64(len(around)) > d.opts.MaxInflated {
		return false // nothing that CloudWatch Logs sends: an event like others
	}
	unbreak(around)
	tag := d.cloudWatchType(group)
	_ = array(logs, 0, func(event []byte) { d.logEvent(tag, event, around) }) // read once before
	return true
}

// cloudWatchType returns a log group's log type: the name without slashes in
// front, and with dots for the others. Groups that differ in nothing else share
// a type; their rows hold the whole name.
func (d *Decoder) cloudWatchType(group string) []byte {
	name := strings.ReplaceAll(strings.Trim(group, "/"), "/", ".")
	if name == "" {
		return d.others
	}
	return []byte(d.opts.CloudWatchPrefix + name)
}

// logEvent adds one event with the fields around it.
func (d *Decoder) logEvent(tag, event, around []byte) {
	d.notes.reset()
	end := 0
	if event[0] == '{' {
		end, _ = object(event, 0, d.noting)
	}
	if end != len(event) {
		d.next()
		d.bad(event, 0, len(event), errLogEvent)
		d.next()
		return
	}
	// The fields go behind the event's own, whose order a table keeps.
	body := append(d.body[:0], event[:end-1]...)
	unbreak(body)
	if len(bytes.TrimSpace(body)) == 1 { // no field of its own
		around = bytes.TrimPrefix(around, []byte{','})
	}
	d.body = append(append(body, around...), '}')
	d.add(tag, d.body)
}
