package redshiftstandin

import (
	"strconv"
	"strings"
)

// cursor reads a statement's tokens one after the other. fold says whether
// quoted names lose their case, as they do in Redshift unless
// enable_case_sensitive_identifier is on.
type cursor struct {
	tokens []token
	at     int
	fold   bool
}

func (c *cursor) done() bool { return c.at >= len(c.tokens) }

// peek returns the next token, one of kind 0 at the end.
func (c *cursor) peek() token { return c.ahead(0) }

func (c *cursor) ahead(n int) token {
	if c.at+n < len(c.tokens) {
		return c.tokens[c.at+n]
	}
	return token{}
}

func (c *cursor) next() token {
	t := c.peek()
	c.at++
	return t
}

// take steps over the words if all of them come next.
func (c *cursor) take(words ...string) bool {
	for i, w := range words {
		if !c.ahead(i).is(w) {
			return false
		}
	}
	c.at += len(words)
	return true
}

func (c *cursor) unexpected() *Error {
	if c.done() {
		return syntaxError("at end of input")
	}
	return syntaxError("at or near %q", c.peek().raw)
}

func (c *cursor) expect(words ...string) error {
	for _, w := range words {
		if !c.take(w) {
			return c.unexpected()
		}
	}
	return nil
}

func (c *cursor) end() error {
	if !c.done() {
		return c.unexpected()
	}
	return nil
}

// name reads an identifier.
func (c *cursor) name() (string, error) {
	t := c.peek()
	if !t.isName() {
		return "", c.unexpected()
	}
	c.at++
	return c.folded(t), nil
}

func (c *cursor) folded(t token) string {
	if t.kind == quoted && !c.fold {
		return t.text
	}
	return strings.ToLower(t.text)
}

// tableName is a table's name, with its schema if the statement gives one.
type tableName struct{ schema, name string }

func (n tableName) String() string {
	if n.schema == "" {
		return n.name
	}
	return n.schema + "." + n.name
}

// table reads a table's name.
func (c *cursor) table() (tableName, error) {
	name, err := c.name()
	if err != nil {
		return tableName{}, err
	}
	if !c.take(".") {
		return tableName{name: name}, nil
	}
	n := tableName{schema: name}
	if n.name, err = c.name(); err == nil && c.peek().is(".") {
		return n, notImitated("names of other databases (%s.%s.…)", n.schema, n.name)
	}
	return n, err
}

// names reads a list of identifiers in parentheses.
func (c *cursor) names() ([]string, error) {
	if err := c.expect("("); err != nil {
		return nil, err
	}
	var names []string
	for {
		name, err := c.name()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if c.take(")") {
			return names, nil
		}
		if err := c.expect(","); err != nil {
			return nil, err
		}
	}
}

// string reads a string.
func (c *cursor) string() (string, error) {
	t := c.peek()
	if t.kind != text {
		return "", c.unexpected()
	}
	c.at++
	return t.text, nil
}

// integer reads an unsigned integer.
func (c *cursor) integer() (int, error) {
	n, err := strconv.Atoi(c.peek().text)
	if c.peek().kind != number || err != nil {
		return 0, c.unexpected()
	}
	c.at++
	return n, nil
}
