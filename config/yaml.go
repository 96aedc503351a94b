package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml reads a file by its nodes, which know their lines.
func (l *loader) yaml(name string, data []byte) {
	f := yamlFile{loader: l, name: name, seen: map[string]int{}}
	l.declared = declared{file: name, lines: map[string]int{}}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // empty, or only comments
		return
	case err != nil:
		f.syntax(err)
		return
	}
	root := doc.Content[0]
	if isNull(root) {
		return
	}
	if root.Kind != yaml.MappingNode {
		f.failAt(root, "want sections and settings (KEY: VALUE), not %s", describe(root))
		return
	}
	f.section(root, "")
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		f.failAt(&more, "a second document begins here: want one")
	} else if !errors.Is(err, io.EOF) {
		f.syntax(err)
	}
}

type yamlFile struct {
	*loader
	name string
	seen map[string]int // path → line
}

func (f *yamlFile) failAt(n *yaml.Node, format string, args ...any) {
	f.fail("%s: %w", f.at(n), fmt.Errorf(format, args...))
}

func (f *yamlFile) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", f.name, n.Line) }

// syntax reports what the YAML library says ("yaml: line 3: …") our way.
func (f *yamlFile) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if at, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok && strings.HasPrefix(text, "line ") {
		f.fail("%s:%s: no valid YAML: %s", f.name, at, rest)
		return
	}
	f.fail("%s: no valid YAML: %s", f.name, text)
}

// section reads a mapping whose keys are settings or further sections.
func (f *yamlFile) section(n *yaml.Node, prefix string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		path := prefix + key.Value
		if first, twice := f.seen[path]; twice {
			f.failAt(key, "%s is set twice, first on line %d", path, first)
			continue
		}
		f.seen[path] = key.Line
		if val.Kind == yaml.AliasNode {
			val = val.Alias
		}
		setting, known := f.setting(path)
		switch {
		case path == typesKey:
			f.types(key, val)
		case path == routesKey:
			f.routes(key, val)
		case known:
			f.assign(setting, key, val)
		case f.isSection(path + "."):
			f.subsection(key, val, path)
		default:
			f.unknown(key, prefix, path)
		}
	}
}

func (f *yamlFile) subsection(key, val *yaml.Node, path string) {
	switch {
	case isNull(val): // a section with everything commented out
	case val.Kind == yaml.MappingNode:
		f.section(val, path+".")
	case val.Kind == yaml.ScalarNode && strings.Contains(val.Value, "://") && f.has(path+".url"): // warehouse: redshift://…
		url, _ := f.setting(path + ".url")
		f.assign(url, key, val)
	case val.Kind == yaml.ScalarNode && f.has(path+".url"):
		f.failAt(key, "%s: want a section with %s, or a URL such as redshift://USER:PASSWORD@HOST:5439/DATABASE: this is neither", path, strings.Join(f.keys(path+"."), ", "))
	default:
		f.failAt(key, "%s: want a section with %s, not %s", path, strings.Join(f.keys(path+"."), ", "), describe(val))
	}
}

// assign gives a setting what a node holds.
func (f *yamlFile) assign(s Setting, key, n *yaml.Node) {
	if at, err := give(s.bind(f.c), key, n); err != nil {
		f.failAt(at, "%s: %w: want %s", s.Name, err, s.Accepts)
		return
	}
	f.c.sources[s.Name] = f.at(key)
}

// give sets a value. An error comes with the node that it is of.
func give(v value, key, n *yaml.Node) (at *yaml.Node, err error) {
	lst, isList := v.(list)
	tab, isTable := v.(table)
	switch {
	case isNull(n):
		return key, errors.New("it has no value")
	case n.Kind == yaml.ScalarNode && !isTable:
		return key, v.set(n.Value)
	case n.Kind == yaml.SequenceNode && isList:
		texts, err := scalars(n)
		if err != nil {
			return key, err
		}
		return key, lst.setList(texts)
	case n.Kind == yaml.MappingNode && isTable:
		return giveTable(tab, key, n)
	}
	return key, fmt.Errorf("it is %s", describe(n))
}

// giveTable sets a table. If it can't be, the wrong entry is the one with which
// the entries down to it can't be set either.
func giveTable(v table, key, n *yaml.Node) (at *yaml.Node, err error) {
	texts, err := scalars(n)
	if err != nil {
		return key, err
	}
	var pairs [][2]string
	for i := 0; i+1 < len(texts); i += 2 {
		pairs = append(pairs, [2]string{texts[i], texts[i+1]})
	}
	if err = v.setTable(pairs); err == nil {
		return key, nil
	}
	for i := range pairs {
		if v.setTable(pairs[:i+1]) != nil {
			return n.Content[2*i], err
		}
	}
	return key, err
}

// unknown reports a key that nothing has, with the nearest one: the same name
// in another section counts as near.
func (f *yamlFile) unknown(key *yaml.Node, prefix, path string) {
	var all []string
	for _, s := range f.settings {
		all = append(all, s.Name)
	}
	like := closest(path, all)
	if like == "" {
		if like = closest(key.Value, f.keys(prefix)); like != "" {
			like = prefix + like
		}
	}
	here := "the top level"
	if prefix != "" {
		here = strings.TrimSuffix(prefix, ".")
	}
	f.failAt(key, "unknown key %s%s: %s has %s", path, didYouMean(like), here, strings.Join(f.keys(prefix), ", "))
}

func (l *loader) setting(name string) (Setting, bool) {
	for _, s := range l.settings {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

func (l *loader) has(name string) bool {
	_, ok := l.setting(name)
	return ok
}

func (l *loader) isSection(prefix string) bool { return len(l.keys(prefix)) > 0 }

// keys lists what a section has.
func (l *loader) keys(prefix string) []string {
	var keys []string
	for _, s := range l.settings {
		rest, ok := strings.CutPrefix(s.Name, prefix)
		if !ok {
			continue
		}
		key, _, _ := strings.Cut(rest, ".")
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	if prefix == "" {
		keys = append(keys, typesKey, routesKey)
	}
	return keys
}

// scalars returns the texts below a list or mapping.
func scalars(n *yaml.Node) ([]string, error) {
	texts := make([]string, len(n.Content))
	for i, child := range n.Content {
		if child.Kind == yaml.AliasNode {
			child = child.Alias
		}
		if child.Kind != yaml.ScalarNode || isNull(child) {
			return nil, fmt.Errorf("line %d holds %s", child.Line, describe(child))
		}
		texts[i] = child.Value
	}
	return texts, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a section"
	case isNull(n):
		return "nothing"
	}
	return "a single value"
}
