package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/internal/endpoints"
)

func TestTypesAndLoads(t *testing.T) {
	dir, end := startUp(t)
	send := func(lines, rows string) {
		if r := in(t, &app{in: strings.NewReader(lines)}, "send", "--type", "app.drift", "--data", dir); !strings.Contains(r.out, "acknowledged") {
			t.Fatalf("send: got %+v", r)
		}
		until(t, "\n"+rows+"\n", "query", "--data", dir, "--format", "csv", "select count(*) from app_drift")
	}
	send(`{"n":1,"gone":null,"s":"short"}`+"\n"+`{"n":2}`, "2")
	send(`{"n":1.5,"s":"longer"}`+"\n"+`{"n":3,"new":{"k":"v"}}`+"\n"+`{"deep":`+strings.Repeat("[", 1100)+strings.Repeat("]", 1100)+"}\n", "4")
	until(t, "\n1\n", "query", "--data", dir, "--format", "csv", "select count(*) from _quarantine")

	for _, running := range []bool{true, false} {
		if !running {
			end()
			if err := (endpoints.Endpoints{HTTP: "http://127.0.0.1:1"}).Write(dir); err != nil { // as a kill leaves it
				t.Fatal(err)
			}
		}
		var types history.Types
		decode(t, &types, "types", "--data", dir, "--format", "json")
		at := slices.IndexFunc(types.Types, func(one history.Type) bool { return one.Type == "app.drift" })
		if at < 0 || len(types.Types) != 2 {
			t.Fatalf("running %t: got %+v", running, types)
		}
		one := types.Types[at]
		if one.Table != "app_drift" || one.Rows != 4 || one.RowsToday != 4 || one.Columns != 3 || one.Drifts != 2 || one.Quarantined != 1 || one.LastDrift.IsZero() || one.Full {
			t.Errorf("running %t: got %+v", running, one)
		}
		var d history.Detail
		decode(t, &d, "types", "show", "app.drift", "--data", dir, "--format", "json")
		checkDetail(t, &d)
		r := in(t, &app{}, "types", "show", "app.drift", "--data", dir)
		for _, want := range []string{"app.drift  table app_drift  4 rows", "fields without a column", "only nulls so far", "float", "bigint", "1.5"} {
			if r.code != exitOK || !strings.Contains(r.out, want) {
				t.Errorf("running %t: want %q in %s%s", running, want, r.out, r.err)
			}
		}
		var loads history.Loads
		decode(t, &loads, "loads", "--type", "app.drift", "--data", dir, "--format", "json")
		if n := len(loads.Loads); n < 2 || loads.Loads[0].Rest != 1 || loads.Loads[0].Direct || !loads.Loads[n-1].Direct || loads.Loads[0].Rows != 2 {
			t.Errorf("running %t: got %+v", running, loads)
		}
		if r := in(t, &app{}, "loads", "--failed", "--data", dir, "--format", "csv"); r.code != exitOK || r.out != "type,count,first,last,over,error\n" {
			t.Errorf("running %t: got %+v", running, r)
		}
		if r := in(t, &app{}, "loads", "--limit", "1", "--data", dir, "--since", "1h"); r.code != exitOK || strings.Count(r.out, "\n") != 2 || !strings.Contains(r.err, "there are more") {
			t.Errorf("running %t: got %+v", running, r)
		}
		for want, args := range map[string][]string{
			"not found": {"types", "show", "no.such"}, "such as 24h": {"loads", "--since", "soon"}, "want a number": {"loads", "--limit", "0"},
		} {
			if r := in(t, &app{}, append(args, "--data", dir)...); r.code != exitFailure || !strings.Contains(r.err, want) {
				t.Errorf("running %t: %q: got %+v, want %q", running, args, r, want)
			}
		}
	}
}

func decode(t *testing.T, into any, args ...string) {
	t.Helper()
	r := in(t, &app{}, args...)
	if err := json.Unmarshal([]byte(r.out), into); r.code != exitOK || err != nil {
		t.Fatalf("%q: got %+v, %v", args, r, err)
	}
}

func checkDetail(t *testing.T, d *history.Detail) {
	t.Helper()
	if d.Observed.Rows != 4 || d.Observed.Manifests < 2 || len(d.Fields) != 3 || len(d.Without) != 1 || len(d.Drift) != 2 {
		t.Fatalf("got %+v", d)
	}
	n, s := d.Fields[0], d.Fields[1]
	if n.Column != "n" || n.Type != "bigint" || !slices.Equal(n.Kinds, []string{"int", "decimal"}) || n.NullShare != 0 || n.Origin != "inferred" || n.Since.IsZero() ||
		!slices.Equal(n.Samples, []string{"1", "2", "3"}) {
		t.Errorf("got %+v", n)
	}
	if s.Type != "text" || s.NullShare != 0.5 || s.MaxBytes != 6 || len(s.Samples) != 2 {
		t.Errorf("got %+v", s)
	}
	if w := d.Without[0]; w.Field != "gone" || !strings.Contains(w.Why, "only nulls") {
		t.Errorf("got %+v", w)
	}
	for i := range d.Drift {
		if e := d.Drift[i].Example; e == nil || e.ID == "" || e.Value != map[string]string{"n": "1.5", "new": `{"k":"v"}`}[d.Drift[i].Field] {
			t.Errorf("got %+v", d.Drift[i])
		}
	}
}
