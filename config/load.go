package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
)

// DefaultFile is read, if it is there, when no file is named.
const DefaultFile = "ikada.yaml"

// Load reads the configuration from a file ("" for DefaultFile, which need not
// exist), the environment (as os.Environ returns it) and flags (name without
// dashes → value, only those that were given). It returns all errors at once,
// joined, one a line.
func Load(file string, env []string, flags map[string]string) (*Config, error) {
	l, err := newLoader()
	if err != nil {
		return nil, err
	}
	l.file(file)
	l.environment(env)
	l.flags(flags)
	return l.finish()
}

// Read reads the configuration from the bytes of a file, and the environment.
func Read(name string, data []byte, env []string) (*Config, error) {
	l, err := newLoader()
	if err != nil {
		return nil, err
	}
	l.yaml(name, data)
	l.environment(env)
	return l.finish()
}

// loader gathers errors, so that one reading reports all of them.
type loader struct {
	c        *Config
	settings []Setting
	errs     []error
	declared declared
}

// newLoader begins with the defaults.
func newLoader() (*loader, error) {
	l := &loader{c: &Config{sources: map[string]string{}}, settings: Settings()}
	for _, s := range l.settings {
		if s.Default != "" {
			if err := s.bind(l.c).set(s.Default); err != nil {
				return nil, fmt.Errorf("default of %s: %w", s.Name, err)
			}
		}
		l.c.sources[s.Name] = "default"
	}
	return l, nil
}

func (l *loader) finish() (*Config, error) {
	l.together()
	l.check()
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	l.c.resolve()
	return l.c, nil
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// set gives a setting a value. where names the place for an operator.
func (l *loader) set(s Setting, where, source string, give func(value) error) {
	if err := give(s.bind(l.c)); err != nil {
		l.fail("%s: %w: want %s", where, err, s.Accepts)
		return
	}
	l.c.sources[s.Name] = source
}

func (l *loader) file(name string) {
	named := name != ""
	if !named {
		name = DefaultFile
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return
	}
	if err != nil {
		l.fail("read configuration: %w", err)
		return
	}
	l.yaml(name, data)
}

func (l *loader) environment(env []string) {
	given := map[string]string{}
	for _, e := range env {
		if name, text, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "IKADA_") {
			given[name] = text
		}
	}
	var names []string
	for _, s := range l.settings {
		names = append(names, s.Env)
		if text, ok := given[s.Env]; ok {
			l.set(s, "environment: "+s.Env, s.Env, func(v value) error { return v.set(text) })
			delete(given, s.Env)
		}
	}
	// Others may be there for good reasons (a cluster adds IKADA_PORT for a
	// service named ikada), so a likely slip is a warning and no error.
	for name := range given {
		if like := closest(name, names); like != "" {
			l.c.Warnings = append(l.c.Warnings, fmt.Sprintf("environment: %s is no setting: did you mean %s?", name, like))
		}
	}
	slices.Sort(l.c.Warnings)
}

func (l *loader) flags(flags map[string]string) {
	known := map[string]bool{}
	var names []string
	for _, s := range l.settings {
		known[s.Flag] = true
		names = append(names, s.Flag)
		if text, ok := flags[s.Flag]; ok {
			l.set(s, "flag --"+s.Flag, "--"+s.Flag, func(v value) error { return v.set(text) })
		}
	}
	for _, name := range sortedKeys(flags) {
		if !known[name] {
			l.fail("flag --%s is unknown%s", name, didYouMean("--"+closest(name, names)))
		}
	}
}

// together checks what no setting can check alone.
func (l *loader) together() {
	for _, t := range []struct {
		section string
		tls     TLS
	}{{"forward", l.c.Forward.TLS}, {"http", l.c.HTTP.TLS}} {
		if (t.tls.Cert == "") != (t.tls.Key == "") {
			l.fail("%s.tls.cert (%s) and %s.tls.key (%s): want both or neither", t.section, l.c.Source(t.section+".tls.cert"),
				t.section, l.c.Source(t.section+".tls.key"))
		}
	}
	l.login()
	if len(l.c.Forward.Users) > 0 && !l.c.Forward.SharedKey.Set() {
		l.fail("forward.users (%s): want forward.shared_key too, as users are checked in its handshake", l.c.Source("forward.users"))
	}
}

// login checks that the settings of a login to Redshift are those of its kind.
func (l *loader) login() {
	w := l.c.Warehouse
	given := map[string]string{"warehouse.cluster": w.Cluster, "warehouse.workgroup": w.Workgroup, "warehouse.secret_arn": w.SecretARN}
	wanted := map[string][]string{"iam": {"warehouse.cluster", "warehouse.workgroup"}, "secret": {"warehouse.secret_arn"}}[w.Auth]
	n := 0
	for _, name := range sortedKeys(given) {
		switch {
		case given[name] == "":
		case slices.Contains(wanted, name):
			n++
		default:
			l.fail("%s (%s): it has no use where warehouse.auth is %s", name, l.c.Source(name), w.Auth)
		}
	}
	if len(wanted) > 0 && n != 1 {
		l.fail("warehouse.auth (%s) is %s: want %s", l.c.Source("warehouse.auth"), w.Auth, strings.Join(wanted, " or "))
	}
}

// resolve replaces what stands for "choose": callers need not know of it.
func (c *Config) resolve() {
	if c.Source("warehouse.kind") == "default" && c.Warehouse.URL.Set() { // only Redshift has one
		c.Warehouse.Kind, c.sources["warehouse.kind"] = "redshift", c.Source("warehouse.url")
	}
	if c.Stream.Shards == 0 {
		c.Stream.Shards = min(max(runtime.NumCPU(), 2), 8)
	}
	if c.Warehouse.Threads == 0 {
		c.Warehouse.Threads = max(runtime.NumCPU()/2, 1)
	}
}

// Source tells where a setting's value is from: "default", "ikada.yaml:3",
// "IKADA_DATA", "--data".
func (c *Config) Source(name string) string { return c.sources[name] }
