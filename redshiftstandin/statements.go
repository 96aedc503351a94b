package redshiftstandin

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"
)

var sqlBadConn = driver.ErrBadConn

// otherStatements are Redshift's, but not imitated.
var otherStatements = map[string]bool{
	"call": true, "cancel": true, "comment": true, "deallocate": true, "desc": true, "describe": true,
	"execute": true, "explain": true, "grant": true, "merge": true, "prepare": true, "refresh": true, "revoke": true,
	"unload": true, "use": true, "attach": true, "associate": true,
}

// statements are those that are imitated, by their first word.
func statements() map[string]func(*session, context.Context, *cursor, sink) error {
	return map[string]func(*session, context.Context, *cursor, sink) error{
		"begin": (*session).beginBlock, "start": (*session).beginBlock,
		"commit": (*session).endBlock, "end": (*session).endBlock,
		"rollback": (*session).rollbackBlock, "abort": (*session).rollbackBlock,
		"lock": (*session).lockTables,
		"set":  (*session).set, "reset": (*session).reset, "show": (*session).show,
		"declare": (*session).declare, "fetch": (*session).fetch, "close": (*session).closeDeclared,
		"copy":   (*session).copy,
		"create": (*session).create, "drop": (*session).drop, "alter": (*session).alter, "truncate": (*session).truncate,
		"select": (*session).query, "with": (*session).query,
		"insert": (*session).change, "update": (*session).change, "delete": (*session).change,
		"analyze": (*session).analyze, "vacuum": (*session).analyze,
	}
}

func (s *session) beginBlock(_ context.Context, c *cursor, out sink) error {
	start := c.next().is("start")
	if !c.take("transaction") && (start || !c.take("work")) && start {
		return c.unexpected()
	}
	if c.take("isolation", "level") {
		// All levels mean the database's own in Redshift (BEGIN).
		if !c.take("serializable") && !c.take("snapshot") && !c.take("read", "committed") && !c.take("read", "uncommitted") && !c.take("repeatable", "read") {
			return c.unexpected()
		}
	}
	if c.take("read", "only") {
		return notImitated("READ ONLY transactions")
	}
	c.take("read", "write")
	if err := c.end(); err != nil {
		return err
	}
	if s.tx.block {
		out.notice("there is already a transaction in progress")
	} else {
		s.begin()
		s.tx.block = true
	}
	out.done("BEGIN")
	return nil
}

func (s *session) endBlock(_ context.Context, c *cursor, out sink) error {
	c.next()
	if !c.take("transaction") {
		c.take("work")
	}
	if err := c.end(); err != nil {
		return err
	}
	tag := "COMMIT"
	switch {
	case s.tx.failed:
		tag = "ROLLBACK" // as PostgreSQL: the tag tells
		s.rollback()
	case !s.tx.block:
		out.notice("there is no transaction in progress")
	default:
		if err := s.commit(); err != nil {
			return err
		}
	}
	out.done(tag)
	return nil
}

func (s *session) rollbackBlock(_ context.Context, c *cursor, out sink) error {
	c.next()
	if !c.take("transaction") {
		c.take("work")
	}
	if c.peek().is("to") {
		return syntaxError("at or near \"to\": there are no savepoints")
	}
	if err := c.end(); err != nil {
		return err
	}
	if !s.tx.block {
		out.notice("there is no transaction in progress")
	}
	s.rollback()
	out.done("ROLLBACK")
	return nil
}

// lockTables is LOCK [TABLE] a [, b]. Redshift has no other mode than ACCESS
// EXCLUSIVE and no NOWAIT, and refuses it outside a block.
func (s *session) lockTables(ctx context.Context, c *cursor, out sink) error {
	c.next()
	c.take("table")
	if !s.tx.block {
		return errorf(codeNoBlock, "LOCK TABLE may only be used in transaction blocks")
	}
	for {
		t, err := c.table()
		if err != nil {
			return err
		}
		if err := s.lock(ctx, s.key(t), exclusive); err != nil {
			return err
		}
		if !s.exists(ctx, t) {
			return errorf(codeNoTable, "relation %q does not exist", t.String())
		}
		if !c.take(",") {
			break
		}
	}
	if err := c.end(); err != nil {
		return err
	}
	out.done("LOCK TABLE")
	return nil
}

// analyze is ANALYZE and VACUUM, which change nothing that can be seen.
func (s *session) analyze(ctx context.Context, c *cursor, out sink) error {
	verb := c.next().text
	if verb == "vacuum" && (s.tx.block || s.tx.chain) {
		return errorf(codeInBlock, "VACUUM cannot run inside a transaction block")
	}
	if verb == "vacuum" {
		_ = c.take("full") || c.take("sort", "only") || c.take("delete", "only") || c.take("reindex")
	}
	if !c.done() {
		t, err := c.table()
		if err != nil {
			return err
		}
		if !s.exists(ctx, t) {
			return errorf(codeNoTable, "relation %q does not exist", t.String())
		}
	}
	if err := c.end(); err != nil {
		return err
	}
	out.done(strings.ToUpper(verb))
	return nil
}

// count writes a tag with a number.
func count(tag string, n int64) string { return tag + " " + strconv.FormatInt(n, 10) }
