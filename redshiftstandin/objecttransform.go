package redshiftstandin

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// objectTransform rewrites OBJECT_TRANSFORM(input [KEEP path, …] [SET path,
// value, …]) into a call of transform.
func (r *rewriter) objectTransform() error {
	r.next()
	inner := &rewriter{cursor: r.cursor, session: r.session, supers: r.supers, refs: r.refs, primary: -1}
	if err := inner.until("keep", "set", ")"); err != nil {
		return err
	}
	keep, set := [][]string(nil), [][]string{}
	var values []string
	if r.take("keep") {
		keep = [][]string{}
		for {
			p, err := r.objectPath()
			if err != nil {
				return err
			}
			keep = append(keep, p)
			if !r.take(",") {
				break
			}
		}
	}
	if r.take("set") {
		for {
			p, err := r.objectPath()
			if err != nil {
				return err
			}
			if err := r.expect(","); err != nil {
				return err
			}
			value := &rewriter{cursor: r.cursor, session: r.session, supers: r.supers, refs: r.refs, primary: -1}
			if err := value.until(",", ")"); err != nil {
				return err
			}
			set = append(set, p)
			values = append(values, "coalesce(to_json("+strings.Join(value.out, " ")+")::VARCHAR, 'null')")
			if !r.take(",") {
				break
			}
		}
	}
	if err := r.expect(")"); err != nil {
		return err
	}
	paths, err := json.Marshal(transformPaths{keep, set})
	if err != nil {
		return err
	}
	args := append([]string{"(" + strings.Join(inner.out, " ") + ")::VARCHAR", literal(string(paths))}, values...)
	r.operand("rs_object_transform(" + strings.Join(args, ", ") + ")::JSON")
	return nil
}

// transformPaths are those of an OBJECT_TRANSFORM; Keep is null without KEEP.
type transformPaths struct{ Keep, Set [][]string }

// objectPath reads '"a"."b"'.
func (c *cursor) objectPath() ([]string, error) {
	text, err := c.string()
	if err != nil {
		return nil, err
	}
	var path []string
	for rest := text; ; {
		t, err := lexQuoted(rest, 0)
		if !strings.HasPrefix(rest, `"`) || err != nil {
			return nil, errorf(codeBadParameter, `OBJECT_TRANSFORM: the path %q is not of the form "a"."b"`, text)
		}
		path, rest = append(path, t.text), rest[t.end:]
		if rest == "" {
			return path, nil
		}
		var dot bool
		if rest, dot = strings.CutPrefix(rest, "."); !dot {
			return nil, errorf(codeBadParameter, `OBJECT_TRANSFORM: the path %q is not of the form "a"."b"`, text)
		}
	}
}

// transform is OBJECT_TRANSFORM as a function of DuckDB's.
type transform struct{}

func (transform) Config() duckdb.ScalarFuncConfig {
	text, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
	if err != nil {
		panic(err) // of a plain type it is nil
	}
	return duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{text, text}, VariadicTypeInfo: text, ResultTypeInfo: text}
}

func (transform) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(args []driver.Value) (any, error) {
		texts := make([]string, len(args))
		for i, a := range args {
			texts[i], _ = a.(string)
		}
		var paths transformPaths
		if err := json.Unmarshal([]byte(texts[1]), &paths); err != nil || len(paths.Set) != len(texts)-2 {
			return nil, fmt.Errorf("OBJECT_TRANSFORM: %d values for %d paths: %w", len(texts)-2, len(paths.Set), err)
		}
		value := jsontext.Value(texts[0])
		if value.Kind() != '{' {
			return nil, fmt.Errorf("OBJECT_TRANSFORM: the input is not an object")
		}
		if paths.Keep != nil {
			value = keepPaths(value, paths.Keep)
		}
		for i, p := range paths.Set {
			value = setPath(value, p, jsontext.Value(texts[i+2]))
		}
		return string(value), nil
	}}
}

// keepPaths leaves only what the paths lead to.
func keepPaths(object jsontext.Value, paths [][]string) jsontext.Value {
	return rebuild(object, func(name string, value jsontext.Value) jsontext.Value {
		var deeper [][]string
		for _, p := range paths {
			switch {
			case p[0] != name:
			case len(p) == 1:
				return value
			default:
				deeper = append(deeper, p[1:])
			}
		}
		if deeper == nil || value.Kind() != '{' {
			return nil
		}
		return keepPaths(value, deeper)
	}, nil)
}

// setPath sets what a path leads to, making what is missing on the way.
func setPath(object jsontext.Value, path []string, to jsontext.Value) jsontext.Value {
	found := false
	deeper := func(value jsontext.Value) jsontext.Value {
		if len(path) == 1 {
			return to
		}
		if value.Kind() != '{' {
			value = jsontext.Value("{}")
		}
		return setPath(value, path[1:], to)
	}
	return rebuild(object, func(name string, value jsontext.Value) jsontext.Value {
		if name != path[0] {
			return value
		}
		found = true
		return deeper(value)
	}, func() (string, jsontext.Value) {
		if found {
			return "", nil
		}
		return path[0], deeper(jsontext.Value("{}"))
	})
}

// rebuild writes an object anew: each field as change makes it, without those
// that become nil, and one more if last says so.
func rebuild(object jsontext.Value, change func(string, jsontext.Value) jsontext.Value, last func() (string, jsontext.Value)) jsontext.Value {
	var b bytes.Buffer
	add := func(name string, value jsontext.Value) {
		if value == nil {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		quotedName, _ := jsontext.AppendQuote(nil, name)
		b.Write(quotedName)
		b.WriteByte(':')
		b.Write(value)
	}
	_ = fieldsOf(object, func(name string, value jsontext.Value) { add(name, change(name, value)) })
	if last != nil {
		add(last())
	}
	return jsontext.Value("{" + b.String() + "}")
}

// register makes Go functions known to the database.
func register(db *sql.DB) error {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return duckdb.RegisterScalarUDF(conn, "rs_object_transform", transform{})
}
