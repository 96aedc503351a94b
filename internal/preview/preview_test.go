package preview

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/declare"
	"github.com/ikada-io/ikada/warehouse"
)

var now = time.Date(2026, 11, 23, 5, 30, 0, 0, time.UTC)

func TestReport(t *testing.T) {
	at, err := declare.NewTime("ts", "unix")
	if err != nil {
		t.Fatal(err)
	}
	set, problems := declare.New([]declare.Type{{
		Name: "app.access", Table: "access_log", ByDay: true, Time: at,
		Columns: []declare.Column{{Field: "status", Type: warehouse.BigInt}, {Field: "userId", Name: "user_name"}},
		Guards: []declare.Guard{{Path: "password", Do: declare.Drop}, {Path: "user.email", Do: declare.HashValue},
			{Path: "card", Do: declare.MaskValue, Mask: declare.Mask{Text: "***"}}},
	}}, []declare.Route{{Tag: "web.**", Field: "kind", Value: "access", Type: "app.access"}}, []byte("a key of the tests"))
	if problems != nil {
		t.Fatal(problems)
	}
	report, err := Read(strings.NewReader(`{"tag":"web.x","kind":"access","ts":1763870000,"status":"none","userId":"u","password":"p","user":[{"email":"e"}],"card":7}

{"tag":"web.x","kind":"other","n":null,"time":"2026-11-23T01:00:00Z"}
{"tag":"other","n":1.5}
{"tag":"app.access","bad":"`+"\xff"+`"}
`), "", set, now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range report.Events {
		report.Events[i].Row = nil
	}
	events := []Event{
		{Line: 1, Tag: "web.x", Type: "app.access", Table: "access_log", Time: "2025-11-23T03:53:20Z", TimeFrom: "field ts",
			Dropped: []string{"password"}, Hashed: []string{"user.email"}, Masked: []string{"card"}, Rest: []string{"status"}},
		{Line: 3, Tag: "web.x", Type: "web.x", Table: "web_x", Time: "2026-11-23T01:00:00Z", TimeFrom: "event"},
		{Line: 4, Tag: "other", Type: "other", Table: "other", Time: "2026-11-23T05:30:00Z", TimeFrom: "arrival"},
		{Line: 5, Tag: "app.access", Type: ikada.Quarantine, Table: "_quarantine", Time: "2026-11-23T05:30:00Z", TimeFrom: "arrival",
			Reason: `field "bad": the text is not UTF-8`, Withheld: true},
	}
	if !reflect.DeepEqual(report.Events, events) {
		t.Errorf("got\n%+v\nwant\n%+v", report.Events, events)
	}
	columns := []Column{
		{"status", "status", "bigint", true, ""}, {"tag_", "tag", "text", false, ""}, {"kind", "kind", "text", false, ""}, {"ts", "ts", "bigint", false, ""},
		{"user_name", "userId", "text", true, ""}, {"user_", "user", "json", false, ""}, {"card", "card", "text", false, "mask"},
	}
	if got := report.Types[0]; got.Type != "app.access" || got.Partition != "day" || got.Events != 1 || !reflect.DeepEqual(got.Columns, columns) {
		t.Errorf("got %+v, want columns %v", got, columns)
	}
	if len(report.Types) != 3 || report.Types[1].Type != "other" || report.Types[1].Partition != "hour" || len(report.Types[2].Columns) != 4-1 {
		t.Errorf("got %+v", report.Types)
	}
	if _, err := json.Marshal(report); err != nil {
		t.Error(err)
	}
}

func TestEventsNeedATag(t *testing.T) {
	if _, err := Read(strings.NewReader("{}\n"), "", nil, now); !errors.Is(err, ErrNoTag) {
		t.Errorf("got %v, want ErrNoTag", err)
	}
	report, err := Read(strings.NewReader("{\"tag\":\"x\"}\n{\n"), "app", nil, now)
	if err != nil || report.Events[0].Type != "app" || report.Events[1].Type != ikada.Quarantine {
		t.Errorf("got %+v, %v", report, err)
	}
}
