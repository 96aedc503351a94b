package declare

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// Problem is something that is wrong with declarations.
type Problem struct {
	Key  string // where: "types.app.access.renames.userId", "routes.2.tag"
	Err  error
	Want string // what is accepted there
}

func (p Problem) Error() string { return fmt.Sprintf("%s: %v: want %s", p.Key, p.Err, p.Want) }

// checker finds problems.
type checker struct {
	*Set
	problems []Problem
}

func (c *checker) fail(key, want, format string, args ...any) {
	c.problems = append(c.problems, Problem{Key: key, Err: fmt.Errorf(format, args...), Want: want})
}

const wantName = "a name of at most 63 bytes, of a-z, 0-9 and _, that begins with no digit and is no reserved word"

func (c *checker) check(t *Type) {
	key := "types." + string(t.Name)
	if own, err := ikada.TypeOf(string(t.Name)); err != nil {
		c.fail(key, "a log type", "%w", err)
	} else if own != t.Name {
		c.fail(key, "another log type", "it is Ikada's own")
	}
	c.table(t, key)
	names := c.columns(t, key)
	c.guards(t, key)
	c.keys(t, key, names)
}

// table checks a table's name, and takes it. Declared log types without a name
// have their own.
func (c *checker) table(t *Type, key string) {
	name := t.Table
	if name != "" {
		key += ".table"
		if !ikada.PlainIdentifier(name) || name == string(ikada.Quarantine) {
			c.fail(key, wantName, "%q is no name for a table", name)
			return
		}
	} else {
		name = t.Name.TableName()
	}
	if owner, taken := c.tables[name]; taken && owner != t.Name {
		c.fail(key, "a table for each log type (several tags come into one table by routes)", "log type %s has table %q too", owner, name)
		return
	}
	c.tables[name] = t.Name
}

// columns checks the declared columns, and returns them by their names, with
// the system columns.
func (c *checker) columns(t *Type, key string) map[string]warehouse.Type {
	names := map[string]warehouse.Type{}
	fields := map[string]string{}
	for _, s := range warehouse.SystemColumns {
		names[s.Name] = s.Type
	}
	for _, col := range t.Columns {
		at, name := key+".columns."+col.Field, col.Name
		if name != "" {
			at = key + ".renames." + col.Field
			switch {
			case strings.HasPrefix(name, "_") && ikada.IsSystemField(name):
				c.fail(at, "another name", "%q is a system column, which every table has", name)
				continue
			case !ikada.PlainIdentifier(name):
				c.fail(at, wantName, "%q is no name for a column", name)
				continue
			}
		} else {
			name = ikada.ColumnName(ikada.FieldName(col.Field), false)
		}
		if other, taken := fields[name]; taken {
			c.fail(at, "a column for each field", "field %s has column %q too", other, name)
			continue
		}
		fields[name], names[name] = col.Field, col.Type
	}
	if len(t.Columns) > warehouse.MaxColumns {
		c.fail(key+".columns", fmt.Sprintf("at most %d", warehouse.MaxColumns), "%d are too many", len(t.Columns))
	}
	return names
}

// guards checks what is dropped, hashed and masked.
func (c *checker) guards(t *Type, key string) {
	for i, g := range t.Guards {
		at := key + "." + g.Do.String() + "." + g.Path
		if err := checkPath(g.Path); err != nil {
			c.fail(at, wantPath, "%w", err)
			continue
		}
		if g.Do == HashValue && c.mac == nil {
			c.fail(at, "a secret in hash.secret (environment IKADA_HASH_SECRET)", "there is no key to hash with")
		}
		if g.Do != Drop && isTime(t, g.Path) {
			c.fail(at, "another field", "%s is the event's time, which _time shows anyway", g.Path)
		}
		for _, other := range t.Guards[:i] {
			if within(g.Path, other.Path) || within(other.Path, g.Path) {
				c.fail(at, "one thing to be done with a field", "%s says what is done with %s", other.Do, other.Path)
				break
			}
		}
		for _, col := range t.Columns {
			switch {
			case col.Field != g.Path:
			case g.Do == Drop:
				c.fail(at, "a field without a column", "field %s has a declared column", g.Path)
			case col.Type != 0 && col.Type != warehouse.Text && col.Type != warehouse.JSON:
				c.fail(at, "a column of type text", "it makes texts, and the column is %s", col.Type)
			}
		}
	}
}

