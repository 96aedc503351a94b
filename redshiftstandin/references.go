package redshiftstandin

// reference is a table that a statement names, with the name it goes by there.
type reference struct {
	tableName
	alias string
}

// notAlias are words that may follow a table and are no alias.
var notAlias = map[string]bool{
	"where": true, "join": true, "inner": true, "left": true, "right": true, "full": true, "cross": true, "natural": true, "on": true,
	"using": true, "group": true, "order": true, "limit": true, "offset": true, "having": true, "union": true, "except": true,
	"intersect": true, "minus": true, "set": true, "values": true, "select": true, "window": true, "default": true, "with": true, "qualify": true,
}

// references finds the tables in FROM, JOIN, INTO, UPDATE and USING, at any
// depth. Names of common table expressions are among them.
func references(c *cursor) []reference {
	var found []reference
	for i := 0; i < len(c.tokens); i++ {
		t := c.tokens[i]
		if !t.is("from", "join", "into", "update", "using") || i > 0 && c.tokens[i-1].is(".") {
			continue
		}
		at := &cursor{tokens: c.tokens, at: i + 1, fold: c.fold}
		for {
			r, ok := at.reference()
			if !ok {
				break
			}
			found = append(found, r)
			if t.is("into", "update") || !at.take(",") {
				break
			}
		}
	}
	return found
}

func (c *cursor) reference() (reference, bool) {
	if !c.peek().isName() {
		return reference{}, false
	}
	t, err := c.table()
	if err != nil {
		return reference{}, false
	}
	r := reference{t, t.name}
	if c.take("as") || c.peek().isName() && (c.peek().kind == quoted || !notAlias[c.peek().text]) {
		if alias, err := c.name(); err == nil {
			r.alias = alias
		}
	}
	return r, true
}

// foreign are words of DuckDB's or of newer PostgreSQLs that Redshift lacks.
var foreign = map[string]bool{
	"returning": true, "filter": true, "lateral": true, "tablesample": true, "positional": true, "asof": true, "semi": true, "anti": true,
	"pivot_wider": true, "summarize": true, "columns": true,
}

// refuseForeign refuses what DuckDB would understand and Redshift would not.
func refuseForeign(tokens []token) error {
	for i, t := range tokens {
		at := func(n int) token {
			if i+n >= 0 && i+n < len(tokens) {
				return tokens[i+n]
			}
			return token{}
		}
		switch {
		case t.is("{", "}", "?", "$", "@", "!", ":"):
			return syntaxError("at or near %q", t.raw)
		case t.kind == word && foreign[t.text] && !at(-1).is(".", "as") && (at(1).kind == word || at(1).is("(", "*")):
			return syntaxError("at or near %q", t.raw)
		case t.is("on") && at(1).is("conflict"):
			return syntaxError("at or near \"conflict\": Redshift has no ON CONFLICT")
		case t.is("insert") && at(1).is("or"):
			return syntaxError("at or near \"or\"")
		case t.is("[") && (!at(-1).isName() || at(-1).kind == word && keywords[at(-1).text]) && !at(-1).is("]", ")"):
			return syntaxError("at or near \"[\"")
		case t.is("-") && at(1).is(">") && tokens[i].end == tokens[i+1].end-1:
			return syntaxError("at or near \"->\": Redshift has no such operator")
		case t.is("order", "group") && at(1).is("by") && at(2).is("all"):
			return syntaxError("at or near \"all\"")
		case t.is("from") && at(1).kind == text:
			return syntaxError("at or near %s", at(1).raw)
		}
	}
	return nil
}
