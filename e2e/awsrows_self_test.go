package e2e

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// The comparison of the rows finds what is wrong with one.
func TestComparisonOfRowsSeesEachDifference(t *testing.T) {
	w := newWorkload(1000)
	i := w.viaPlugins + 1
	for w.events[i].logType != "app.access" {
		i++
	}
	event := w.events[i]
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(event.text), &fields); err != nil {
		t.Fatal(err)
	}
	table := warehouse.Table{Type: ikada.LogType(event.logType), Columns: []warehouse.Column{
		{Field: "path", Name: "path", Type: warehouse.Text}, {Field: "status", Name: "status", Type: warehouse.BigInt},
		{Field: "latency", Name: "latency", Type: warehouse.Double}, {Field: "client", Name: "client", Type: warehouse.JSON},
		{Field: "seq", Name: "seq", Type: warehouse.BigInt}, {Field: "time", Name: "time", Type: warehouse.Text},
		{Field: "absent", Name: "absent", Type: warehouse.Text},
	}}
	right := map[string]any{"_id": "1", "_time": event.at.Truncate(time.Microsecond), "_rest": map[string]any{}, "absent": nil,
		"path": fields["path"], "status": int64(fields["status"].(float64)), "latency": fields["latency"], "client": fields["client"], "seq": int64(i), "time": fields["time"]}
	rest := right["_rest"].(map[string]any)
	for name, value := range fields {
		if _, ok := right[name]; !ok {
			rest[name] = value
		}
	}
	check := func(change func(row, rest map[string]any)) error {
		row, rest := maps.Clone(right), maps.Clone(rest)
		row["_rest"] = rest
		change(row, rest)
		c := comparison{workload: w, table: table, seen: map[int]bool{}, ids: map[string]bool{"taken": true}}
		return c.row(row)
	}
	if err := check(func(_, _ map[string]any) {}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(row, rest map[string]any){
		"another text":            func(row, _ map[string]any) { row["path"] = "/others" },
		"a text that is lost":     func(row, _ map[string]any) { row["path"] = nil },
		"another number":          func(row, _ map[string]any) { row["status"] = row["status"].(int64) + 1 },
		"a number that is cut":    func(row, _ map[string]any) { row["latency"] = float64(int(row["latency"].(float64)*100)) / 100 },
		"another object":          func(row, _ map[string]any) { row["client"] = map[string]any{"os": "BeOS"} },
		"another time":            func(row, _ map[string]any) { row["_time"] = event.at.Add(time.Hour) },
		"no time":                 func(row, _ map[string]any) { row["_time"] = nil },
		"the seq of another":      func(row, _ map[string]any) { row["seq"] = int64(i + 1) },
		"an id that is taken":     func(row, _ map[string]any) { row["_id"] = "taken" },
		"a field that nobody has": func(row, _ map[string]any) { row["absent"] = "here" },
		"a rest that nobody sent": func(_, rest map[string]any) { rest["more"] = 1. },
		"a rest that is changed":  func(_, rest map[string]any) { rest["ip"] = "10.0.0.256" },
		"a rest that is lost":     func(_, rest map[string]any) { delete(rest, "ip") },
		"a double of a key":       func(row, _ map[string]any) { row["_dup"] = []any{} },
	} {
		if err := check(change); err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}
