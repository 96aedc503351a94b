package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// spec is what AWS publishes of resource types, as check/spec.mjs prints it.
type spec struct {
	Resources map[string]struct {
		Properties map[string]property
		Attributes []string
	}
	Definitions map[string]struct {
		Name       string
		Properties map[string]property
	}
}

type property struct {
	Required bool
	Type     kind
}

type kind struct {
	Type    string
	Ref     string
	Element *kind
	Types   []kind
}

func readSpec(t *testing.T, types ...string) spec {
	t.Helper()
	if _, err := os.Stat("check/node_modules"); err != nil {
		t.Fatal("AWS's specification is not there: run make test-deps")
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"check/spec.mjs"}, types...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var s spec
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func usedTypes(tp template) (list []string) {
	for id := range tp.Resources {
		list = append(list, tp.typeOf(id))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestEveryTypeAndPropertyIsInAWSsSpecification(t *testing.T) {
	published := readSpec(t, usedTypes(read(t))...)
	stacks(t, func(t *testing.T, s *stack) {
		for _, err := range published.check(s) {
			t.Error(err)
		}
	})
}

func TestOutputsAndAttributesExist(t *testing.T) {
	tp := read(t)
	published := readSpec(t, usedTypes(tp)...)
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				look(e)
			}
		case map[string]any:
			for name, e := range v {
				switch name {
				case "Fn::GetAtt":
					checkAttribute(t, tp, published, e.(string))
				case "Fn::Sub":
					for _, m := range variable.FindAllStringSubmatch(e.(string), -1) {
						if strings.Contains(m[1], ".") {
							checkAttribute(t, tp, published, m[1])
						}
					}
				default:
					look(e)
				}
			}
		}
	}
	look(tp.Resources)
	look(tp.Outputs)
}

func checkAttribute(t *testing.T, tp template, published spec, path string) {
	t.Helper()
	id, name, _ := strings.Cut(path, ".")
	if !slices.Contains(published.Resources[tp.typeOf(id)].Attributes, name) {
		t.Errorf("%s, a %q, has no attribute %s", id, tp.typeOf(id), name)
	}
}

// check compares a stack with the specification.
func (sp spec) check(s *stack) (wrong []error) {
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		for name := range s.Resources[id].(map[string]any) {
			if !slices.Contains([]string{"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"}, name) {
				wrong = append(wrong, fmt.Errorf("%s: a resource has no %s", id, name))
			}
		}
		r, known := sp.Resources[s.typeOf(id)]
		if !known {
			wrong = append(wrong, fmt.Errorf("%s: there is no type %q", id, s.typeOf(id)))
			continue
		}
		wrong = append(wrong, sp.object(id, r.Properties, s.properties(id))...)
	}
	return wrong
}

func (sp spec) object(path string, properties map[string]property, v any) (wrong []error) {
	m, ok := v.(map[string]any)
	if !ok {
		return []error{fmt.Errorf("%s is %v, want an object", path, v)}
	}
	for name, p := range properties {
		if _, there := m[name]; p.Required && !there {
			wrong = append(wrong, fmt.Errorf("%s lacks %s", path, name))
		}
	}
	for name, e := range m {
		p, known := properties[name]
		switch _, text := e.(string); {
		case !known:
			wrong = append(wrong, fmt.Errorf("%s has no property %s", path, name))
		case text && name == "Code": // a file, in whose place `package` puts an object
		default:
			wrong = append(wrong, sp.value(path+"."+name, p.Type, e)...)
		}
	}
	return wrong
}

func (sp spec) value(path string, k kind, v any) (wrong []error) {
	ok := true
	switch k.Type {
	case "ref":
		return sp.object(path, sp.Definitions[k.Ref].Properties, v)
	case "array":
		var list []any
		if list, ok = v.([]any); ok {
			for i, e := range list {
				wrong = append(wrong, sp.value(fmt.Sprintf("%s[%d]", path, i), *k.Element, e)...)
			}
		}
	case "map":
		var m map[string]any
		if m, ok = v.(map[string]any); ok {
			for name, e := range m {
				wrong = append(wrong, sp.value(path+"."+name, *k.Element, e)...)
			}
		}
	case "union":
		for _, one := range k.Types {
			if wrong = sp.value(path, one, v); len(wrong) == 0 {
				break
			}
		}
	case "string":
		_, ok = v.(string)
	case "integer":
		_, ok = v.(int)
	case "number":
		_, whole := v.(int)
		_, ok = v.(float64)
		ok = ok || whole
	case "boolean":
		_, ok = v.(bool)
	case "json":
	default:
		return []error{fmt.Errorf("%s: the test does not know type %s", path, k.Type)}
	}
	if !ok {
		wrong = append(wrong, fmt.Errorf("%s is %v, want %s", path, v, k.Type))
	}
	return wrong
}

func TestTheCheckFindsMistakes(t *testing.T) {
	published := readSpec(t, "AWS::S3::Bucket", "AWS::Scheduler::Schedule", "AWS::Kinesis::Stream")
	for text, want := range map[string]string{
		"Type: AWS::S3::Buckets\n    Properties: {}":                                                                                    "no type",
		"Type: AWS::S3::Bucket\n    Properties: {BucketNames: x}":                                                                       "has no property BucketNames",
		"Type: AWS::S3::Bucket\n    Properties: {PublicAccessBlockConfiguration: {BlockAcls: true}}":                                    "has no property BlockAcls",
		"Type: AWS::S3::Bucket\n    Properties: {PublicAccessBlockConfiguration: {BlockPublicAcls: 7}}":                                 "want boolean",
		"Type: AWS::S3::Bucket\n    Properties: {LifecycleConfiguration: {Rules: [{Id: x}]}}":                                           "lacks Status",
		"Type: AWS::Kinesis::Stream\n    Properties: {RetentionPeriodHours: long}":                                                      "want integer",
		"Type: AWS::Kinesis::Stream\n    Property: {}\n    Properties: {}":                                                              "a resource has no Property",
		"Type: AWS::Scheduler::Schedule\n    Properties: {ScheduleExpression: x, FlexibleTimeWindow: {}, Target: {Arn: x, RoleArn: y}}": "lacks Mode",
		"Type: AWS::S3::Bucket\n    Properties: {}":                                                                                     "",
	} {
		wrong := published.check(newStack(t, template{Parameters: map[string]any{}, Resources: parse(t, "Resources:\n  X:\n    "+text).Resources}, nil))
		if want == "" && len(wrong) > 0 || want != "" && (len(wrong) != 1 || !strings.Contains(wrong[0].Error(), want)) {
			t.Errorf("%s: %v, want %q", text, wrong, want)
		}
	}
}
