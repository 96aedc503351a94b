package redshiftstandin

import (
	"context"
	"strings"
)

// rewriter writes a statement of Redshift's for DuckDB. It goes through the
// tokens once and remembers where the operand before a '::' began.
type rewriter struct {
	*cursor
	session *session
	supers  map[string]map[string]bool // SUPER columns, by the tables' aliases
	refs    []reference
	out     []string
	primary int // where in out the last operand starts, -1 for none
}

// rewrite writes a statement for DuckDB.
func (s *session) rewrite(ctx context.Context, c *cursor, refs []reference) (string, error) {
	r := &rewriter{cursor: c, session: s, refs: refs, supers: map[string]map[string]bool{}, primary: -1}
	for _, ref := range refs {
		r.supers[ref.alias] = map[string]bool{}
		if s.isSystem(ref.tableName) {
			continue
		}
		columns, err := s.describe(ctx, ref.tableName)
		if err != nil {
			continue // a common table expression; DuckDB tells if it is not
		}
		for _, c := range columns {
			r.supers[ref.alias][c.Column] = c.Type.Name == "super"
		}
	}
	err := r.until()
	return strings.Join(r.out, " "), err
}

// until rewrites up to one of the closing words, or the end.
func (r *rewriter) until(closing ...string) error {
	for !r.done() {
		if len(closing) > 0 && r.peek().is(closing...) {
			return nil
		}
		if err := r.one(); err != nil {
			return err
		}
	}
	if len(closing) > 0 {
		return r.unexpected()
	}
	return nil
}

// operand adds an operand: a '::' may follow.
func (r *rewriter) operand(duck string) {
	r.primary = len(r.out)
	r.out = append(r.out, duck)
}

// nested rewrites what stands between here and a closing word.
func (r *rewriter) nested(closing string) (string, error) {
	inner := &rewriter{cursor: r.cursor, session: r.session, supers: r.supers, refs: r.refs, primary: -1}
	if err := inner.until(closing); err != nil {
		return "", err
	}
	r.next()
	return strings.Join(inner.out, " "), nil
}

// one rewrites the next token, or the few that belong together.
func (r *rewriter) one() error {
	switch t := r.peek(); {
	case t.kind == text:
		r.next()
		r.operand(literal(t.text))
	case t.kind == number:
		r.next()
		r.operand(t.text)
	case t.is("("):
		r.next()
		inner, err := r.nested(")")
		if err != nil {
			return err
		}
		r.operand("(" + inner + ")")
	case t.is("case"):
		r.next()
		inner, err := r.nested("end")
		if err != nil {
			return err
		}
		r.operand("CASE " + inner + " END")
	case t.is("::"):
		r.next()
		return r.castTo()
	case t.is("from", "join", "into", "update", "using"):
		return r.from()
	case t.kind == word && r.isKeyword(t):
		r.next()
		r.primary = -1
		r.out = append(r.out, strings.ToUpper(t.text))
	case t.isName():
		return r.named()
	case t.kind == mark:
		return r.mark()
	default:
		return r.unexpected()
	}
	return nil
}

// mark rewrites an operator. '~' is a search in Redshift, a whole match in DuckDB.
func (r *rewriter) mark() error {
	t := r.next()
	if t.is("~", "!~", "~*", "!~*", "&", "|", "^", "@") {
		return notImitated("the operator %s", t.text)
	}
	r.primary = -1
	r.out = append(r.out, t.text)
	return nil
}

// castTo wraps the last operand into a cast.
func (r *rewriter) castTo() error {
	if r.primary < 0 {
		return r.unexpected()
	}
	t, err := r.dataType()
	if err != nil {
		return err
	}
	operand := strings.Join(r.out[r.primary:], " ")
	r.out = append(r.out[:r.primary], cast(operand, t))
	return nil
}

// cast writes a cast. Of a SUPER value, which DuckDB would turn into JSON
// text, the rs_to_… macros take the scalar out. A VARCHAR that is too long is
// cut, as explicit casts do.
func cast(operand string, t dataType) string {
	switch t.Name {
	case "super":
		return "rs_to_super(" + operand + ")"
	case "character varying", "character":
		return "rs_cut(rs_scalar(" + operand + "), " + itoa(t.Length) + ")"
	case "boolean":
		return "rs_to_boolean(rs_raw(" + operand + "))::BOOLEAN"
	case "smallint", "integer", "bigint", "real", "double precision", "numeric":
		return "rs_number(" + operand + ")::" + t.duck()
	}
	return "rs_raw(" + operand + ")::" + t.duck()
}

// from rewrites the table behind FROM, JOIN, INTO, UPDATE or USING.
func (r *rewriter) from() error {
	t := r.next()
	r.primary = -1
	r.out = append(r.out, strings.ToUpper(t.text))
	for r.peek().isName() && (r.peek().kind == quoted || !r.ahead(1).is("(") || t.is("into")) {
		at := r.at
		ref, ok := r.reference()
		if !ok {
			r.at = at
			return nil
		}
		r.out = append(r.out, r.tableFor(ref))
		if t.is("into") && ref.alias != ref.name || t.is("into", "update") {
			return nil
		}
		if !r.peek().is(",") {
			return nil
		}
		if !r.ahead(1).isName() {
			return nil
		}
		if t.is("from", "using") {
			r.next()
			r.out = append(r.out, ",")
		}
	}
	return nil
}

// tableFor writes a table and its alias.
func (r *rewriter) tableFor(ref reference) string {
	if view, ok := systemTables[ref.String()]; ok {
		return view + " AS " + identifier(ref.alias)
	}
	name := identifier(ref.name)
	switch {
	case ref.schema != "" || r.session.temps[ref.name]:
		name = r.session.duck(ref.tableName)
	case !r.isCommon(ref.name):
		name = r.session.duck(ref.tableName)
	}
	if ref.alias == ref.name {
		return name
	}
	return name + " AS " + identifier(ref.alias)
}

// isCommon tells names of common table expressions (WITH name AS (…)) from tables.
func (r *rewriter) isCommon(name string) bool {
	for i, t := range r.tokens {
		if !t.isName() || r.folded(t) != name || i == 0 || !r.tokens[i-1].is("with", ",", "recursive") {
			continue
		}
		at := &cursor{tokens: r.tokens, at: i + 1, fold: r.fold}
		if at.peek().is("(") {
			if _, err := at.names(); err != nil {
				continue
			}
		}
		if at.take("as", "(") {
			return true
		}
	}
	return false
}
