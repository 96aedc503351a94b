package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/quarantine"
	"github.com/ikada-io/ikada/replay"
)

// An operator's day: events that drift, come late, or are none; every command
// that tells of them; damage of each sort, found and mended; a new warehouse.
// On both sites the commands are the same, and so is what they tell.
func TestAnOperatorsDay(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *site{"directories and DuckDB": onOneMachine, "S3 and Redshift": inTheCloud} {
		t.Run(name, func(t *testing.T) { operatorsDay(t, open(t)) })
	}
}

func operatorsDay(t *testing.T, s *site) {
	s.run()
	e := &day{site: s}
	past := time.Now().UTC().Truncate(24 * time.Hour).Add(-21 * time.Hour) // yesterday, 03:00
	e.drift(past)
	e.declared()
	e.hard()
	e.late()
	e.bad()
	e.wantAll()
	e.tells()
	e.overHTTP()
	e.putsBack()
	e.holds()

	e.fileDamaged(past)
	e.tableDamaged(past)
	e.loadFails(past)
	e.replays(past)
	e.compacts(past)
	e.withoutServer()
	e.newWarehouse()
}

// drift sends a log type whose fields change in all ways, in an hour of yesterday.
func (e *day) drift(hour time.Time) {
	long := strings.Repeat("long ", 100)
	for round, fields := range []string{
		`"path":"/","status":200,"took":12,"userId":"ann","ip":"10.0.0.1","tags":{"a":1},"always":null`,
		`"path":"/","status":1.5,"took":13,"userId":"bob"`,
		`"path":"/","status":200,"took":"n/a","userId":"bob","extra":true`,
		`"path":{"of":["objects"]},"status":200,"took":14,"userId":"bob"`,
		`"path":"/","status":200,"took":15,"userid":"cid"`,
		`"path":"/` + long + `","status":12345678901234567890,"took":16,"ip":17`,
	} {
		from := len(e.all)
		for i := range 12 {
			e.add("app.access", "app_access", hour.Add(time.Duration(round*12+i)*time.Second), fields)
		}
		if round%2 == 0 {
			e.byHTTP(from)
		} else {
			e.byForward(from)
		}
	}
}

// declared sends a log type that the settings declare, with a value that does
// not fit, and a field that nobody must see.
func (e *day) declared() {
	from := len(e.all)
	for _, status := range []string{`200`, `"late"`} {
		e.add("app.login", "logins", time.Time{}, `"phone":"+81 80 1234","status":`+status).hidden = "phone"
	}
	e.byForward(from)
	rows, err := e.rows("select count(*) as n from logins where phone = '(hidden)'")
	if err != nil || fmt.Sprint(rows[0]["n"]) != "2" {
		e.t.Errorf("masked: %v, %v", rows, err)
	}
	for o, err := range e.archive.List(e.t.Context(), "app.login/", "") {
		if err != nil {
			e.t.Fatal(err)
		}
		if text := e.unzip(o.Key); strings.Contains(text, "1234") || !strings.Contains(text, "(hidden)") {
			e.t.Errorf("%s holds %s", o.Key, text)
		}
	}
}

// hard sends rows that no fast load may take, beside one that it may.
func (e *day) hard() {
	from := len(e.all)
	e.add("app.orders", "app_orders", time.Time{}, `"note":"short","price":5`)
	e.add("app.orders", "app_orders", time.Time{}, `"note":"`+strings.Repeat("x", 70_000)+`","price":6`)
	e.add("app.orders", "app_orders", time.Time{}, `"note":"huge","price":1e400`)
	e.byHTTP(from)
}

