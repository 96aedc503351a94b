package lambdas

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

const declaredTypes = `
types:
  app.access:
    table: access_log
    partition: day
    columns: {seq: bigint, shard: text}
    drop: [password]
    hash: [email]
routes:
  - {tag: "type.*", type: app.access}
`

// lookup is an environment of settings, and of the process.
func lookup(settings ...string) Env {
	return func(name string) string {
		for _, s := range slices.Backward(settings) {
			if value, ok := strings.CutPrefix(s, name+"="); ok {
				return value
			}
		}
		return os.Getenv(name)
	}
}

// All three functions take the same object; buffer alone knows the secret.
func TestFunctionsTakeDeclarations(t *testing.T) {
	c := newCloud(t)
	for _, s := range c.env {
		if name, value, _ := strings.Cut(s, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value)
		}
	}
	place := fmt.Sprintf("s3://%s/settings?endpoint=%s&path_style=true&region=%s", c.s3.NewBucket(t), c.s3.Endpoint, c.s3.Region)
	o, err := s3.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := s3.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Put(t.Context(), "ikada.yaml", []byte(declaredTypes)); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(place, "/settings?", "/settings/ikada.yaml?", 1)
	shared := slices.Concat(c.byWire, []string{"IKADA_CONFIG=" + url})
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	b, err := NewBuffer(t.Context(), lookup(append(shared, "IKADA_TYPE_KEY=tag", "IKADA_HASH_SECRET=a secret of the tests")...), log)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRoute(t.Context(), lookup(shared...), log)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoad(t.Context(), lookup(shared...), log)
	if err != nil {
		t.Fatal(err)
	}
	e := records(0, 0, 8)
	for i := range e.Records {
		e.Records[i].Kinesis.Data = fmt.Appendf(nil, `{"tag":"type.%d","shard":"0","seq":%d,"password":"pass-s3cr3t","email":"mail-s3cr3t"}`, i%3, i)
		e.Records[i].Kinesis.ApproximateArrivalTimestamp = events.SecondsEpochTime{Time: time.Now()}
	}
	if err := b.Handle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Handle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Handle(t.Context(), json.RawMessage(`{"source":"aws.scheduler"}`)); err != nil {
		t.Fatal(err)
	}
	for info, err := range c.archive.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if a, err := plan.ParseArchiveKey(info.Key); err != nil || a.Folder != "app.access" || a.Hours != 24 {
			t.Errorf("%s: got %+v, %v, want a day of app.access", info.Key, a, err)
		}
	}
	w, err := redshift.Open(t.Context(), c.archive, c.buffer, c.redshift)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	rows, err := w.Query(t.Context(), "SELECT count(*), min(len(email)), max(len(email)), count(shard) FROM access_log", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	row, err := rows.Next()
	if err != nil || fmt.Sprint(row) != "[9 64 64 9]" {
		t.Errorf("got %v, %v: want 9 rows with hashes of 64 characters", row, err)
	}
	table, err := w.Table(t.Context(), "app.access")
	if err != nil || table.Name != "access_log" || slices.ContainsFunc(table.Columns, func(c warehouse.Column) bool { return c.Field == "password" }) {
		t.Errorf("got %+v, %v, want access_log without a password", table, err)
	}
}

func TestWrongDeclarationsStopAFunction(t *testing.T) {
	for file, want := range map[string]string{
		"types: {a: {tabel: x}}":         "IKADA_CONFIG:1: unknown key types.a.tabel",
		"types: {a: {hash: [x]}}":        "hash.secret",
		"s3://bucket":                    "names no object",
		"s3://bucket/folder/":            "names no object",
		"s3://bucket/ikada.yaml?color=1": "color",
		"forward: {lisen: x}":            "unknown key",
	} {
		if got, err := declared(t.Context(), file, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", file, got, err, want)
		}
	}
	if got, err := declared(t.Context(), "", ""); got != nil || err != nil {
		t.Errorf("nothing declared: got %v, %v", got, err)
	}
	if got, err := declared(t.Context(), "types: {a: {hash: [x]}}", noSecret()); got == nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
