package redshiftstandin

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// alter is ALTER TABLE: ADD COLUMN, ALTER COLUMN TYPE and RENAME TO.
func (s *session) alter(ctx context.Context, c *cursor, out sink) error {
	c.next()
	if !c.take("table") {
		return notImitated("ALTER %s", strings.ToUpper(c.peek().raw))
	}
	t, err := c.table()
	if err != nil {
		return err
	}
	if err := s.lock(ctx, s.key(t), exclusive); err != nil {
		return err
	}
	switch {
	case c.take("add", "column"):
		err = s.addColumn(ctx, t, c)
	case c.peek().is("add") && !c.ahead(1).is("constraint", "primary", "unique", "foreign", "partition"):
		c.next()
		err = s.addColumn(ctx, t, c)
	case c.take("alter", "column"):
		err = s.alterColumn(ctx, t, c)
	case c.take("rename", "to"):
		err = s.renameTable(ctx, t, c)
	default:
		return notImitated("ALTER TABLE … %s", strings.ToUpper(c.peek().raw))
	}
	if err != nil {
		return err
	}
	s.tx.written[s.key(t)] = true
	out.done("ALTER TABLE")
	return nil
}

// addColumn adds one column: "You can add only one column in each ALTER TABLE
// statement" (AWS guide), and there is no IF NOT EXISTS.
func (s *session) addColumn(ctx context.Context, t tableName, c *cursor) error {
	if c.peek().is("if") {
		return c.unexpected()
	}
	column, attributes, err := c.columnDefinition()
	if err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err // a comma, say
	}
	switch {
	case attributes.distKey || attributes.sortKey:
		return errorf(codeUnsupported, "a column that is added cannot be a distribution or sort key")
	case column.Key:
		return errorf(codeUnsupported, "a column that is added cannot have a UNIQUE, PRIMARY KEY or FOREIGN KEY constraint")
	case column.NotNull && column.Default == "":
		return errorf(codeUnsupported, "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
	case column.NotNull:
		return notImitated("ADD COLUMN … NOT NULL")
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	columns, err := s.describe(ctx, t)
	if err != nil {
		return err
	}
	for _, has := range columns {
		if has.Column == column.Column {
			return errorf(codeDuplicateCol, "column %q of relation %q already exists", column.Column, t.name)
		}
		if strings.EqualFold(has.Column, column.Column) {
			return notImitated("columns that differ in letter case only (%q)", column.Column)
		}
	}
	if len(columns) >= maxColumns {
		return errorf(codeTooManyColumn, "tables can have at most %d columns", maxColumns)
	}
	add := fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", s.duck(t), identifier(column.Column), column.Type.duck())
	if column.Default != "" {
		add += " DEFAULT " + column.Default
	}
	if err := s.exec(ctx, add); err != nil {
		return err
	}
	return s.comment(ctx, t, column)
}

// alterColumn changes the length of a VARCHAR, under the conditions of the AWS
// guide (ALTER TABLE, ALTER COLUMN column_name TYPE).
func (s *session) alterColumn(ctx context.Context, t tableName, c *cursor) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	if !c.take("type") {
		return notImitated("ALTER COLUMN … %s", strings.ToUpper(c.peek().raw))
	}
	to, err := c.dataType()
	if err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err
	}
	if s.tx.block || s.tx.chain {
		return errorf(codeInBlock, "ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	columns, err := s.describe(ctx, t)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(columns, func(c columnInfo) bool { return c.Column == name })
	switch {
	case i < 0:
		return errorf(codeNoColumn, "column %q of relation %q does not exist", name, t.name)
	case columns[i].Type.Name != "character varying" || to.Name != "character varying":
		return errorf(codeUnsupported, "target data type is not supported: only the size of a VARCHAR can be changed")
	case slices.Contains([]string{"bytedict", "runlength", "text255", "text32k"}, columns[i].Encode):
		return errorf(codeUnsupported, "cannot alter column %q with encoding %s", name, columns[i].Encode)
	case columns[i].Default != "" || columns[i].Key:
		return errorf(codeUnsupported, "cannot alter column %q with a default or in a key", name)
	}
	var longest int
	query := fmt.Sprintf("SELECT coalesce(max(strlen(%s)), 0) FROM %s", identifier(name), s.duck(t))
	if err := s.db.QueryRowContext(ctx, query).Scan(&longest); err != nil {
		return translate(err)
	}
	if longest > to.Length {
		return errorf(codeTooLong, "cannot alter column %q to VARCHAR(%d): it holds values of %d bytes", name, to.Length, longest)
	}
	columns[i].Type = to
	return s.comment(ctx, t, columns[i])
}

func (s *session) renameTable(ctx context.Context, t tableName, c *cursor) error {
	to, err := c.name()
	if err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err
	}
	target := tableName{schema: t.schema, name: to}
	if err := s.lock(ctx, s.key(target), exclusive); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	s.tx.written[s.key(target)] = true
	return s.exec(ctx, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", s.duck(t), identifier(to)))
}

// drop is DROP TABLE [IF EXISTS] a, b.
func (s *session) drop(ctx context.Context, c *cursor, out sink) error {
	c.next()
	if !c.take("table") {
		return notImitated("DROP %s", strings.ToUpper(c.peek().raw))
	}
	ifExists := c.take("if", "exists")
	for {
		t, err := c.table()
		if err != nil {
			return err
		}
		if err := s.lock(ctx, s.key(t), exclusive); err != nil {
			return err
		}
		if err := s.open(ctx); err != nil {
			return err
		}
		switch {
		case s.existsIn(ctx, t):
			if err := s.exec(ctx, "DROP TABLE "+s.duck(t)); err != nil {
				return err
			}
			s.tx.written[s.key(t)] = true
			if t.schema == "" {
				delete(s.temps, t.name)
			}
		case ifExists:
			out.notice(fmt.Sprintf("Table %q does not exist and will be skipped", t.name))
		default:
			return errorf(codeNoTable, "Table %q does not exist", t.name)
		}
		if !c.take(",") {
			break
		}
	}
	_ = c.take("cascade") || c.take("restrict")
	if err := c.end(); err != nil {
		return err
	}
	out.done("DROP TABLE")
	return nil
}

// truncate is TRUNCATE [TABLE] t. It commits the transaction that it is in, so
// a ROLLBACK behind it brings nothing back (AWS guide, TRUNCATE).
func (s *session) truncate(ctx context.Context, c *cursor, out sink) error {
	c.next()
	_ = c.take("table")
	t, err := c.table()
	if err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return err
	}
	if err := s.lock(ctx, s.key(t), exclusive); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if !s.existsIn(ctx, t) {
		return errorf(codeNoTable, "Table %q does not exist", t.name)
	}
	if err := s.exec(ctx, "DELETE FROM "+s.duck(t)); err != nil {
		return err
	}
	s.tx.written[s.key(t)] = true
	if err := s.commit(); err != nil {
		return err
	}
	out.done("TRUNCATE TABLE")
	return nil
}