// late sends events whose clocks are days off, each way in.
func (e *day) late() {
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, send := range []func(int){e.byHTTP, e.byForward} {
		from := len(e.all)
		for _, off := range []time.Duration{-40 * 24 * time.Hour, -9 * 24 * time.Hour, -3 * time.Hour, 0, 2 * time.Hour, 3 * 24 * time.Hour, 300 * 24 * time.Hour} {
			e.add("app.clock", "app_clock", now.Add(off), `"off":"`+off.String()+`"`)
		}
		e.add("app.clock", "app_clock", now.Add(-5*24*time.Hour).In(time.FixedZone("", 9*3600+1800)), `"off":"offset"`)
		send(from)
	}
	unset := []time.Time{time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC), now.AddDate(20, 0, 0)} // clocks that were never set
	for _, send := range []func(int){e.byHTTP, e.byForward} {
		from := len(e.all)
		for _, at := range unset {
			e.add("app.clock", "app_clock", at, "").at = time.Time{} // a JSON record's time is not taken then
		}
		send(from)
	}
	from := len(e.all)
	for _, at := range unset {
		e.add("app.clock", "app_clock", at, "")
	}
	e.byEntries(from)
	for i := from; i < len(e.all); i++ { // an entry's is, and the archive hour is that of its arrival
		rows, err := e.rows(fmt.Sprintf(`select "_hour" as h from app_clock where seq = %d`, i))
		if err != nil {
			e.t.Fatal(err)
		}
		hour, err := time.Parse(time.RFC3339, fmt.Sprint(rows[0]["h"]))
		if err != nil || time.Since(hour) > 2*time.Hour {
			e.t.Errorf("the archive hour of %s is %v, %v", e.all[i].text, rows[0]["h"], err)
		}
		e.all[i].hour = hour
	}
	for _, day := range []time.Duration{-40, -9, 3, 300} { // each in the archive where it belongs
		hour := now.Add(day * 24 * time.Hour).Format("dt=2006-01-02/hh=15/")
		if n := len(e.files("app.clock/" + hour)); n == 0 {
			e.t.Errorf("the archive has nothing below app.clock/%s", hour)
		}
	}
}

