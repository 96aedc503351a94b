package redshift

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (-update writes it anew):\ngot\n%s\nwant\n%s", path, got, want)
	}
}

// script writes transactions as text, without what differs from run to run.
func script(transactions [][]statement) string {
	var b strings.Builder
	for _, statements := range transactions {
		for _, s := range statements {
			sql := s.sql
			if s.guard != nil {
				sql = fmt.Sprintf("-- %d = %s\n-- or: %s", s.guard.want, s.guard.query(), s.guard.failing())
			}
			b.WriteString(masked(sql) + ";\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}

var every = []warehouse.Column{
	{Field: "ok", Name: "ok", Type: warehouse.Bool}, {Field: "userId", Name: "userid", Type: warehouse.BigInt},
	{Field: "select", Name: "select_", Type: warehouse.Double}, {Field: "s", Name: "s", Type: warehouse.Text, MaxBytes: 65},
	{Field: "@timestamp", Name: "timestamp_0abc", Type: warehouse.Timestamp}, {Field: "j", Name: "j", Type: warehouse.JSON},
}

func TestGoldenSetup(t *testing.T) {
	golden(t, "setup.sql", script([][]statement{tables{schema: "public", own: "_ikada", k: 2}.setup()}))
}

func TestGoldenExtend(t *testing.T) {
	f := newFake()
	w, _ := openFake(t, f, nil)
	f.scripts = []func([]statement) error{func([]statement) error { f.columns = every; return nil }}
	if err := w.Extend(t.Context(), "app.access", every); err != nil {
		t.Fatal(err)
	}
	f.scripts = []func([]statement) error{func([]statement) error {
		f.columns = append(f.columns, warehouse.Column{Field: `it's a\b`, Name: "it", Type: warehouse.Text, MaxBytes: 64})
		return nil
	}}
	if err := w.Extend(t.Context(), "app.access", []warehouse.Column{{Field: `it's a\b`, Name: "it", Type: warehouse.Text, MaxBytes: 20}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "extend.sql", script(f.ran))
}

func TestGoldenDirectLoad(t *testing.T) {
	f := newFake(every...)
	w, job := openFake(t, f, func(o *Options) { o.Region = "eu-central-1" })
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	text := script(f.ran)
	for info, err := range w.scratch.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := w.scratch.Get(t.Context(), info.Key, 0, -1, nil)
		if err != nil {
			t.Fatal(err)
		}
		text += "-- " + info.Key + "\n" + string(data) + "\n"
	}
	golden(t, "direct.txt", text)
}

func TestGoldenLoadByOwnManifest(t *testing.T) {
	f := newFake(every...)
	w, job := openFake(t, f, func(o *Options) { o.Manifests, o.IAMRole = newS3("manifests"), "default" })
	job.Manifests = job.Manifests[:1]
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	golden(t, "own.sql", script(f.ran))
}

func TestGoldenLoadThatCutsTimes(t *testing.T) {
	f := newFake(every...)
	w, job := openFake(t, f, nil)
	f.scripts = []func([]statement) error{func([]statement) error {
		return &copyError{&warehouse.LoadError{Column: "_time", Reason: "Invalid timestamp format", Err: os.ErrInvalid}}
	}}
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	golden(t, "cut.sql", script(f.ran[1:]))
	if _, err := w.Load(t.Context(), job); err != nil {
		t.Fatal(err)
	}
}

func TestFileListedTwiceIsRefused(t *testing.T) {
	if data, err := manifestFile([]string{"s3://b/1", "s3://b/1"}); err == nil {
		t.Errorf("got %s", data)
	}
}

func TestFieldsThatNoPathTells(t *testing.T) {
	for field, want := range map[string]bool{
		"a": true, "userId": true, "@timestamp": true, "user-agent": true, "": false, "a.b": false, "a b": false, "a'b": false, `a\b`: false, "a]": false, "ünï": false, "*": false,
	} {
		if _, ok := jsonpaths([]warehouse.Column{{Field: field}}); ok != want {
			t.Errorf("%q: got %t, want %t", field, ok, want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"": "''", "a": "'a'", "it's": "'it''s'", `a\'b`: `('a' || chr(92) || '''b')`, "\n": "'\n'", `\`: `('' || chr(92) || '')`,
	} {
		if got := literal(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got := identifier(`a"b`); got != `"a""b"` {
		t.Errorf("got %s", got)
	}
}

func TestWidth(t *testing.T) {
	for longest, want := range map[uint32]uint32{0: 256, 1: 64, 32: 64, 33: 128, 100: 256, 30_000: 65_535, 65_535: 65_535, 1 << 31: 65_535} {
		if got := rules.Width(longest); got != want {
			t.Errorf("%d: got %d, want %d", longest, got, want)
		}
	}
}
