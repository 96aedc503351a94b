package aws

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// template is template.yaml. Short forms are long: !Ref x is {"Ref": x}.
type template struct {
	Parameters, Rules, Conditions, Resources, Outputs map[string]any
}

func read(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func parse(t *testing.T, text string) template {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	all, ok := plain(t, &doc).(map[string]any)
	if !ok {
		t.Fatal("the template is no mapping")
	}
	section := func(name string) map[string]any {
		m, _ := all[name].(map[string]any)
		return m
	}
	return template{section("Parameters"), section("Rules"), section("Conditions"), section("Resources"), section("Outputs")}
}

// plain makes values of nodes.
func plain(t *testing.T, n *yaml.Node) (v any) {
	t.Helper()
	short := strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(t, n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if _, twice := m[name]; twice {
				t.Errorf("line %d: %s is there twice", n.Content[i].Line, name)
			}
			m[name] = plain(t, n.Content[i+1])
		}
		v = m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = plain(t, c)
		}
		v = list
	case yaml.ScalarNode:
		if short {
			v = n.Value
		} else if err := n.Decode(&v); err != nil {
			t.Error(err)
		}
	default:
		t.Errorf("line %d: no anchors, please", n.Line)
	}
	switch {
	case !short:
		return v
	case n.Tag == "!Ref", n.Tag == "!Condition":
		return map[string]any{n.Tag[1:]: v}
	default:
		return map[string]any{"Fn::" + n.Tag[1:]: v}
	}
}

// typeOf returns a resource's type.
func (tp template) typeOf(id string) string {
	typ, _ := at(tp.Resources[id], "Type").(string)
	return typ
}

// of returns the resources of a type, sorted.
func (tp template) of(typ string) (ids []string) {
	for id := range tp.Resources {
		if tp.typeOf(id) == typ {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// at follows a path of names and places; nil if there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[key]
		case int:
			list, _ := v.([]any)
			if key >= len(list) {
				return nil
			}
			v = list[key]
		}
	}
	return v
}

// texts makes a list of what may be one text or several.
func texts(v any) (list []string) {
	switch v := v.(type) {
	case nil:
	case []any:
		for _, e := range v {
			list = append(list, texts(e)...)
		}
	default:
		list = append(list, fmt.Sprint(v))
	}
	return list
}

// scenarios are deployments that between them take every branch.
var scenarios = map[string]map[string]any{
	"workgroup, secret": {"WorkgroupName": "wg", "WorkgroupId": "0a-1b", "SecretArn": secret},
	"workgroup, role":   {"WorkgroupName": "wg", "WorkgroupId": "0a-1b", "KmsKeyArn": kmsKey},
	"cluster, secret":   {"ClusterIdentifier": "cl", "SecretArn": secret, "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"},
	"cluster, user":     {"ClusterIdentifier": "cl", "DbUser": "loader", "ConfigBucket": "settings", "ConfigKey": "logs/ikada.yaml"},
}

const (
	secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:redshift-AbCdEf"
	kmsKey = "arn:aws:kms:eu-west-1:123456789012:key/0a-1b"
)

// stacks calls f with each scenario's stack.
func stacks(t *testing.T, f func(t *testing.T, s *stack)) {
	t.Helper()
	tp := read(t)
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		t.Run(name, func(t *testing.T) { f(t, newStack(t, tp, scenarios[name])) })
	}
}
