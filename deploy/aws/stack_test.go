package aws

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stack is a template with values for its parameters.
type stack struct {
	template
	t      *testing.T
	values map[string]any
	used   map[string]bool // parameters and conditions
}

func newStack(t *testing.T, tp template, values map[string]any) *stack {
	t.Helper()
	s := &stack{tp, t, map[string]any{
		"AWS::AccountId": "123456789012", "AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::NoValue": nothing{},
		"CopyRoleArn": "arn:aws:iam::123456789012:role/copy",
	}, map[string]bool{}}
	for name, p := range tp.Parameters {
		if d := at(p, "Default"); d != nil {
			s.values[name] = d
		}
	}
	for name, v := range values {
		if tp.Parameters[name] == nil {
			t.Errorf("there is no parameter %s", name)
		}
		s.values[name] = v
	}
	return s
}

// nothing is AWS::NoValue.
type nothing struct{}

// properties returns a resource's properties as they would be deployed.
func (s *stack) properties(id string) any { return s.eval(at(s.Resources[id], "Properties")) }

// eval works out the functions of CloudFormation.
func (s *stack) eval(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, e := range v {
			if e = s.eval(e); e != (nothing{}) {
				list = append(list, e)
			}
		}
		return list
	case map[string]any:
		if len(v) == 1 {
			for name, arg := range v {
				if name == "Ref" || name == "Condition" && reflect.TypeOf(arg).Kind() == reflect.String || strings.HasPrefix(name, "Fn::") {
					return s.call(name, arg)
				}
			}
		}
		m := map[string]any{}
		for name, e := range v {
			if e = s.eval(e); !reflect.DeepEqual(e, nothing{}) {
				m[name] = e
			}
		}
		return m
	}
	return v
}

func (s *stack) call(name string, arg any) any {
	list, _ := arg.([]any)
	switch name {
	case "Ref":
		return s.ref(arg.(string))
	case "Fn::GetAtt":
		return s.attribute(arg.(string))
	case "Fn::Sub":
		return s.sub(arg.(string))
	case "Fn::If":
		if s.condition(list[0].(string)) {
			return s.eval(list[1])
		}
		return s.eval(list[2])
	case "Condition":
		return s.condition(arg.(string))
	case "Fn::Equals":
		return fmt.Sprint(s.eval(list[0])) == fmt.Sprint(s.eval(list[1]))
	case "Fn::Not":
		return s.eval(list[0]) == false
	case "Fn::And":
		return !slices.Contains(s.eval(list).([]any), any(false))
	case "Fn::Or":
		return slices.Contains(s.eval(list).([]any), any(true))
	}
	s.t.Errorf("the test does not know %s", name)
	return nil
}

func (s *stack) condition(name string) bool {
	s.used[name] = true
	c, there := s.Conditions[name]
	if !there {
		s.t.Errorf("there is no condition %s", name)
	}
	return s.eval(c) == true
}

// names are the properties that Ref gives, where it is a name.
var names = map[string]string{
	"AWS::S3::Bucket": "BucketName", "AWS::Lambda::Function": "FunctionName", "AWS::Kinesis::Stream": "Name", "AWS::Logs::LogGroup": "LogGroupName",
}

func (s *stack) ref(name string) any {
	s.used[name] = true
	if v, there := s.values[name]; there {
		return v
	}
	if s.Resources[name] == nil {
		s.t.Errorf("Ref %s: there is no such parameter or resource", name)
	}
	if property, named := names[s.typeOf(name)]; named {
		return s.eval(at(s.Resources[name], "Properties", property))
	}
	return "<" + name + ">"
}

func (s *stack) attribute(path string) any {
	id, name, _ := strings.Cut(path, ".")
	if s.Resources[id] == nil {
		s.t.Errorf("GetAtt %s: there is no such resource", path)
	}
	if s.typeOf(id) == "AWS::S3::Bucket" && name == "Arn" {
		return fmt.Sprint("arn:aws:s3:::", s.ref(id))
	}
	return "<" + path + ">"
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

func (s *stack) sub(text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		name := variable.FindStringSubmatch(v)[1]
		if strings.Contains(name, ".") {
			return fmt.Sprint(s.attribute(name))
		}
		return fmt.Sprint(s.ref(name))
	})
}

func TestNothingIsNamedInVain(t *testing.T) {
	tp := read(t)
	used := map[string]bool{}
	for name := range scenarios {
		s := newStack(t, tp, scenarios[name])
		s.eval(map[string]any{"": []any{tp.Resources, tp.Outputs}})
		maps.Copy(used, s.used)
		for rule, r := range tp.Rules {
			for _, a := range at(r, "Assertions").([]any) {
				if s.eval(at(a, "Assert")) != true {
					t.Errorf("%s: rule %s: %v", name, rule, at(a, "AssertDescription"))
				}
			}
		}
	}
	for name := range tp.Parameters {
		if !used[name] {
			t.Errorf("parameter %s has no use", name)
		}
	}
	for name := range tp.Conditions {
		if !used[name] {
			t.Errorf("condition %s has no use", name)
		}
	}
}

func TestWrongParametersAreRefused(t *testing.T) {
	tp := read(t)
	for name, values := range map[string]map[string]any{
		"no warehouse":          {},
		"two":                   {"WorkgroupName": "wg", "WorkgroupId": "1", "ClusterIdentifier": "cl", "DbUser": "u"},
		"workgroup without id":  {"WorkgroupName": "wg"},
		"cluster without login": {"ClusterIdentifier": "cl"},
	} {
		s := newStack(t, tp, values)
		refused := false
		for _, r := range tp.Rules {
			for _, a := range at(r, "Assertions").([]any) {
				refused = refused || s.eval(at(a, "Assert")) == false
			}
		}
		if !refused {
			t.Errorf("%s: no rule refuses it", name)
		}
	}
}

// What CloudFormation makes first must not need what it makes later.
func TestResourcesDoNotNeedEachOtherInACircle(t *testing.T) {
	tp := read(t)
	var visit func(id string, trail []string)
	done := map[string]bool{}
	visit = func(id string, trail []string) {
		if slices.Contains(trail, id) {
			t.Fatalf("a circle: %v", append(trail, id))
		}
		if done[id] {
			return
		}
		for _, other := range needs(tp.Resources[id]) {
			if tp.Resources[other] != nil {
				visit(other, append(slices.Clip(trail), id))
			} else if tp.Parameters[other] == nil && !strings.HasPrefix(other, "AWS::") {
				t.Errorf("%s needs %s, which is not there", id, other)
			}
		}
		done[id] = true
	}
	for id := range tp.Resources {
		visit(id, nil)
	}
}

// needs returns what a value refers to.
func needs(v any) (ids []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			ids = append(ids, needs(e)...)
		}
	case map[string]any:
		for name, e := range v {
			switch name {
			case "Ref", "DependsOn":
				ids = append(ids, texts(e)...)
			case "Fn::GetAtt":
				id, _, _ := strings.Cut(fmt.Sprint(e), ".")
				ids = append(ids, id)
			case "Fn::Sub":
				for _, m := range variable.FindAllStringSubmatch(fmt.Sprint(e), -1) {
					id, _, _ := strings.Cut(m[1], ".")
					ids = append(ids, id)
				}
			default:
				ids = append(ids, needs(e)...)
			}
		}
	}
	return ids
}
