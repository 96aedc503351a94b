package e2e

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/history"
)

// event is one that a site got.
type event struct {
	logType string
	table   string
	seq     int
	text    string    // of the JSON, as it was sent
	at      time.Time // its own time; zero: that of its arrival
	hour    time.Time // of the archive; zero: that of its time
	hidden  string    // the field that is masked
}

// day is a site and all events that it got.
type day struct {
	*site
	all []event
}

// add makes an event; fields are the JSON behind its number and its time.
func (e *day) add(logType, table string, at time.Time, fields string) *event {
	ev := event{logType: logType, table: table, seq: len(e.all), at: at}
	ev.text = fmt.Sprintf(`{"seq":%d`, ev.seq)
	if !at.IsZero() {
		ev.text += `,"time":"` + at.Format(time.RFC3339Nano) + `"`
	}
	if fields != "" {
		ev.text += "," + fields
	}
	ev.text += "}"
	e.all = append(e.all, ev)
	return &e.all[len(e.all)-1]
}

// byHTTP posts the events from one on, of one log type.
func (e *day) byHTTP(from int) {
	e.t.Helper()
	body, logType := e.lines(from)
	if code, answer := e.post(logType, body, "Authorization", "Bearer "+operatorToken); code != 200 {
		e.t.Fatal(code, answer)
	}
	e.arrived(from)
}

// byForward sends them over the Forward protocol, with the times that are in them.
func (e *day) byForward(from int) {
	e.t.Helper()
	body, logType := e.lines(from)
	cmd := exec.Command(ikadaBinary, "send", "--type", logType, "--to", e.forward)
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("send: %v: %s", err, out)
	}
	e.arrived(from)
}

// byEntries does the same with entries that bear these times as their own,
// whatever they are, of events that have nothing but seq and time.
func (e *day) byEntries(from int) {
	e.t.Helper()
	client, err := forwardclient.Dial(e.t.Context(), e.forward, forwardclient.Options{})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, ev := range e.all[from:] {
		var of struct {
			Seq  int
			Time string
		}
		if err := json.Unmarshal([]byte(ev.text), &of); err != nil {
			e.t.Fatal(err)
		}
		entry := binary.BigEndian.AppendUint32([]byte{0x92, 0xd7, 0}, uint32(ev.at.Unix()))
		entry = binary.BigEndian.AppendUint32(entry, uint32(ev.at.Nanosecond()))
		entry = msgp.AppendInt(append(entry, "\x82\xa3seq"...), of.Seq)
		entry = msgp.AppendString(append(entry, "\xa4time"...), of.Time)
		if err := client.Send(e.t.Context(), ev.logType, entry, 1); err != nil {
			e.t.Fatal(err)
		}
	}
	if err := client.Close(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	e.arrived(from)
}

func (e *day) lines(from int) (body, logType string) {
	var b strings.Builder
	for _, ev := range e.all[from:] {
		b.WriteString(ev.text + "\n")
	}
	return b.String(), e.all[from].logType
}

// arrived waits until the last events are in their table.
func (e *day) arrived(from int) {
	e.t.Helper()
	table, want := e.all[from].table, fmt.Sprint(len(e.all)-from)
	e.eventually("rows of "+table, func() error {
		rows, err := e.rows(fmt.Sprintf("select count(*) as n from %s where seq >= %d", table, from))
		if err == nil && fmt.Sprint(rows[0]["n"]) != want {
			err = fmt.Errorf("%v rows, want %s", rows[0]["n"], want)
		}
		return err
	})
}

// wantAll compares every row with what was sent, value by value.
func (e *day) wantAll() {
	e.t.Helper()
	of := map[string][]event{}
	for _, ev := range e.all {
		of[ev.logType] = append(of[ev.logType], ev)
	}
	for logType, sent := range of {
		detail := asks[history.Detail](e.site, "types show "+logType)
		rows, err := e.rows("select * from " + sent[0].table)
		if err != nil {
			e.t.Fatal(err)
		}
		if len(rows) != len(sent) {
			e.t.Errorf("%s: %d rows, want %d", logType, len(rows), len(sent))
		}
		bySeq := map[string]map[string]any{}
		for _, row := range rows {
			bySeq[fmt.Sprint(row["seq"])] = row
		}
		for _, ev := range sent {
			if err := ev.compare(detail.Fields, bySeq[fmt.Sprint(ev.seq)]); err != nil {
				e.t.Errorf("%s: %.300s: %v", logType, ev.text, err)
			}
		}
	}
}

// compare compares an event with its row.
func (ev *event) compare(columns []history.Column, row map[string]any) error {
	if row == nil {
		return errors.New("there is no such row")
	}
	at, err := time.Parse(time.RFC3339, fmt.Sprint(row["_time"]))
	if err != nil || !ev.at.IsZero() && !at.Equal(ev.at) {
		return fmt.Errorf("_time is %v, want %v: %w", row["_time"], ev.at, err)
	}
	if !ev.hour.IsZero() {
		if at, err := time.Parse(time.RFC3339, fmt.Sprint(row["_hour"])); err != nil || !at.Equal(ev.hour) {
			return fmt.Errorf("_hour is %v, want %v", row["_hour"], ev.hour)
		}
	} else if row["_hour"] != nil {
		return fmt.Errorf("_hour is %v", row["_hour"])
	}
	want := map[string]any{}
	d := json.NewDecoder(strings.NewReader(ev.text))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		return err
	}
	if ev.hidden != "" {
		want[ev.hidden] = "(hidden)"
	}
	rest := object(row["_rest"])
	for _, c := range columns {
		got := row[c.Column]
		if kept, ok := rest[c.Field.Field]; ok {
			if got != nil {
				return fmt.Errorf("%s is in its column and in _rest", c.Field.Field)
			}
			got = kept
			delete(rest, c.Field.Field)
		}
		if !same(got, want[c.Field.Field]) {
			return fmt.Errorf("%s (%s) is %.100v, want %.100v", c.Field.Field, c.Type, got, want[c.Field.Field])
		}
		delete(want, c.Field.Field)
	}
	for field, v := range want {
		if !same(rest[field], v) {
			return fmt.Errorf("%s, which has no column, is %.100v, want %.100v", field, rest[field], v)
		}
		delete(rest, field)
	}
	if len(rest) > 0 {
		return fmt.Errorf("nobody sent %v", rest)
	}
	return nil
}

