package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/declare"
	"github.com/ikada-io/ikada/warehouse"
)

// The sections types and routes declare log types. They are no settings: they
// are in the file alone, and their keys are names that an operator gives.

const (
	typesKey  = "types"
	routesKey = "routes"
)

// declared is what a file declares.
type declared struct {
	types  []declare.Type
	routes []declare.Route
	file   string
	lines  map[string]int // by path
	broken bool           // it holds errors already
}

// check makes a set of what is declared, once all settings are known.
func (l *loader) check() {
	d := &l.declared
	if d.broken {
		return
	}
	set, problems := declare.New(d.types, d.routes, []byte(l.c.Hash.Secret.Reveal()))
	for _, p := range problems {
		l.fail("%s:%d: %s: %w: want %s", d.file, d.line(p.Key), p.Key, p.Err, p.Want)
	}
	l.c.Declared, l.c.Types, l.c.Routes = set, d.types, d.routes
}

// line returns where a key is, or the nearest above it.
func (d *declared) line(key string) int {
	for {
		if n, ok := d.lines[key]; ok {
			return n
		}
		at := strings.LastIndexByte(key, '.')
		if at < 0 {
			return 1
		}
		key = key[:at]
	}
}

// wrong reports what is wrong at a node.
func (f *yamlFile) wrong(n *yaml.Node, path, want, format string, args ...any) {
	f.declared.broken = true
	f.failAt(n, "%s: %w: want %s", path, fmt.Errorf(format, args...), want)
}