// isTime reports whether a field holds the event's time, or may.
func isTime(t *Type, path string) bool {
	return t.Time != nil && within(t.Time.Path, path) || ikada.TimeRank(path) > 0
}

// within reports whether a path is another, or below it.
func within(path, other string) bool { return path == other || strings.HasPrefix(path, other+".") }

const (
	maxDepth = 8
	wantPath = "a field, or a path of at most 8 keys: user.email"
)

func checkPath(path string) error {
	parts := strings.Split(path, ".")
	switch {
	case path == "":
		return errors.New("it is empty")
	case len(parts) > maxDepth:
		return fmt.Errorf("%q is too deep", path)
	case slices.Contains(parts, ""):
		return fmt.Errorf("%q has an empty key", path)
	}
	return nil
}

// keys checks sort and distribution keys: their columns must be there when the
// table is made.
func (c *checker) keys(t *Type, key string, names map[string]warehouse.Type) {
	check := func(at, name string) {
		if is := names[name]; is == 0 {
			c.fail(at, "a column whose type is declared, or _time", "%q is no column that the table is made with", name)
		} else if is == warehouse.JSON {
			c.fail(at, "a column of another type", "%q holds JSON", name)
		}
	}
	for i, name := range t.SortKeys {
		check(key+".sort_keys", name)
		if slices.Contains(t.SortKeys[:i], name) {
			c.fail(key+".sort_keys", "each column once", "%q is there twice", name)
		}
	}
	if len(t.SortKeys) > 400 {
		c.fail(key+".sort_keys", "at most 400 columns", "%d are too many", len(t.SortKeys))
	}
	switch {
	case t.DistKey != "":
		if check(key+".dist_key", t.DistKey); t.DistStyle != "key" && t.DistStyle != "" {
			c.fail(key+".dist_style", "key, or no dist_key", "dist_key is set, and the style is %s", t.DistStyle)
		}
	case t.DistStyle == "key":
		c.fail(key+".dist_style", "dist_key too", "it is key, without saying which")
	}
}

// route checks a route and adds it.
func (c *checker) route(i int, from Route) {
	key := "routes." + strconv.Itoa(i+1)
	before := len(c.problems)
	r := rule{field: from.Field}
	var err error
	captures := 0
	if r.tag, err = pattern(from.Tag); err != nil {
		c.fail(key+".tag", Patterns, "%w", err)
	} else {
		captures = r.tag.NumSubexp()
	}
	if from.Field == "" && from.Value != "" {
		c.fail(key+".value", "field too", "it is of no field")
	}
	if from.Field != "" {
		if err := checkPath(from.Field); err != nil {
			c.fail(key+".field", wantPath, "%w", err)
		}
	}
	if from.Value != "" {
		if r.value, err = pattern(from.Value); err != nil {
			c.fail(key+".value", Patterns, "%w", err)
		} else {
			captures += r.value.NumSubexp()
		}
	}
	if len(c.problems) > before {
		return // how many captures there are is not known
	}
	const want = "a log type, with $1, $2, … for what the patterns captured"
	if r.target, err = parseTarget(from.Type, captures); err != nil {
		c.fail(key+".type", want, "%w", err)
		return
	}
	if len(r.target.holes) == 0 {
		fixed := r.target.texts[0]
		if own, err := ikada.TypeOf(fixed); err != nil {
			c.fail(key+".type", want, "%w", err)
		} else if string(own) != fixed {
			c.fail(key+".type", want, "%q is Ikada's own", fixed)
		}
	}
	c.shows(key, r)
	c.routes = append(c.routes, r)
}

// shows finds routes that put a guarded field's value into a log type's name.
func (c *checker) shows(key string, r rule) {
	of := r.tag.NumSubexp()
	if !slices.ContainsFunc(r.target.holes, func(n int) bool { return n > of }) {
		return
	}
	for _, t := range c.types {
		for _, g := range t.Guards {
			if (within(r.field, g.Path) || within(g.Path, r.field)) && r.target.may(string(t.Name)) {
				c.fail(key+".type", "no capture of that field", "log type %s guards field %s, whose value would be in the log type's name", t.Name, r.field)
				return
			}
		}
	}
}
