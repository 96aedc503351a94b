package e2e

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/gen"
	"github.com/ikada-io/ikada/internal/producers"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

// workload is what is sent to a stream. Event i is always the same, so that its
// row can be told from its number alone.
type workload struct {
	gen *gen.Generator
	// Events from 0 are sent by way of collect, from viaCLI by the command
	// line, from viaPlugins as other producers lay them out, from viaText as
	// lines of text and from viaCloudWatch as a subscription sends them.
	viaCLI, viaPlugins, viaText, viaCloudWatch, end int
	layouts                                         []producers.Layout
	events                                          []sent
}

func newWorkload(events int) *workload {
	w := &workload{
		gen:    gen.New(11, gen.Options{Events: events}),
		viaCLI: events * 65 / 100, viaPlugins: events * 70 / 100, viaText: events, viaCloudWatch: events + events/200, end: events + events/100,
		layouts: producers.Layouts(),
	}
	for i := range w.end {
		w.events = append(w.events, w.event(i))
	}
	return w
}

// layoutEvents is how many events in a row are of one layout.
const layoutEvents = 50

func (w *workload) layout(i int) producers.Layout { return w.layouts[i/layoutEvents%len(w.layouts)] }

// sent is an event as it was sent: its log type, its fields and its time, which
// is zero where it bears none.
type sent struct {
	logType string
	text    string // of the JSON, for a producer to lay out
	at      time.Time
}

// event makes event i.
func (w *workload) event(i int) sent {
	switch {
	case i < w.viaCLI:
		return sent{w.gen.Type(i), w.json(i), entryTime(w.gen.AppendEntry(nil, i))}
	case i < w.viaText:
		layout := producers.PluginTime
		if i >= w.viaPlugins {
			layout = w.layout(i).Time
		}
		return w.injected(i, layout)
	case i < w.viaCloudWatch: // quotes and backslashes stay as they are
		text, _ := json.Marshal(map[string]string{"message": w.line(i)})
		return sent{"kinesis", string(text), time.Time{}}
	}
	at := moment(i).Truncate(time.Millisecond)
	message, _ := json.Marshal(w.json(i))
	event := fmt.Sprintf(`{"id":"%056d","timestamp":%d,"message":%s}`, i, at.UnixMilli(), message)
	return sent{"cloudwatch.aws.lambda.Checkout", event, at}
}

func (w *workload) line(i int) string {
	return fmt.Sprintf(`GET /日本 "quoted" C:\path 200 #%d`, i)
}

func (w *workload) json(i int) string {
	return strings.TrimSuffix(string(w.gen.AppendJSON(nil, i)), "\n")
}

// injected is an event with the tag, and the time if it has none of its own.
func (w *workload) injected(i int, layout string) sent {
	text := strings.TrimSuffix(w.json(i), "}") + `,"tag":"` + w.gen.Type(i) + `"`
	var own struct{ Time *time.Time }
	if err := json.Unmarshal([]byte(text+"}"), &own); err != nil {
		panic(err) // the generator wrote it
	}
	if own.Time != nil {
		return sent{w.gen.Type(i), text + "}", *own.Time}
	}
	written := moment(i).Format(layout)
	at, err := time.Parse(layout, written)
	if err != nil {
		panic(err)
	}
	return sent{w.gen.Type(i), text + `,"time":"` + written + `"}`, at}
}

// moment is when event i happened, if it does not say.
func moment(i int) time.Time {
	return time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC).Add(time.Duration(i) * 100_003_007)
}

// entryTime returns the time of a Forward entry.
func entryTime(entry []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(entry[3:])), int64(binary.BigEndian.Uint32(entry[7:])))
}

// producerRecords lays the events out that producers put themselves.
func (w *workload) producerRecords() (records [][]byte) {
	var texts []string
	for i := w.viaPlugins; i < w.viaText; i++ {
		layout := w.layout(i)
		texts = append(texts, w.events[i].text)
		if !layout.Many || (i+1)%layoutEvents == 0 || i+1 == w.viaText {
			records = append(records, layout.Record(texts))
			texts = nil
		}
	}
	for i := w.viaText; i < w.viaCloudWatch; i++ {
		records = append(records, []byte(w.line(i)))
	}
	for i := w.viaCloudWatch; i < w.end; i += 20 {
		var inner []string
		for k := i; k < min(i+20, w.end); k++ {
			inner = append(inner, w.events[k].text)
		}
		records = append(records, producers.JavaGzip(producers.CloudWatch("DATA_MESSAGE", inner...)))
	}
	return records
}

