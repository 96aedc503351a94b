package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/config"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file beside the test's input.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func each(t *testing.T, pattern string, f func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { f(t, file) })
	}
}

func TestGoodFilesGiveTheDescribedConfiguration(t *testing.T) {
	// The number of CPUs would make the golden files differ by machine.
	flags := map[string]string{"stream-shards": "2", "warehouse-threads": "1"}
	each(t, "testdata/good/*.yaml", func(t *testing.T, file string) {
		c, err := config.Load(file, nil, flags)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := c.Describe(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".want", b.String())
	})
}

func TestBadFilesGiveTheseErrors(t *testing.T) {
	each(t, "testdata/bad/*.yaml", func(t *testing.T, file string) {
		c, err := config.Load(file, nil, nil)
		if err == nil || c != nil {
			t.Fatalf("got %v, %v, want an error", c, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a secret: %v", err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".err", err.Error()+"\n")
	})
}

func TestFileReachesTheFields(t *testing.T) {
	c, err := config.Load("testdata/good/sections.yaml", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Forward.SharedKey.Reveal() != "sesame: open" || c.Forward.Users["fluentd"].Reveal() != "second" ||
		len(c.HTTP.Tokens) != 2 || c.HTTP.Tokens[1].Reveal() != "beta" {
		t.Error("secrets are not as in the file")
	}
	if c.HTTP.Listen != "" || c.HTTP.MaxBody != 5e8 || c.Stream.DiskLimit != 20<<30 || c.Buffer.Flush != 250*time.Millisecond {
		t.Errorf("got %+v", c)
	}
	if !c.Forward.TLS.Enabled() || c.HTTP.TLS != c.Forward.TLS {
		t.Errorf("an alias gave %+v, want %+v", c.HTTP.TLS, c.Forward.TLS)
	}
}

func TestFlagsOverEnvironmentOverFileOverDefaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(file, []byte("load: {age: 2s, parallel: 3}\nroute: {interval: 2s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"IKADA_LOAD_AGE=3s", "IKADA_ROUTE_INTERVAL=3s", "LOAD_PARALLEL=9", "IKADA_FORWARD_SHARED_KEY=k", "IKADA_FORWARD_USERS=a=b=c,d=e", "IKADA_HTTP_TOKENS=x,y"}
	c, err := config.Load(file, env, map[string]string{"load-age": "4s", "forward": ":0"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range config.Settings() {
		got[s.Name] = s.Value(c) + " from " + strings.TrimPrefix(c.Source(s.Name), file)
	}
	for name, want := range map[string]string{
		"load.age":       "4s from --load-age",
		"route.interval": "3s from IKADA_ROUTE_INTERVAL",
		"load.parallel":  "3 from :1",
		"load.bytes":     "32MiB from default",
		"forward.listen": ":0 from --forward",
		"forward.users":  "a=***,d=*** from IKADA_FORWARD_USERS",
		"http.tokens":    "***,*** from IKADA_HTTP_TOKENS",
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	if c.Forward.Users["a"].Reveal() != "b=c" {
		t.Errorf("a password with '=' was cut")
	}
}

func TestAllErrorsAreReportedAtOnce(t *testing.T) {
	_, err := config.Load("testdata/none.yaml", []string{"IKADA_LOAD_AGE=x"}, map[string]string{"log-format": "x", "dta": "x", "zz": "x"})
	want := `read configuration: open testdata/none.yaml: no such file or directory
environment: IKADA_LOAD_AGE: "x" is no duration: want a duration from 1ms to 24h
flag --log-format: "x" is unknown: want text or json
flag --dta is unknown (did you mean --data?)
flag --zz is unknown`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLikelySlipsInTheEnvironmentAreWarnings(t *testing.T) {
	c, err := config.Load("", []string{"IKADA_LOAD_AGES=1s", "IKADA_PORT_24224_TCP=tcp://10.0.0.1:24224", "OTHER=x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "environment: IKADA_LOAD_AGES is no setting: did you mean IKADA_LOAD_AGE?"; len(c.Warnings) != 1 || c.Warnings[0] != want {
		t.Errorf("got %q, want %q alone", c.Warnings, want)
	}
}

func TestZeroIsResolved(t *testing.T) {
	c, err := config.Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Stream.Shards < 2 || c.Stream.Shards > 8 || c.Warehouse.Threads != max(runtime.NumCPU()/2, 1) {
		t.Errorf("got %d shards, %d threads", c.Stream.Shards, c.Warehouse.Threads)
	}
}

func TestSettingsAreCompleteAndDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, s := range config.Settings() {
		if s.Doc == "" || s.Kind == "" || s.Accepts == "" {
			t.Errorf("%s lacks something: %+v", s.Name, s)
		}
		for _, name := range []string{"name " + s.Name, "flag " + s.Flag, "env " + s.Env} {
			if other, twice := seen[name]; twice {
				t.Errorf("%s is of %s and of %s", name, other, s.Name)
			}
			seen[name] = s.Name
		}
	}
}

func TestMarkdownHasARowForEachSetting(t *testing.T) {
	var b strings.Builder
	if err := config.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != len(config.Settings())+2 {
		t.Errorf("got %d lines", len(lines))
	}
	for _, line := range lines {
		if strings.Count(line, "|")-strings.Count(line, `\|`) != 7 {
			t.Errorf("not six cells: %s", line)
		}
	}
	if want := "| `load.age` | `--load-age` | `IKADA_LOAD_AGE` | `1s` | a duration from 1ms to 24h |"; !strings.Contains(b.String(), want) {
		t.Errorf("got\n%s\nwithout %s", b.String(), want)
	}
}
