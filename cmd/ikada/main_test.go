package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
)

// result is what a command line gave.
type result struct {
	code     int
	out, err string
}

// run runs a command line without an environment, in an empty directory.
func run(t *testing.T, a *app, args ...string) result {
	t.Helper()
	t.Chdir(t.TempDir())
	return in(t, a, args...)
}

// in runs a command line where the test is.
func in(t *testing.T, a *app, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	a.out, a.err = &out, &errs
	if a.in == nil {
		a.in = strings.NewReader("")
	}
	code := a.run(t.Context(), args)
	return result{code, out.String(), errs.String()}
}

func TestEveryCommandHasHelpAndAnExample(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || !strings.Contains(cmd.Example, "ikada") {
			t.Errorf("%s lacks help or an example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
}

func TestWrongUsageEndsWithTwo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nope"}, "unknown command"},
		{[]string{"versio"}, `unknown command "versio" for "ikada" (did you mean version?): see`},
		{[]string{"help", "nope"}, `unknown command "nope" for "ikada"`},
		{[]string{"help", "quarantine", "nope"}, `unknown command "nope" for "ikada quarantine"`},
		{[]string{"quarantine", "lst"}, `unknown command "lst" for "ikada quarantine" (did you mean list?)`},
		{[]string{"types", "foo"}, `unknown command "foo" for "ikada types"`},
		{[]string{"query"}, "query wants one SQL statement in quotes"},
		{[]string{"query", " "}, "the statement is empty"},
		{[]string{"query", "--format", "xml", "select 1"}, `--format "xml" is unknown: want table, json or csv`},
		{[]string{"query", "--limit", "-1", "select 1"}, "--limit -1: want 1 or more"},
		{[]string{"query", "--nope", "select 1"}, "unknown flag: --nope"},
		{[]string{"query", "--url", "ftp://x", "select 1"}, "want http://HOST:PORT"},
		{[]string{"status", "--format", "csv"}, "want table or json"},
		{[]string{"route", "--url", "http://127.0.0.1:1"}, "go with --explain N"},
		{[]string{"route", "--once", "--explain", "1"}, "want --once or --explain, not both"},
		{[]string{"route", "--explain", "-1"}, `--explain "-1": want a whole number, 0 or more`},
		{[]string{"query", "--limit", "x", "select 1"}, `--limit "x": want a whole number: see`},
		{[]string{"demo", "--duration", "long"}, `--duration "long": want a duration, such as 30s`},
		{[]string{"send"}, "--type is missing"},
		{[]string{"demo", "--rate", "0"}, "--rate"},
		{[]string{"version", "x"}, "unknown command"},
		{[]string{"tail"}, "tail wants one log type"},
	} {
		r := run(t, &app{}, c.args...)
		if r.code != exitUsage || !strings.Contains(r.err, c.want) || !strings.Contains(r.err, "--help") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%q: got %d %q, want 2 and %q", c.args, r.code, r.err, c.want)
		}
	}
}

func TestFailuresEndWithOneAndSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"query", "select 1"}, "start one with `ikada up --data ./data`"},
		{[]string{"status", "--data", "x"}, "no Ikada runs with this data directory (x/endpoints.json is not there)"},
		{[]string{"tail", "a", "--url", "127.0.0.1:1"}, "is it running there?"},
		{[]string{"send", "--type", "a", "--to", "127.0.0.1:1"}, "is Ikada (`ikada up`) running there?"},
		{[]string{"send", "--type", "a", "--data", "x"}, "no Ikada runs"},
		{[]string{"check", "--config", "none.yaml"}, "none.yaml"},
		{[]string{"load", "--once", "--data", "x", "--warehouse-kind", "none"}, "warehouse.kind is none: there is nothing to load into"},
		{[]string{"check", "--buckets", "s3://x/y"}, `buckets: bucket "x": want 3 to 63`},
		{[]string{"check", "--load-age", "soon"}, `flag --load-age: "soon" is no duration: want`},
	} {
		r := run(t, &app{}, c.args...)
		if r.code != exitFailure || !strings.HasPrefix(r.err, "ikada: ") || !strings.Contains(r.err, c.want) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%q: got %d %q, want 1 and %q", c.args, r.code, r.err, c.want)
		}
	}
}