// object returns a JSON column's value, which may be shown as text.
func object(v any) map[string]any {
	if text, ok := v.(string); ok {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var o map[string]any
		if d.Decode(&o) == nil {
			return o
		}
	}
	o, _ := v.(map[string]any)
	return o
}

// same compares a value with what was sent: by its digits, a time by its moment,
// JSON by what it says.
func same(got, want any) bool {
	if reflect.DeepEqual(got, want) {
		return true
	}
	a, ok1 := got.(string)
	b, ok2 := want.(string)
	if ok1 && ok2 {
		x, err1 := time.Parse(time.RFC3339, a)
		y, err2 := time.Parse(time.RFC3339, b)
		return err1 == nil && err2 == nil && x.Equal(y)
	}
	if n, ok := want.(json.Number); ok { // Redshift's SUPER may hold the digits as text
		return fmt.Sprint(got) == n.String()
	}
	if o, ok := want.(map[string]any); ok {
		return reflect.DeepEqual(object(got), o)
	}
	return false
}

// dump is all that the tables of all log types hold.
func (e *day) dump() string {
	e.t.Helper()
	var b strings.Builder
	for _, t := range asks[history.Types](e.site, "types").Types {
		if t.Type == "app.access.again" { // the table that a replay made
			continue
		}
		out, errs, code := e.command("query", "--format", "csv", "--limit", "0", fmt.Sprintf(`select * from "%s" order by _id`, t.Table))
		if code != 0 {
			e.t.Fatal(errs)
		}
		fmt.Fprintf(&b, "%s %s %d rows\n%s", t.Type, t.Table, t.Rows, out)
	}
	return b.String()
}

// wantDump asserts that the tables are as they were.
func (e *day) wantDump(when, want string) {
	e.t.Helper()
	got := e.dump()
	if got == want {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			e.t.Fatalf("%s, line %d of all tables is\n%.500s\nand was\n%.500s", when, i, a[i], b[i])
		}
	}
	e.t.Fatalf("%s the tables have %d lines, and had %d", when, len(a), len(b))
}
