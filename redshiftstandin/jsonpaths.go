package redshiftstandin

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// finder finds in an object the value of each column, nil where there is none.
type finder func(object []byte) ([]jsontext.Value, error)

// finder makes the finder of a COPY's JSON option.
func (l *loading) finder(ctx context.Context) (finder, error) {
	switch l.json {
	case "auto":
		return l.byName(func(s string) string { return s }), nil
	case "auto ignorecase":
		return l.byName(strings.ToLower), nil
	case "noshred":
		if len(l.columns) != 1 || l.columns[0].Type.Name != "super" {
			return nil, errorf(codeInternal, "JSON 'noshred' loads one column of type SUPER")
		}
		return func(object []byte) ([]jsontext.Value, error) { return []jsontext.Value{object}, checkObject(object) }, nil
	}
	data, err := l.get(ctx, l.json)
	if err != nil {
		return nil, errorf(codeInternal, "Problem reading jsonpaths file - %v", err)
	}
	return readPaths(data, len(l.columns))
}

// byName matches keys to column names. With 'auto' letter case counts, and
// columns are lower case, so a key like userId finds none.
func (l *loading) byName(fold func(string) string) finder {
	index := map[string]int{}
	for i, c := range l.columns {
		index[fold(c.Column)] = i
	}
	return func(object []byte) ([]jsontext.Value, error) {
		values := make([]jsontext.Value, len(l.columns))
		var twice error
		err := fieldsOf(object, func(name string, value jsontext.Value) {
			i, known := index[fold(name)]
			if known && values[i] != nil {
				twice = &fieldError{code: loadLine, message: "Invalid JSON: two keys for column " + l.columns[i].Column}
			}
			if known {
				values[i] = value
			}
		})
		return values, errors.Join(err, twice)
	}
}

func checkObject(object []byte) error { return fieldsOf(object, func(string, jsontext.Value) {}) }

// readPaths reads a jsonpaths file. Which column gets which path is told by
// the order alone, so their number must be the columns'.
func readPaths(data []byte, columns int) (finder, error) {
	var file struct {
		Paths []string `json:"jsonpaths"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, errorf(codeInternal, "Invalid JSONPath file: %v", err)
	}
	if len(file.Paths) != columns {
		return nil, errorf(codeInternal, "Number of jsonpaths and the number of columns should match. JSONPath size: %d, Number of columns in table or column list: %d",
			len(file.Paths), columns)
	}
	paths := make([][]step, columns)
	for i, p := range file.Paths {
		var err error
		if paths[i], err = parsePath(p); err != nil {
			return nil, err
		}
	}
	return func(object []byte) ([]jsontext.Value, error) {
		fields := map[string]jsontext.Value{}
		if err := fieldsOf(object, func(name string, value jsontext.Value) { fields[name] = value }); err != nil {
			return nil, err
		}
		values := make([]jsontext.Value, columns)
		for i, p := range paths {
			if len(p) == 0 {
				values[i] = object
			} else if p[0].index < 0 {
				values[i] = follow(fields[p[0].name], p[1:])
			}
		}
		return values, nil
	}, nil
}

// step is one step of a path: a name, or an index from 0.
type step struct {
	name  string
	index int
}

var (
	dotStep     = regexp.MustCompile(`^\.([A-Za-z_][A-Za-z0-9_]*)`)
	bracketStep = regexp.MustCompile(`^\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+))\s*\]`)
	unescape    = regexp.MustCompile(`\\(.)`)
)

// parsePath parses $, $.a, $['a'] and $['a'][0]. The guide has no wildcards
// and no filters.
func parsePath(path string) ([]step, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, errorf(codeInternal, "Invalid JSONPath format: %s does not start with $", path)
	}
	var steps []step
	for rest != "" {
		if m := dotStep.FindStringSubmatch(rest); m != nil {
			steps, rest = append(steps, step{m[1], -1}), rest[len(m[0]):]
			continue
		}
		m := bracketStep.FindStringSubmatch(rest)
		if m == nil {
			return nil, errorf(codeInternal, "Invalid JSONPath format: %s at %q", path, rest)
		}
		s := step{unescape.ReplaceAllString(m[1]+m[2], "$1"), -1}
		if m[3] != "" {
			n, err := strconv.Atoi(m[3])
			if err != nil {
				return nil, errorf(codeInternal, "Invalid JSONPath format: %s", path)
			}
			s.index = n
		}
		steps, rest = append(steps, s), rest[len(m[0]):]
	}
	return steps, nil
}

// follow goes the steps into a value; nil if it ends before.
func follow(value jsontext.Value, steps []step) jsontext.Value {
	for _, s := range steps {
		var found jsontext.Value
		switch {
		case value == nil:
			return nil
		case s.index < 0 && value.Kind() == '{':
			_ = fieldsOf(value, func(name string, v jsontext.Value) {
				if name == s.name {
					found = v
				}
			})
		case s.index >= 0 && value.Kind() == '[':
			var elements []json.RawMessage
			if json.Unmarshal(value, &elements) == nil && s.index < len(elements) {
				found = jsontext.Value(elements[s.index])
			}
		}
		value = found
	}
	return value
}
