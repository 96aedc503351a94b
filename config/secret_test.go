package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ikada-io/ikada/config"
)

func TestSecretsAreNeverPrinted(t *testing.T) {
	type inner struct{ key config.Secret }
	secret := config.NewSecret("hunter2")
	holder := struct {
		Key    config.Secret
		hidden inner
		Map    map[string]config.Secret
	}{secret, inner{secret}, map[string]config.Secret{"a": secret}}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+"\n", secret)
		fmt.Fprintf(&printed, verb+"\n", &secret)
		fmt.Fprintf(&printed, verb+"\n", holder)
	}
	for _, encode := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := encode(map[string]any{"key": secret, "list": []config.Secret{secret}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), "***") {
			t.Errorf("got %s", b)
		}
		printed.Write(b)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(h).Info("m", "key", secret, "holder", holder)
	}
	if text := printed.String(); strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("shown in\n%s", text)
	}
	if secret.Reveal() != "hunter2" || !secret.Set() {
		t.Error("Reveal does not reveal")
	}
}

func TestAnEmptySecretPrintsNothing(t *testing.T) {
	var none config.Secret
	if none.Set() || none.Reveal() != "" || fmt.Sprint(none, config.NewSecret("")) != " " {
		t.Errorf("got %q", fmt.Sprint(none))
	}
}

// The YAML reader sees what an operator wrote: whatever it is, an error and no panic.
func FuzzLoadYAML(f *testing.F) {
	for _, s := range []string{"data: x", "forward: {listen: off}", "a: &a [*a]", "load: {age: *x}", "? [a]\n: b", "http: {tokens: [[x]]}", "--- {}\n--- {}", "<<: *a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := config.Parse("fuzz.yaml", []byte(s))
		if (c == nil) == (err == nil) {
			t.Errorf("got %v, %v", c, err)
		}
	})
}
