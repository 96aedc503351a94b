package redshiftstandin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxColumns is the limit of a table (CREATE TABLE, AWS guide).
const maxColumns = 1600

// newTable is a parsed CREATE TABLE.
type newTable struct {
	name      tableName
	temporary bool
	ifAbsent  bool
	columns   []columnInfo
	like      []tableName
	info      tableInfo
	as        []token
}

func (s *session) create(ctx context.Context, c *cursor, out sink) error {
	c.next()
	t := &newTable{}
	_ = c.take("local")
	t.temporary = c.take("temp") || c.take("temporary")
	switch {
	case c.take("table"):
	case !t.temporary && c.take("schema"):
		return s.createSchema(ctx, c, out)
	case !t.temporary && c.take("view"):
		return s.createView(ctx, c, out)
	default:
		return notImitated("CREATE %s", strings.ToUpper(c.peek().raw))
	}
	t.ifAbsent = c.take("if", "not", "exists")
	var err error
	if t.name, err = c.table(); err != nil {
		return err
	}
	if name, temporary := strings.CutPrefix(t.name.name, "#"); temporary {
		return notImitated("temporary tables by a # (%s): say CREATE TEMP TABLE", name)
	}
	if t.temporary && t.name.schema != "" {
		return errorf("42P16", "temporary tables may not specify a schema name")
	}
	if c.peek().is("(") {
		if err := c.tableElements(t); err != nil {
			return err
		}
	}
	if err := c.tableAttributes(t); err != nil {
		return err
	}
	if c.take("as") {
		t.as, c.at = c.tokens[c.at:], len(c.tokens)
	}
	if err := c.end(); err != nil {
		return err
	}
	return s.makeTable(ctx, t, out)
}

func (s *session) createSchema(ctx context.Context, c *cursor, out sink) error {
	ifAbsent := c.take("if", "not", "exists")
	name, err := c.name()
	if err != nil {
		return err
	}
	if !c.done() {
		return notImitated("the options of CREATE SCHEMA")
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	create := "CREATE SCHEMA "
	if ifAbsent {
		create = "CREATE SCHEMA IF NOT EXISTS "
	}
	if err := s.exec(ctx, create+"memory."+identifier(name)); err != nil {
		return err
	}
	out.done("CREATE SCHEMA")
	return nil
}

// makeTable makes the table that a CREATE TABLE describes.
func (s *session) makeTable(ctx context.Context, t *newTable, out sink) error {
	tag := "CREATE TABLE"
	for _, like := range t.like {
		if err := s.lock(ctx, s.key(like), reading); err != nil {
			return err
		}
	}
	if !t.temporary {
		// The name belongs to this transaction until it ends.
		name := t.name
		if name.schema == "" {
			name.schema = s.schema()
		}
		if err := s.lock(ctx, s.key(name), exclusive); err != nil {
			return err
		}
		t.name = name
	} else {
		t.name.schema = "pg_temp"
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.existsIn(ctx, t.name) {
		if t.ifAbsent {
			out.notice(fmt.Sprintf("Relation %q already exists and will be skipped", t.name.name))
			out.done(tag)
			return nil
		}
		return errorf(codeDuplicate, "Relation %q already exists", t.name.name)
	}
	for _, like := range t.like {
		columns, err := s.describe(ctx, like)
		if err != nil {
			return err
		}
		for _, c := range columns {
			c.Key, c.Default = false, "" // LIKE without INCLUDING DEFAULTS
			t.columns = append(t.columns, c)
		}
	}
	if t.as != nil {
		return s.makeTableAs(ctx, t, out)
	}
	if err := t.check(); err != nil {
		return err
	}
	if err := s.exec(ctx, t.duck(s.duck(t.name))); err != nil {
		return err
	}
	if err := s.describeNew(ctx, t); err != nil {
		return err
	}
	out.done(tag)
	return nil
}

// describeNew writes what a new table is into the catalog.
func (s *session) describeNew(ctx context.Context, t *newTable) error {
	if t.temporary {
		s.temps[t.name.name] = true
	} else {
		s.tx.written[s.key(t.name)] = true
	}
	for _, c := range t.columns {
		if err := s.comment(ctx, t.name, c); err != nil {
			return err
		}
	}
	info, err := json.Marshal(t.info)
	if err != nil {
		return err
	}
	return s.exec(ctx, "COMMENT ON TABLE "+s.duck(t.name)+" IS "+literal(string(info)))
}

// existsIn looks for a table in the session's own snapshot.
func (s *session) existsIn(ctx context.Context, t tableName) bool {
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM duckdb_tables() WHERE "+s.where(t)).Scan(&n)
	return err == nil && n > 0
}

// check looks at the columns together.
func (t *newTable) check() error {
	if len(t.columns) == 0 {
		return syntaxError("at or near \")\": a table has columns")
	}
	if len(t.columns) > maxColumns {
		return errorf(codeTooManyColumn, "tables can have at most %d columns", maxColumns)
	}
	types := map[string]string{}
	for _, c := range t.columns {
		if types[c.Column] != "" {
			return errorf(codeDuplicateCol, "column %q specified more than once", c.Column)
		}
		if types[strings.ToLower(c.Column)] != "" {
			return notImitated("columns that differ in letter case only (%q)", c.Column)
		}
		types[strings.ToLower(c.Column)], types[c.Column] = c.Type.Name, c.Type.Name
	}
	for _, k := range append(slices.Clone(t.info.SortKey), t.info.DistKey) {
		switch {
		case k != "" && types[k] == "":
			return errorf(codeNoColumn, "column %q named in key does not exist", k)
		case k != "" && types[k] == "super":
			return errorf(codeUnsupported, "SUPER column %q cannot be a distribution or sort key", k)
		}
	}
	return nil
}

// duck writes the table for DuckDB. Keys are not enforced in Redshift.
func (t *newTable) duck(name string) string {
	var b strings.Builder
	b.WriteString(t.createTable() + name + " (")
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(identifier(c.Column) + " " + c.Type.duck())
		if c.Default != "" {
			b.WriteString(" DEFAULT " + c.Default)
		}
		if c.NotNull {
			b.WriteString(" NOT NULL")
		}
	}
	return b.String() + ")"
}

// makeTableAs is CREATE TABLE … AS query.
func (s *session) makeTableAs(ctx context.Context, t *newTable, out sink) error {
	if len(t.columns) > 0 {
		return notImitated("column names in CREATE TABLE AS")
	}
	query, err := s.translateQuery(ctx, &cursor{tokens: t.as, fold: s.folds()})
	if err != nil {
		return err
	}
	if err := s.exec(ctx, t.createTable()+s.duck(t.name)+" AS "+query); err != nil {
		return err
	}
	if t.columns, err = s.describe(ctx, t.name); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	if err := s.describeNew(ctx, t); err != nil {
		return err
	}
	out.done("SELECT")
	return nil
}

func (t *newTable) createTable() string {
	if t.temporary {
		return "CREATE TEMP TABLE "
	}
	return "CREATE TABLE "
}
