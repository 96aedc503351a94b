package redshiftstandin

import (
	"context"
	"strings"
)

// declared is an open cursor: its result is made when it is declared, as
// Redshift's is when the first row is fetched.
type declared struct {
	name    string
	columns []column
	rows    [][]*string
}

// declaredSink keeps a query's result.
type declaredSink struct {
	*declared
	sink
}

func (p declaredSink) columns(c []column) { p.declared.columns = c }
func (p declaredSink) row(values []*string) {
	p.rows = append(p.rows, values)
}
func (p declaredSink) done(string) {}

// declare is DECLARE name CURSOR FOR query. A session has one cursor at a
// time, in a transaction block only (DECLARE, AWS guide).
func (s *session) declare(ctx context.Context, c *cursor, out sink) error {
	c.next()
	name, err := c.name()
	if err != nil {
		return err
	}
	if err := c.expect("cursor", "for"); err != nil {
		return err
	}
	switch {
	case !s.tx.block:
		return errorf(codeNoBlock, "DECLARE CURSOR may only be used in transaction blocks")
	case s.tx.declared != nil:
		return errorf("42P03", "cursor %q is open: a session has one at a time", s.tx.declared.name)
	case !c.peek().is("select", "with"):
		return c.unexpected()
	}
	p := &declared{name: name}
	if err := s.query(ctx, &cursor{tokens: c.tokens[c.at:], fold: c.fold}, declaredSink{p, out}); err != nil {
		return err
	}
	s.tx.declared = p
	out.done("DECLARE CURSOR")
	return nil
}

// fetch is FETCH [NEXT | FORWARD n] FROM name. A cluster of one node gives
// 1,000 rows at most and knows no FORWARD ALL, so nothing else is imitated.
func (s *session) fetch(_ context.Context, c *cursor, out sink) error {
	c.next()
	n := 1
	if !c.take("next") {
		if err := c.expect("forward"); err != nil {
			return err
		}
		var err error
		if n, err = c.integer(); err != nil {
			return notImitated("FETCH FORWARD %s", strings.ToUpper(c.peek().raw))
		}
	}
	if err := c.expect("from"); err != nil {
		return err
	}
	p, err := s.declaredNamed(c)
	if err != nil {
		return err
	}
	if n < 1 || n > 1000 {
		return errorf(codeBadParameter, "Fetch size %d exceeds the limit of 1000 for a single node configuration", n)
	}
	n = min(n, len(p.rows))
	out.columns(p.columns)
	for _, r := range p.rows[:n] {
		out.row(r)
	}
	p.rows = p.rows[n:]
	out.done(count("FETCH", int64(n)))
	return nil
}

// closeDeclared is CLOSE name.
func (s *session) closeDeclared(_ context.Context, c *cursor, out sink) error {
	c.next()
	if _, err := s.declaredNamed(c); err != nil {
		return err
	}
	s.tx.declared = nil
	out.done("CLOSE CURSOR")
	return nil
}

func (s *session) declaredNamed(c *cursor) (*declared, error) {
	name, err := c.name()
	if err != nil {
		return nil, err
	}
	if err := c.end(); err != nil {
		return nil, err
	}
	if s.tx.declared == nil || s.tx.declared.name != name {
		return nil, errorf("34000", "cursor %q does not exist", name)
	}
	return s.tx.declared, nil
}