// bad sends what is no event, beside what is one.
func (e *day) bad() {
	from := len(e.all)
	e.add("app.bad", "app_bad", time.Time{}, `"text":"good"`)
	body := e.all[from].text + "\n{\"seq\":-1,\"text\":\"\x83\x65\x83\x58\x83\x67\"}\n{\"seq\":-2,\"text\":\n"
	if code, answer := e.post("app.bad", body, "Authorization", "Bearer "+operatorToken); code != 200 || !strings.Contains(answer, `"quarantined":2`) {
		e.t.Fatal(code, answer)
	}
	e.arrived(from)
	e.eventually("bad records in quarantine", func() error {
		if n := len(asks[api.Quarantined](e.site, "quarantine list --type app.bad").Records); n != 2 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
}

// tells asks for what the log types are like.
func (e *day) tells() {
	e.shows("types", "app.access", "logins", "_quarantine", "last_drift")
	e.shows("types show app.access", "app_access", "drift", `"n/a"`, "1.5", "userid", "always", "inferred")
	e.shows("types show app.login", "logins", "declared")
	e.shows("loads", "app.orders", "hard", "careful", "direct", ".manifest")
	e.shows("loads --failed --type app.access", "error")
	want := map[string]bool{ // field and sort
		"status float": true, "status large_number": true, "took text": true, "path object": true, "extra new": true, "ip number": true, "userid case": true,
	}
	if e.redshift {
		want["path width"] = true
	}
	d := asks[history.Detail](e.site, "types show app.access")
	for _, drift := range d.Drift {
		delete(want, drift.Field+" "+string(drift.Sort))
		if drift.Example == nil || drift.Example.ID == "" || drift.Example.Line == 0 || drift.At.IsZero() {
			e.t.Errorf("drift %+v has no example", drift)
		}
	}
	if len(want) > 0 {
		e.t.Errorf("there is no drift %v: %+v", want, d.Drift)
	}
	for _, one := range asks[history.Types](e.site, "types").Types {
		if one.Type == "app.access" && (one.Rows != 72 || one.RowsToday != 72 || one.Drifts != len(d.Drift)) || one.Type == "app.bad" && one.Quarantined != 2 {
			e.t.Errorf("types tell %+v", one)
		}
	}
	if l := asks[history.Loads](e.site, "loads --type app.access"); len(l.Loads) != 6 || l.Loads[0].Rows != 12 || l.More {
		e.t.Errorf("loads tell %+v", l)
	}
	e.fails("types show nothing", "nothing", "not found")
}

// overHTTP asks for the same as programs do.
func (e *day) overHTTP() {
	for path, want := range map[string]string{
		"/v1/types": `"logins"`, "/v1/types/app.access": `"drift"`, "/v1/loads?type=app.access&limit=2": `"more":true`, "/v1/loads?failed=true": `"failures"`,
		"/v1/audit": `"holds":true`, "/v1/quarantine?type=app.bad": "not UTF-8", "/v1/status": `"name":"load"`, "/metrics": "ikada_stage_quarantined_total",
	} {
		if code, answer := e.ask(path, ""); code != http.StatusUnauthorized || !strings.Contains(answer, "token") {
			e.t.Errorf("%s without a token: %d %s", path, code, answer)
		}
		if code, answer := e.ask(path, operatorToken); code != http.StatusOK || !strings.Contains(answer, want) {
			e.t.Errorf("%s: %d, without %s:\n%.500s", path, code, want, answer)
		}
	}
	if code, page := e.ask("/", ""); code != http.StatusOK || !strings.Contains(page, "<html") {
		e.t.Errorf("the page: %d\n%.300s", code, page)
	}
	for _, path := range []string{"/v1/replay", "/v1/compact", "/v1/quarantine/retry"} {
		if code, answer := e.post("../.."+path, "{}"); code != http.StatusUnauthorized {
			e.t.Errorf("POST %s without a token: %d %s", path, code, answer)
		}
	}
}

// putsBack puts a record of another charset back.
func (e *day) putsBack() {
	out := e.shows("quarantine list --type app.bad", "not UTF-8", "JSON ends in the middle")
	id := strings.Fields(strings.Split(out, "\n")[1])[0]
	for _, r := range asks[api.Quarantined](e.site, "quarantine list --type app.bad").Records {
		if strings.Contains(r.Reason, "UTF-8") {
			id = r.ID
		}
	}
	e.shows("quarantine show "+id, "83 65 83 58", "app.bad", "reason")
	const retry = "quarantine retry --type app.bad --charset shift_jis"
	e.shows(retry+" --dry-run", "1 would be put back, 1 still bad")
	for _, want := range []int64{1, 0} { // repeating it is safe
		if r := asks[quarantine.Result](e.site, retry); r.PutBack != want || r.StillBad != 1 {
			e.t.Errorf("retry tells %+v, want %d put back", r, want)
		}
	}
	e.wantRow(`select count(*) as n from app_bad where seq = -1 and "text" = 'テスト'`, map[string]any{"n": 1})
	e.all = append(e.all, event{logType: "app.bad", table: "app_bad", seq: -1, text: `{"seq":-1,"text":"テスト"}`})
	if back := asks[api.Quarantined](e.site, "quarantine list --all --type app.bad").Records; len(back) != 2 {
		e.t.Errorf("all that was set aside: %+v", back)
	}
}

// holds asserts that nothing lacks, by numbers and by reading everything.
func (e *day) holds() {
	e.t.Helper()
	var r audit.Report
	e.eventually("audit", func() error {
		out, errs, code := e.command("audit", "--deep", "--format", "json")
		if code != 0 {
			return fmt.Errorf("%s%s", out, errs)
		}
		return json.Unmarshal([]byte(out), &r)
	})
	for _, one := range r.Types {
		if one.Type == "app.access.again" { // the table that a replay made
			continue
		}
		if one.Received != one.Archived || one.Archived != one.Loaded || one.Table == nil || one.Table.Rows != one.Loaded || one.Table.Distinct != one.Loaded {
			e.t.Errorf("audit tells %+v", one)
		}
	}
	e.shows("audit", "conservation holds", "app.access")
}

// replays replays what is there: twice is once, and elsewhere as well.
func (e *day) replays(hour time.Time) {
	was := e.dump()
	of := "replay --type app.access --from " + hour.Format(time.DateOnly) + " --to " + hour.AddDate(0, 0, 1).Format(time.DateOnly)
	e.shows(of+" --dry-run", "app_access", "inserted")
	for range 2 {
		if r := asks[replay.Report](e.site, of); r.Inserted != r.Deleted || r.Inserted == 0 || r.Inserted != r.Rows {
			e.t.Errorf("replay tells %+v", r)
		}
	}
	e.wantDump("after replays", was)
	for range 2 {
		e.shows(of+" --into app_access_again", "app_access_again")
	}
	const compare = `select count(*) as n, count(distinct "_id") as ids, sum(seq) as seq from `
	a, err1 := e.rows(compare + "app_access")
	b, err2 := e.rows(compare + "app_access_again")
	if err1 != nil || err2 != nil || fmt.Sprint(a) != fmt.Sprint(b) {
		e.t.Errorf("replayed into another table: %v, want %v: %v, %v", b, a, err1, err2)
	}
	e.holds()
}