// wantRows compares every row of every table, value by value, with what was sent.
func (w *workload) wantRows(t *testing.T, wh *redshift.Warehouse) {
	t.Helper()
	want := map[string]int{}
	for _, event := range w.events {
		want[event.logType]++
	}
	tables, err := wh.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != len(want)+1 { // and the quarantine's, in which nothing is
		t.Errorf("%d tables, want %d", len(tables), len(want)+1)
	}
	ids := map[string]bool{}
	for _, table := range tables {
		c := comparison{workload: w, table: table, seen: map[int]bool{}, ids: ids}
		if err := c.compare(t.Context(), wh); err != nil {
			t.Errorf("%s: %v", table.Name, err)
		}
		if n := want[string(table.Type)]; len(c.seen) != n || c.rows != n {
			t.Errorf("%s: %d rows of %d different events, want %d", table.Name, c.rows, len(c.seen), n)
		}
	}
}

// comparison compares a table.
type comparison struct {
	*workload
	table warehouse.Table
	rows  int
	seen  map[int]bool
	ids   map[string]bool // of all tables
}

func (c *comparison) compare(ctx context.Context, wh *redshift.Warehouse) error {
	rows, err := wh.Query(ctx, "SELECT * FROM "+c.table.Name, 0)
	if err != nil {
		return err
	}
	defer rows.Close()
	var wrong []error
	for {
		values, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(wrong...)
		}
		if err != nil {
			return err
		}
		c.rows++
		row := map[string]any{}
		for n, name := range rows.Columns() {
			row[name] = values[n]
		}
		if err := c.row(row); err != nil {
			if wrong = append(wrong, err); len(wrong) == 5 {
				return errors.Join(wrong...)
			}
		}
	}
}

// row compares a row with its event.
func (c *comparison) row(row map[string]any) error {
	i, err := c.number(row)
	if err != nil {
		return fmt.Errorf("row %v: %w", row, err)
	}
	c.seen[i] = true
	id, _ := row["_id"].(string)
	if id == "" || c.ids[id] {
		return fmt.Errorf("event %d: the id %q is not unique", i, id)
	}
	c.ids[id] = true
	if i < 0 || i >= len(c.events) {
		return fmt.Errorf("nobody sent event %d", i)
	}
	event := c.events[i]
	if event.logType != string(c.table.Type) {
		return fmt.Errorf("event %d is of %s", i, event.logType)
	}
	if at, ok := row["_time"].(time.Time); !ok || !event.at.IsZero() && !at.Equal(event.at.Truncate(time.Microsecond)) {
		return fmt.Errorf("event %d: _time is %v, want %v", i, row["_time"], event.at)
	}
	if err := c.fields(event, row); err != nil {
		return fmt.Errorf("event %d: %w", i, err)
	}
	return nil
}

// number returns which event a row is of.
func (c *comparison) number(row map[string]any) (int, error) {
	if seq, ok := row["seq"].(int64); ok {
		return int(seq), nil
	}
	key, _ := row["id"].(string)
	if message, ok := row["message"].(string); ok && key == "" {
		_, key, _ = strings.Cut(message, "#")
	}
	return strconv.Atoi(key)
}

// fromGroup are what CloudWatch Logs says of a whole message.
var fromGroup = map[string]any{"owner": "123456789012", "logGroup": "/aws/lambda/Checkout", "logStream": "2026/11/23/[$LATEST]abc"}

// fields compares the fields of an event. What has no column is in _rest.
func (c *comparison) fields(event sent, row map[string]any) error {
	want := map[string]any{}
	if err := json.Unmarshal([]byte(event.text), &want); err != nil {
		return err
	}
	if strings.HasPrefix(event.logType, "cloudwatch.") {
		for name, value := range fromGroup {
			want[name] = value
		}
	}
	rest, _ := row["_rest"].(map[string]any)
	for _, column := range c.table.Columns {
		got := row[column.Name]
		if kept, ok := rest[column.Field]; ok && got == nil {
			got = kept
		}
		delete(rest, column.Field)
		if !equal(column.Type, got, want[column.Field]) {
			return fmt.Errorf("%s (%s) is %#v, want %#v", column.Field, column.Type, got, want[column.Field])
		}
		delete(want, column.Field)
	}
	for field, value := range want {
		if !equal(warehouse.JSON, rest[field], value) {
			return fmt.Errorf("%s, which has no column, is %#v, want %#v", field, rest[field], value)
		}
		delete(rest, field)
	}
	if len(rest) > 0 || row["_dup"] != nil {
		return fmt.Errorf("nobody sent _rest %v, _dup %v", rest, row["_dup"])
	}
	return nil
}

// equal compares a column's value with a value that was sent. There is no
// telling an absent one from null.
func equal(column warehouse.Type, got, want any) bool {
	if at, ok := got.(time.Time); ok && column == warehouse.Timestamp {
		text, _ := want.(string)
		sent, err := time.Parse(time.RFC3339, text)
		return err == nil && at.Equal(sent)
	}
	switch got := got.(type) {
	case nil, string, bool, float64:
		return got == want
	case int64:
		number, ok := want.(float64)
		return ok && float64(got) == number
	}
	a, err1 := json.Marshal(got)
	b, err2 := json.Marshal(want)
	var x, y any
	if errors.Join(err1, err2, json.Unmarshal(a, &x), json.Unmarshal(b, &y)) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