// entries reads a mapping whose keys are the operator's, or are known.
func (f *yamlFile) entries(key, n *yaml.Node, path, want string, each func(path string, key, val *yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case isNull(n): // with everything commented out
		return
	case n.Kind != yaml.MappingNode:
		f.wrong(key, path, want, "it is %s", describe(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		below := path + "." + k.Value
		if first, twice := f.seen[below]; twice {
			f.wrong(k, below, "it once", "it is there twice, first on line %d", first)
			continue
		}
		f.see(below, k)
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		each(below, k, v)
	}
}

func (f *yamlFile) see(path string, n *yaml.Node) {
	f.seen[path] = n.Line
	f.declared.lines[path] = n.Line
	f.c.sources[path] = f.at(n)
}

// typeKeys are what a log type has, in the order in which they are shown.
var typeKeys = []string{"table", "columns", "renames", "time", "sort_keys", "dist_style", "dist_key", "partition", "drop", "hash", "mask", "quarantine"}

// types reads the section types.
func (f *yamlFile) types(key, n *yaml.Node) {
	f.entries(key, n, typesKey, "log types", func(path string, key, n *yaml.Node) {
		t := declare.Type{Name: ikada.LogType(key.Value)}
		f.entries(key, n, path, "a section with "+strings.Join(typeKeys, ", "), func(at string, key, n *yaml.Node) { f.typeKey(&t, at, key, n) })
		f.declared.types = append(f.declared.types, t)
	})
}

func (f *yamlFile) typeKey(t *declare.Type, path string, key, n *yaml.Node) {
	switch key.Value {
	case "table":
		t.Table = f.text(key, n, path, "a table's name")
	case "columns":
		f.entries(key, n, path, "fields and their types", func(at string, key, n *yaml.Node) {
			if kind, err := warehouse.ParseType(n.Value); n.Kind != yaml.ScalarNode || err != nil {
				f.wrong(key, at, "bool, bigint, double, text, timestamp or json", "%s", shown(n, "is no column type"))
			} else {
				column(t, key.Value).Type = kind
			}
		})
	case "renames":
		f.entries(key, n, path, "fields and the names of their columns", func(at string, key, n *yaml.Node) {
			if name := f.text(key, n, at, "a column's name"); name != "" {
				column(t, key.Value).Name = name
			}
		})
	case "time":
		f.time(t, path, key, n)
	case "sort_keys":
		t.SortKeys = f.list(key, n, path, "a list of columns")
	case "dist_style":
		t.DistStyle = f.choice(key, n, path, "auto", "even", "all", "key")
	case "dist_key":
		t.DistKey = f.text(key, n, path, "a column's name")
	case "partition":
		t.ByDay = f.choice(key, n, path, "hour", "day") == "day"
	case "drop", "hash":
		do := declare.Drop
		if key.Value == "hash" {
			do = declare.HashValue
		}
		for _, field := range f.list(key, n, path, "a list of fields") {
			t.Guards = append(t.Guards, declare.Guard{Path: field, Do: do})
		}
	case "mask":
		f.mask(t, path, key, n)
	case "quarantine":
		t.Raw = map[string]declare.Raw{"keep": declare.RawKeep, "withhold": declare.RawWithhold}[f.choice(key, n, path, "keep", "withhold")]
	default:
		f.unknownKey(key, path, "a log type", typeKeys)
	}
}

// column returns a field's declared column, making it if need be.
func column(t *declare.Type, field string) *declare.Column {
	for i := range t.Columns {
		if t.Columns[i].Field == field {
			return &t.Columns[i]
		}
	}
	t.Columns = append(t.Columns, declare.Column{Field: field})
	return &t.Columns[len(t.Columns)-1]
}

// time reads "time: FIELD" or a section.
func (f *yamlFile) time(t *declare.Type, path string, key, n *yaml.Node) {
	field, format, at := "", "", path
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		field = n.Value
	} else {
		keys := []string{"field", "format"}
		f.entries(key, n, path, "a field, or a section with field, format", func(below string, key, n *yaml.Node) {
			switch key.Value {
			case "field":
				field = f.text(key, n, below, "a field")
			case "format":
				format, at = f.text(key, n, below, declare.TimeFormats), below
			default:
				f.unknownKey(key, below, "a time", keys)
			}
		})
	}
	if field == "" {
		f.wrong(key, path, "a field", "it names none")
		return
	}
	var err error
	if t.Time, err = declare.NewTime(field, format); err != nil {
		f.wrong(key, at, declare.TimeFormats, "%w", err)
	}
}

// defaultMask is what stands for a masked value if nothing else is said.
const defaultMask = "***"

// mask reads a list of fields, or fields with a text or a section each.
func (f *yamlFile) mask(t *declare.Type, path string, key, n *yaml.Node) {
	add := func(field string, m declare.Mask) {
		t.Guards = append(t.Guards, declare.Guard{Path: field, Do: declare.MaskValue, Mask: m})
	}
	if n.Kind == yaml.SequenceNode {
		for _, field := range f.list(key, n, path, "a list of fields") {
			add(field, declare.Mask{Text: defaultMask})
		}
		return
	}
	keys := []string{"text", "keep_last"}
	f.entries(key, n, path, "a list of fields, or fields with a text each", func(at string, key, n *yaml.Node) {
		m := declare.Mask{Text: defaultMask}
		if n.Kind == yaml.ScalarNode && !isNull(n) {
			m.Text = n.Value
		} else {
			f.entries(key, n, at, "a text, or a section with text, keep_last", func(below string, key, n *yaml.Node) {
				switch key.Value {
				case "text":
					m.Text = f.text(key, n, below, "a text")
				case "keep_last":
					var err error
					if m.KeepLast, err = strconv.Atoi(n.Value); n.Kind != yaml.ScalarNode || err != nil || m.KeepLast < 1 || m.KeepLast > 64 {
						f.wrong(key, below, "a number from 1 to 64", "%s", shown(n, "is out of range"))
					}
				default:
					f.unknownKey(key, below, "a mask", keys)
				}
			})
		}
		add(key.Value, m)
	})
}

// routes reads the section routes.
func (f *yamlFile) routes(key, n *yaml.Node) {
	if isNull(n) {
		return
	}
	keys := []string{"tag", "field", "value", "type"}
	if n.Kind != yaml.SequenceNode {
		f.wrong(key, routesKey, "a list of routes, each with "+strings.Join(keys, ", "), "it is %s", describe(n))
		return
	}
	for i, item := range n.Content {
		path := routesKey + "." + strconv.Itoa(i+1)
		f.see(path, item)
		var r declare.Route
		f.entries(item, item, path, "a route with "+strings.Join(keys, ", "), func(at string, key, n *yaml.Node) {
			switch key.Value {
			case "tag":
				r.Tag = f.text(key, n, at, declare.Patterns)
			case "field":
				r.Field = f.text(key, n, at, "a field")
			case "value":
				r.Value = f.text(key, n, at, declare.Patterns)
			case "type":
				r.Type = f.text(key, n, at, "a log type")
			default:
				f.unknownKey(key, at, "a route", keys)
			}
		})
		f.declared.routes = append(f.declared.routes, r)
	}
}

// text reads a text that is not empty.
func (f *yamlFile) text(key, n *yaml.Node, path, want string) string {
	if n.Kind != yaml.ScalarNode || isNull(n) || n.Value == "" {
		f.wrong(key, path, want, "%s", shown(n, "is empty"))
		return ""
	}
	return n.Value
}

func (f *yamlFile) choice(key, n *yaml.Node, path string, choices ...string) string {
	if n.Kind != yaml.ScalarNode || !slices.Contains(choices, n.Value) {
		f.wrong(key, path, strings.Join(choices, " or "), "%s", shown(n, "is unknown"))
		return ""
	}
	return n.Value
}

// list reads a list of texts.
func (f *yamlFile) list(key, n *yaml.Node, path, want string) []string {
	if isNull(n) {
		return nil
	}
	var texts []string
	err := errors.New("it is " + describe(n))
	if n.Kind == yaml.SequenceNode {
		texts, err = scalars(n)
	}
	if err != nil {
		f.wrong(key, path, want, "%w", err)
		return nil
	}
	for i, text := range texts {
		if _, twice := f.seen[path+"."+text]; !twice { // what is there twice, the check finds
			f.see(path+"."+text, n.Content[i])
		}
	}
	return texts
}

func (f *yamlFile) unknownKey(key *yaml.Node, path, what string, keys []string) {
	f.declared.broken = true
	f.failAt(key, "unknown key %s%s: %s has %s", path, didYouMean(closest(key.Value, keys)), what, strings.Join(keys, ", "))
}

// shown says what a node holds and what is wrong with that.
func shown(n *yaml.Node, wrong string) string {
	switch {
	case isNull(n):
		return "it has no value"
	case n.Kind == yaml.ScalarNode && n.Value == "":
		return "it is empty"
	case n.Kind == yaml.ScalarNode:
		return strconv.Quote(n.Value) + " " + wrong
	}
	return "it is " + describe(n)
}