func TestSeveralErrorsAreALineEach(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(config.DefaultFile, []byte("lod:\n  age: 5s\nload:\n  age: soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := in(t, &app{}, "check")
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	if r.code != exitFailure || len(lines) != 2 || !strings.HasPrefix(lines[0], "ikada: ikada.yaml:1: ") || !strings.HasPrefix(lines[1], "ikada: ikada.yaml:4: ") {
		t.Errorf("got %+v", r)
	}
}

func TestUpSaysWhatToDoAboutATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := run(t, &app{open: openPipeline}, "up", "--http", "off", "--forward", taken.Addr().String())
	if r.code != exitFailure || !strings.Contains(r.err, taken.Addr().String()) || !strings.Contains(r.err, "listen elsewhere with --forward or --http") {
		t.Errorf("got %+v", r)
	}
}

func TestSuggestionsNameTheProgramAsItWasCalled(t *testing.T) {
	for arg0, want := range map[string]string{"bin/ikada": "bin/ikada", "./ikada": "./ikada", "ikada": "ikada"} {
		var out bytes.Buffer
		printUp(&out, called(arg0), endpoints.Endpoints{HTTP: "http://h:1"}, &config.Config{Data: "d"})
		if !strings.Contains(out.String(), "\n  "+want+" query --data d 'select") {
			t.Errorf("%s: got\n%s", arg0, out.String())
		}
	}
}

func TestUpSuggestsNoQueryWithoutAWarehouse(t *testing.T) {
	var out bytes.Buffer
	printUp(&out, "ikada", endpoints.Endpoints{HTTP: "http://h:1"}, &config.Config{Data: "d", Warehouse: config.Warehouse{Kind: "none"}})
	if strings.Contains(out.String(), "quer") || !strings.Contains(out.String(), "\n  ikada status --data d\n") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestVersionAndHelp(t *testing.T) {
	if r := run(t, &app{}, "version"); r.code != exitOK || !strings.HasPrefix(r.out, "ikada ") {
		t.Errorf("got %+v", r)
	}
	r := run(t, &app{}, "up", "--help")
	if r.code != exitOK {
		t.Errorf("got %+v", r)
	}
	for _, s := range config.Settings() {
		if !strings.Contains(r.out, "--"+s.Flag+" ") {
			t.Errorf("help of up lacks --%s", s.Flag)
		}
	}
}

func TestCheckPrintsValuesAndTheirSources(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(config.DefaultFile, []byte("load:\n  age: 5s\nforward:\n  shared_key: hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := in(t, &app{env: []string{"IKADA_ROUTE_INTERVAL=2s", "IKADA_LOAD_AGES=1s"}}, "check", "--http", ":0")
	if r.code != exitOK || strings.Contains(r.out, "hunter2") || r.err != "warning: environment: IKADA_LOAD_AGES is no setting: did you mean IKADA_LOAD_AGE?\n" {
		t.Errorf("got %+v", r)
	}
	for _, want := range []string{"5s ", "(ikada.yaml:2)", "(IKADA_ROUTE_INTERVAL)", "(--http)", "(default)"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("got\n%s\nwithout %s", r.out, want)
		}
	}
}

// still is a pipeline that waits for its end.
type still struct{ err error }

func (s still) Run(ctx context.Context) error {
	if s.err == nil {
		<-ctx.Done()
	}
	return s.err
}

func (still) Endpoints() endpoints.Endpoints {
	return endpoints.Endpoints{Forward: "127.0.0.1:24224", HTTP: "http://127.0.0.1:8080"}
}

func TestUpPrintsWhatRunsAndEndsWell(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var got *config.Config
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, open: func(_ context.Context, cfg *config.Config, log *slog.Logger) (runner, error) {
		got = cfg
		log.Warn("disk is slow")
		cancel()
		return still{}, nil
	}}
	dir := filepath.Join(t.TempDir(), "d")
	if code := a.run(ctx, []string{"up", "--data", dir, "--forward", ":0", "--log-format", "json"}); code != exitOK {
		t.Errorf("got %d %s", code, errs.String())
	}
	if got == nil || got.Data != dir || got.Forward.Listen != ":0" {
		t.Errorf("opened with %+v", got)
	}
	for _, want := range []string{dir, "127.0.0.1:24224", "http://127.0.0.1:8080/v1/logs/app.hello", "ikada status --data " + dir} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwithout %s", out.String(), want)
		}
	}
	if !strings.Contains(errs.String(), `"msg":"disk is slow"`) {
		t.Errorf("got log %s", errs.String())
	}
}

func TestUpFailsWithThePipeline(t *testing.T) {
	broken := errors.New("listen: address in use")
	for name, open := range map[string]opener{
		"open": func(context.Context, *config.Config, *slog.Logger) (runner, error) { return nil, broken },
		"run":  func(context.Context, *config.Config, *slog.Logger) (runner, error) { return still{broken}, nil },
	} {
		if r := run(t, &app{open: open}, "up"); r.code != exitFailure || r.err != "ikada: listen: address in use\n" {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestHelpOfACommand(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"help", "quarantine"}, {"quarantine"}, {}} {
		if r := run(t, &app{}, args...); r.code != exitOK || !strings.Contains(r.out, "Available Commands") || r.err != "" {
			t.Errorf("%q: got %+v", args, r)
		}
	}
	if r := run(t, &app{}, "help", "quarantine", "retry"); r.code != exitOK || !strings.Contains(r.out, "--charset") {
		t.Errorf("got %+v", r)
	}
}
